/* SPDX-License-Identifier: MIT */
/*
 * Semaphores that processes share: sem_wait, sem_timedwait, sem_clockwait, and what others see of
 * a wait. Who waits is counted in the semaphore: that is the event which the other side waits for.
 */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fibers.h"
#include "mpgreen.h"
#include "signals.h"
#include "suites.h"
#include "way.h"

enum { MANY = 150 };

static sem_t *sem;
static char name[64];
static _Atomic bool done;
static _Atomic int taken;
static pthread_t helper;

/* For those who are marked: memory of the test's own. */
static sem_t *new_sem(int shared, unsigned value)
{
	sem_t *made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);

	ck_assert_ptr_ne(made, MAP_FAILED);
	OK(0, sem_init(made, shared, value));
	return made;
}

static sem_t *open_named(unsigned value)
{
	sem_t *made;

	snprintf(name, sizeof(name), "/mpgreen-test-%d", getpid());
	made = sem_open(name, O_CREAT | O_EXCL, 0600, value);
	ck_assert_ptr_ne(made, SEM_FAILED);
	return made;
}

/* Rows of a table: of sem_init(), of sem_open(). */
enum { MAPPED, NAMED, SHARED_KINDS };

static void open_shared(int kind, unsigned value)
{
	sem = kind == MAPPED ? new_sem(1, value) : open_named(value);
	if (kind == NAMED)
		ck_assert_int_eq(sem_unlink(name), 0);
}

static int waiting(sem_t *s)
{
	uint64_t data;

	memcpy(&data, s, sizeof(data));
	return (int)(data >> 32);
}

static int tokens(sem_t *s)
{
	int value = -1;

	ck_assert_int_eq(sem_getvalue(s, &value), 0);
	return value;
}

static void assert_left(sem_t *s, int value)
{
	ck_assert_int_eq(tokens(s), value);
	ck_assert_int_eq(waiting(s), 0);
}

static struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec time;

	clock_gettime(clock, &time);
	time.tv_nsec += ms * 1000000;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

static void *help(void *act)
{
	mpgreen_native_enter();
	(*(void (**)(void))act)();
	return NULL;
}

static void (*helping)(void);

/* On a thread, or where `side` says so on a fiber, which runs when the test waits. */
static void beside(int side, void (*act)(void))
{
	helping = act;
	if (side % other_sides() == 1)
		fibers_spawn(act);
	else
		ck_assert_int_eq(pthread_create(&helper, NULL, help, &helping), 0);
}

static void beside_join(int side)
{
	done = true;
	if (side % other_sides() == 1)
		fibers_join();
	else
		join_natively(helper);
	done = false;
}

/* In the line, and asleep: natively in a futex, which says nothing. */
static void await_waiter(void)
{
	UNTIL(waiting(sem));
	if (green() && !fibers_inside())
		UNTIL(is_blocked(test_thread_id()));
}

static void post(void)
{
	await_waiter();
	ck_assert_int_eq(sem_post(sem), 0);
}

static void post_to_a_thread(void)
{
	UNTIL(waiting(sem));
	ck_assert_int_eq(sem_post(sem), 0);
}

START_TEST(a_token_that_is_there_is_taken_at_once)
{
	struct timespec past = { .tv_sec = 1 };

	open_shared(_i, 3);
	OK(0, sem_wait(sem));
	OK(0, sem_timedwait(sem, &past));
	OK(0, sem_clockwait(sem, CLOCK_MONOTONIC, &past));
	assert_left(sem, 0);
	ck_assert_uint_eq(waits(), 0);
	OK(0, _i == MAPPED ? sem_destroy(sem) : sem_close(sem));
}
END_TEST

static int wait_by(int call)
{
	struct timespec real = in_ms(CLOCK_REALTIME, 9000), other = in_ms(CLOCK_MONOTONIC, 9000);

	switch (call) {
	case 0:
		return sem_wait(sem);
	case 1:
		return sem_timedwait(sem, &real);
	case 2:
		return sem_clockwait(sem, CLOCK_REALTIME, &real);
	default:
		return sem_clockwait(sem, CLOCK_MONOTONIC, &other);
	}
}

START_TEST(a_waiter_gets_the_token_that_is_posted)
{
	open_shared(_i / other_sides() % SHARED_KINDS, 0);
	for (int call = 0; call < 4; call++) {
		beside(_i, post);
		OK(0, wait_by(call));
		beside_join(_i);
		assert_left(sem, 0);
	}
	assert_waited();
}
END_TEST

START_TEST(a_wait_with_a_time_gives_up_when_it_has_come)
{
	double began = now_ms();
	struct timespec time;

	open_shared(_i, 0);
	time = in_ms(CLOCK_REALTIME, 30);
	FAILS(ETIMEDOUT, sem_timedwait(sem, &time));
	time = in_ms(CLOCK_REALTIME, 30);
	FAILS(ETIMEDOUT, sem_clockwait(sem, CLOCK_REALTIME, &time));
	time = in_ms(CLOCK_MONOTONIC, 30);
	FAILS(ETIMEDOUT, sem_clockwait(sem, CLOCK_MONOTONIC, &time));
	ck_assert_double_ge(now_ms() - began, 88);
	ck_assert_double_lt(now_ms() - began, 2000);
	assert_left(sem, 0);
	assert_waited();
}
END_TEST

/* The clock may be set: CLOCK_REALTIME is looked at in between. */
START_TEST(a_wait_of_more_than_a_second_does_not_end_before)
{
	double began = now_ms();
	struct timespec time = in_ms(CLOCK_REALTIME, 1300);

	open_shared(MAPPED, 0);
	FAILS(ETIMEDOUT, sem_timedwait(sem, &time));
	ck_assert_double_ge(now_ms() - began, 1298);
	ck_assert_double_lt(now_ms() - began, 4000);
	assert_left(sem, 0);
}
END_TEST

START_TEST(a_time_that_has_passed_is_no_time_to_wait)
{
	struct timespec past = { .tv_sec = 1 }, before = { .tv_sec = -1 };

	open_shared(_i, 0);
	FAILS(ETIMEDOUT, sem_timedwait(sem, &past));
	FAILS(ETIMEDOUT, sem_timedwait(sem, &before));
	FAILS(ETIMEDOUT, sem_clockwait(sem, CLOCK_MONOTONIC, &past));
	assert_left(sem, 0);
}
END_TEST

START_TEST(bad_times_and_clocks_fail_as_ever)
{
	struct timespec much = { .tv_nsec = 1000000000 }, negative = { .tv_nsec = -1 },
			past = { 0 };

	open_shared(_i, 0);
	FAILS(EINVAL, sem_timedwait(sem, &much));
	FAILS(EINVAL, sem_timedwait(sem, &negative));
	FAILS(EINVAL, sem_clockwait(sem, CLOCK_MONOTONIC, &much));
	FAILS(EINVAL, sem_clockwait(sem, CLOCK_BOOTTIME, &past));
	FAILS(EINVAL, sem_init(sem, 1, 1u << 31));
	assert_left(sem, 0);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

/* A waiter in the line may not sleep yet: a signal that comes too early is followed by others. */
static void raise_until_done(void)
{
	await_waiter();
	while (!done) {
		pthread_kill(test_thread(), SIGUSR1);
		breathe();
	}
}

START_TEST(a_handler_ends_a_wait)
{
	open_shared(MAPPED, 0);
	catch_with(0);
	for (int call = 0; call < 4; call++) {
		beside(0, raise_until_done);
		FAILS(EINTR, wait_by(call));
		beside_join(0);
		assert_left(sem, 0);
	}
	ck_assert_int_gt(signals, 0);
	assert_waited();
}
END_TEST

static void raise_and_post(void)
{
	await_waiter();
	for (int i = 0; i < 20; i++) {
		pthread_kill(test_thread(), SIGUSR1);
		breathe();
	}
	ck_assert_int_eq(sem_post(sem), 0);
}

START_TEST(SA_RESTART_spares_a_wait)
{
	open_shared(MAPPED, 0);
	catch_with(SA_RESTART);
	beside(0, raise_and_post);
	OK(0, sem_wait(sem));
	beside_join(0);
	ck_assert_int_gt(signals, 0);
	assert_left(sem, 0);
}
END_TEST

START_TEST(SA_RESTART_does_not_spare_a_wait_with_a_time)
{
	open_shared(MAPPED, 0);
	catch_with(SA_RESTART);
	for (int call = 1; call < 4; call++) {
		beside(0, raise_until_done);
		FAILS(EINTR, wait_by(call));
		beside_join(0);
	}
	assert_left(sem, 0);
}
END_TEST

/* CPython's locks are semaphores, too, and know threads only. */
START_TEST(a_semaphore_that_is_not_shared_blocks_the_thread)
{
	sem = new_sem(0, 0);
	beside(0, post_to_a_thread);
	OK(0, sem_wait(sem));
	ck_assert_uint_eq(waits(), 0);
	beside_join(0);
	assert_left(sem, 0);
}
END_TEST

START_TEST(one_that_is_marked_does_not)
{
	sem = new_sem(0, 0);
	OK(0, mpgreen_mark_sem(sem, _i ? MPGREEN_GREEN : 0));
	OK(0, mpgreen_mark_sem(sem, 0));
	beside(_i, post);
	OK(0, sem_wait(sem));
	beside_join(_i);
	assert_left(sem, 0);
	assert_waited();
}
END_TEST

static void assert_blocks(void)
{
	uint64_t before = waits();

	beside(0, post_to_a_thread);
	OK(0, sem_wait(sem));
	ck_assert_uint_eq(waits(), before);
	beside_join(0);
}

START_TEST(an_unmarked_one_blocks_the_thread)
{
	open_shared(MAPPED, 0);
	OK(0, mpgreen_unmark_sem(sem));
	assert_blocks();
	OK(0, mpgreen_mark_sem(sem, 0));
	beside(_i, post);
	OK(0, sem_wait(sem));
	beside_join(_i);
	assert_waited();
}
END_TEST

START_TEST(a_mark_ends_with_its_semaphore)
{
	sem = new_sem(0, 0);
	OK(0, mpgreen_mark_sem(sem, 0));
	OK(0, sem_init(sem, 0, 0));
	assert_blocks();
	OK(0, mpgreen_mark_sem(sem, 0));
	OK(0, sem_destroy(sem));
	OK(0, sem_init(sem, 0, 0));
	assert_blocks();
}
END_TEST

START_TEST(what_cannot_be_marked_is_refused)
{
	static sem_t lots[800];
	int n = 0;

	sem = new_sem(0, 0);
	OK(-EINVAL, mpgreen_mark_sem(NULL, 0));
	OK(-EINVAL, mpgreen_unmark_sem(NULL));
	OK(-EINVAL, mpgreen_mark_sem(sem, MPGREEN_ALWAYS));
	while (n < 800 && mpgreen_mark_sem(&lots[n], 0) == 0)
		n++;
	ck_assert_int_eq(n, 768);
	OK(-ENOBUFS, mpgreen_mark_sem(sem, 0));
	OK(-ENOBUFS, mpgreen_unmark_sem(sem));
	OK(0, sem_destroy(&lots[0]));
	OK(0, mpgreen_unmark_sem(sem));
}
END_TEST

static sem_t *rows[MANY];
static _Atomic int order[MANY], arrived;

static void wait_one(void)
{
	int mine = arrived++;

	ck_assert_int_eq(sem_wait(rows[mine]), 0);
	order[taken++] = mine;
}

static void *wait_on_a_thread(void *unused)
{
	wait_one();
	return unused;
}

/* One after another, so that the line is in their order. */
static void start_waiting(pthread_t *threads, int n)
{
	for (int i = 0; i < n; i++) {
		if (way == FIBERS) {
			fibers_spawn(wait_one);
			fibers_settle();
		} else {
			ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_on_a_thread, NULL),
					 0);
		}
		UNTIL(waiting(rows[i]) > (rows[0] == rows[1] ? i : 0));
	}
}

static void join_all(const pthread_t *threads, int n)
{
	if (way == FIBERS)
		fibers_join();
	else
		for (int i = 0; i < n; i++)
			pthread_join(threads[i], NULL);
}

START_TEST(many_wait_for_one_and_none_is_left)
{
	pthread_t threads[MANY];

	open_shared(MAPPED, 0);
	for (int i = 0; i < MANY; i++)
		rows[i] = sem;
	start_waiting(threads, MANY);
	for (int i = 0; i < MANY; i++)
		OK(0, sem_post(sem));
	join_all(threads, MANY);
	ck_assert_int_eq(taken, MANY);
	assert_left(sem, 0);
	assert_waited();
}
END_TEST

START_TEST(many_wait_for_one_each)
{
	pthread_t threads[MANY];

	for (int i = 0; i < MANY; i++)
		rows[i] = new_sem(1, 0);
	start_waiting(threads, MANY);
	for (int i = MANY - 1; i >= 0; i--) {
		OK(0, sem_post(rows[i]));
		if (way == FIBERS)
			fibers_settle();
		UNTIL(taken == MANY - i || way == FIBERS);
	}
	join_all(threads, MANY);
	for (int i = 0; i < MANY && way != FIBERS; i++)
		ck_assert_int_eq(order[i], MANY - 1 - i);
	ck_assert_int_eq(taken, MANY);
	for (int i = 0; i < MANY; i++)
		assert_left(rows[i], 0);
	assert_waited();
}
END_TEST

static void let_others_run(void)
{
	if (way == FIBERS)
		fibers_settle();
	sched_yield();
}

/* Those in front get theirs at the same time: whoever is behind is not forgotten over that. */
START_TEST(those_behind_some_who_are_served_at_once_are_served_later)
{
	pthread_t threads[MANY];

	for (int i = 0; i < MANY; i++)
		rows[i] = new_sem(1, 0);
	start_waiting(threads, MANY);
	for (int i = 0; i <= _i; i++)
		OK(0, sem_post(rows[i]));
	while (taken <= _i)
		let_others_run();
	for (int i = _i + 1; i < MANY; i++)
		OK(0, sem_post(rows[i]));
	join_all(threads, MANY);
	ck_assert_int_eq(taken, MANY);
	for (int i = 0; i < MANY; i++)
		assert_left(rows[i], 0);
	assert_waited();
}
END_TEST

Suite *sem_suite(void)
{
	Suite *suite = suite_create("sem");
	TCase *tcase = way_case(suite, "wait");
	TCase *marks = way_case(suite, "mark");
	TCase *many = way_case(suite, "many");

	tcase_add_loop_test(tcase, a_token_that_is_there_is_taken_at_once, 0, SHARED_KINDS);
	each_row(tcase, a_waiter_gets_the_token_that_is_posted, SHARED_KINDS);
	tcase_add_loop_test(tcase, a_wait_with_a_time_gives_up_when_it_has_come, 0, SHARED_KINDS);
	tcase_add_test(tcase, a_wait_of_more_than_a_second_does_not_end_before);
	tcase_add_loop_test(tcase, a_time_that_has_passed_is_no_time_to_wait, 0, SHARED_KINDS);
	tcase_add_loop_test(tcase, bad_times_and_clocks_fail_as_ever, 0, SHARED_KINDS);
	tcase_add_test(tcase, a_handler_ends_a_wait);
	tcase_add_test(tcase, SA_RESTART_spares_a_wait);
	tcase_add_test(tcase, SA_RESTART_does_not_spare_a_wait_with_a_time);
	tcase_add_test(marks, a_semaphore_that_is_not_shared_blocks_the_thread);
	each_side(marks, one_that_is_marked_does_not);
	each_side(marks, an_unmarked_one_blocks_the_thread);
	tcase_add_test(marks, a_mark_ends_with_its_semaphore);
	tcase_add_test(marks, what_cannot_be_marked_is_refused);
	tcase_add_test(many, many_wait_for_one_and_none_is_left);
	tcase_add_test(many, many_wait_for_one_each);
	tcase_add_loop_test(many, those_behind_some_who_are_served_at_once_are_served_later, 0, 4);
	return suite;
}
