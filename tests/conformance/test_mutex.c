/* SPDX-License-Identifier: MIT */
/*
 * Mutexes: fibers of one thread exclude each other as threads do, and each kind of mutex keeps to
 * its own rules. Natively the other side is always a thread.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "fibers.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

/* The rows of a table. */
static const struct kind {
	int type, protocol, robust, shared;
} kinds[] = {
	{ .type = PTHREAD_MUTEX_NORMAL },
	{ .type = PTHREAD_MUTEX_ADAPTIVE_NP },
	{ .type = PTHREAD_MUTEX_RECURSIVE },
	{ .type = PTHREAD_MUTEX_ERRORCHECK },
	{ .type = PTHREAD_MUTEX_NORMAL, .robust = PTHREAD_MUTEX_ROBUST },
	{ .type = PTHREAD_MUTEX_RECURSIVE, .robust = PTHREAD_MUTEX_ROBUST },
	{ .type = PTHREAD_MUTEX_NORMAL, .shared = PTHREAD_PROCESS_SHARED },
	{ .type = PTHREAD_MUTEX_NORMAL, .protocol = PTHREAD_PRIO_INHERIT },
	{ .type = PTHREAD_MUTEX_ERRORCHECK, .protocol = PTHREAD_PRIO_INHERIT },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), RECURSIVE = 2, ERRORCHECK = 3, ROBUST = 4 };

static pthread_mutex_t mutex;
static _Atomic bool held, asking, released;

static void make(int row)
{
	const struct kind *kind = &kinds[row];
	pthread_mutexattr_t attr;

	ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
	ck_assert_int_eq(pthread_mutexattr_settype(&attr, kind->type), 0);
	ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, kind->protocol), 0);
	ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, kind->robust), 0);
	ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, kind->shared), 0);
	ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
	pthread_mutexattr_destroy(&attr);
}

static void hold_until_asked(void)
{
	OK(0, pthread_mutex_lock(&mutex));
	held = true;
	while (!asking)
		usleep(500);
	await_sleep();
	released = true;
	OK(0, pthread_mutex_unlock(&mutex));
}

static void begin_holding(int side)
{
	beside(side, hold_until_asked);
	AWAIT(held);
	count_waits_anew();
}

/* The other side being a fiber, the scheduler was asked; a thread may be quick enough. */
static void assert_waited_for(int side)
{
	if (side % other_sides() == 1)
		ck_assert_uint_gt(waits(), 0);
}

START_TEST(a_lock_waits_until_its_holder_has_released_it)
{
	make(_i / other_sides());
	begin_holding(_i);
	asking = true;
	OK(0, pthread_mutex_lock(&mutex));
	ck_assert(released);
	assert_waited_for(_i);
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
	OK(0, pthread_mutex_destroy(&mutex));
}
END_TEST

START_TEST(trylock_does_not_wait_for_another_holder)
{
	make(_i / other_sides());
	begin_holding(_i);
	OK(EBUSY, pthread_mutex_trylock(&mutex));
	ck_assert_uint_eq(waits(), 0);
	asking = true;
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
	OK(0, pthread_mutex_trylock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
}
END_TEST

/* The calls with a time limit. */
static int lock_until_real(long ms)
{
	struct timespec time = in_ms(CLOCK_REALTIME, ms);

	return pthread_mutex_timedlock(&mutex, &time);
}

static int lock_until_monotonic(long ms)
{
	struct timespec time = in_ms(CLOCK_MONOTONIC, ms);

	return pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &time);
}

static int (*const limited[])(long ms) = { lock_until_real, lock_until_monotonic };
enum { LIMITED = sizeof(limited) / sizeof(limited[0]) };

START_TEST(a_lock_with_a_time_limit_ends_by_it)
{
	int kind = _i / other_sides() / LIMITED, way_of_locking = _i / other_sides() % LIMITED;
	double began = now_ms();

	/* FUTEX_LOCK_PI2 came with Linux 5.14; valgrind knows none. */
	if (kinds[kind].protocol == PTHREAD_PRIO_INHERIT)
		way_of_locking = 0;
	make(kind);
	begin_holding(_i);
	OK(ETIMEDOUT, limited[way_of_locking](20));
	ck_assert_double_ge(now_ms() - began, 20);
	ck_assert(!released);
	asking = true;
	OK(0, limited[way_of_locking](10000));
	ck_assert(released);
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
}
END_TEST

START_TEST(a_limit_that_has_passed_does_not_matter_to_a_free_mutex)
{
	make(_i / LIMITED);
	OK(0, limited[_i % LIMITED](-1000));
	OK(0, pthread_mutex_unlock(&mutex));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_limit_that_is_no_time_is_refused)
{
	const struct timespec none = { .tv_nsec = 1000000000 };

	make(0);
	begin_holding(_i);
	OK(EINVAL, pthread_mutex_timedlock(&mutex, &none));
	OK(EINVAL, pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &none));
	OK(EINVAL, pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, &none));
	asking = true;
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
}
END_TEST

START_TEST(a_recursive_mutex_counts_also_across_waits)
{
	make(RECURSIVE);
	for (int i = 0; i < 3; i++) {
		OK(0, pthread_mutex_lock(&mutex));
		OK(0, usleep(1000));
		OK(0, pthread_mutex_trylock(&mutex));
	}
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(pthread_mutex_destroy(&mutex), EBUSY);
		OK(0, usleep(1000));
		OK(0, pthread_mutex_unlock(&mutex));
	}
	OK(EPERM, pthread_mutex_unlock(&mutex));
	OK(0, pthread_mutex_destroy(&mutex));
}
END_TEST

static void lock_it_too(void)
{
	OK(0, pthread_mutex_lock(&mutex));
	held = true;
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_recursive_mutex_is_free_after_as_many_unlocks)
{
	make(RECURSIVE);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_lock(&mutex));
	beside(_i, lock_it_too);
	OK(0, usleep(1000));
	OK(0, pthread_mutex_unlock(&mutex));
	OK(0, usleep(1000));
	ck_assert(!held);
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
	ck_assert(held);
}
END_TEST

START_TEST(an_error_checking_mutex_knows_its_holder_also_across_waits)
{
	make(ERRORCHECK);
	OK(EPERM, pthread_mutex_unlock(&mutex));
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, usleep(1000));
	OK(EDEADLK, pthread_mutex_lock(&mutex));
	OK(EBUSY, pthread_mutex_trylock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	OK(EPERM, pthread_mutex_unlock(&mutex));
}
END_TEST

/* C11's names for the same. */
static mtx_t plain;

static void hold_plain(void)
{
	ck_assert_int_eq(mtx_lock(&plain), thrd_success);
	held = true;
	while (!asking)
		usleep(500);
	await_sleep();
	released = true;
	ck_assert_int_eq(mtx_unlock(&plain), thrd_success);
}

START_TEST(the_mutexes_of_c11_are_like_the_others)
{
	const int types[] = { mtx_timed, mtx_timed | mtx_recursive };
	struct timespec time;

	ck_assert_int_eq(mtx_init(&plain, types[_i / other_sides()]), thrd_success);
	beside(_i, hold_plain);
	AWAIT(held);
	count_waits_anew();
	ck_assert_int_eq(mtx_trylock(&plain), thrd_busy);
	time = in_ms(CLOCK_REALTIME, 10);
	ck_assert_int_eq(mtx_timedlock(&plain, &time), thrd_timedout);
	asking = true;
	ck_assert_int_eq(mtx_lock(&plain), thrd_success);
	ck_assert(released);
	assert_waited_for(_i);
	ck_assert_int_eq(mtx_unlock(&plain), thrd_success);
	beside_join();
	mtx_destroy(&plain);
}
END_TEST

static volatile sig_atomic_t signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

static void hold_through_a_signal(void)
{
	OK(0, pthread_mutex_lock(&mutex));
	held = true;
	while (!asking)
		usleep(500);
	await_sleep();
	pthread_kill(test_thread(), SIGUSR1);
	UNTIL(signals);
	await_sleep();
	released = true;
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_signal_does_not_end_the_wait)
{
	const struct sigaction action = { .sa_handler = count };

	make(0);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	beside(_i, hold_through_a_signal);
	AWAIT(held);
	asking = true;
	OK(0, _i / other_sides() ? lock_until_monotonic(10000) : pthread_mutex_lock(&mutex));
	ck_assert(released);
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
}
END_TEST

/* What follows is about fibers alone. */
static int order[160], n_order;

static void take_in_turn(void)
{
	int self = n_order++;

	order[self] = -1;
	OK(0, pthread_mutex_lock(&mutex));
	order[self] = n_order++;
	usleep(100);
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(fibers_get_it_in_the_order_of_their_coming)
{
	if (way != FIBERS)
		return;
	make(_i);
	OK(0, pthread_mutex_lock(&mutex));
	for (int i = 0; i < 20; i++)
		fibers_spawn(take_in_turn);
	OK(0, usleep(1000));
	ck_assert_int_eq(n_order, 20);
	OK(0, pthread_mutex_unlock(&mutex));
	fibers_join();
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(order[i], 20 + i);
}
END_TEST

static void take_again_and_again(void)
{
	while (!released) {
		OK(0, pthread_mutex_lock(&mutex));
		usleep(100);
		OK(0, pthread_mutex_unlock(&mutex));
	}
}

START_TEST(who_takes_it_again_and_again_lets_the_others_in)
{
	if (way != FIBERS)
		return;
	make(_i);
	fibers_spawn(take_again_and_again);
	fibers_spawn(take_again_and_again);
	fibers_settle();
	for (int i = 0; i < 10; i++) {
		OK(0, pthread_mutex_lock(&mutex));
		usleep(100);
		OK(0, pthread_mutex_unlock(&mutex));
	}
	released = true;
	fibers_join();
}
END_TEST

static int pipe_ends[2];

static void read_under_lock(void)
{
	char byte;

	OK(0, pthread_mutex_lock(&mutex));
	held = true;
	OK(1, read(pipe_ends[0], &byte, 1));
	OK(0, pthread_mutex_unlock(&mutex));
}

static void write_one(void)
{
	OK(1, write(pipe_ends[1], "x", 1));
}

START_TEST(a_fiber_that_waits_with_a_mutex_does_not_stop_its_thread)
{
	if (way != FIBERS)
		return;
	make(_i);
	ck_assert_int_eq(pipe(pipe_ends), 0);
	fibers_spawn(read_under_lock);
	fibers_settle();
	ck_assert(held);
	fibers_spawn(write_one);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	fibers_join();
}
END_TEST

/* Holds `theirs` and wants the mutex, which a fiber has that waits. */
static pthread_mutex_t theirs;
static int (*theirs_unlock)(pthread_mutex_t *);

static void *want_it_with_theirs(void *unused)
{
	OK(0, pthread_mutex_lock(&theirs));
	asking = true;
	write_one();
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	OK(0, theirs_unlock(&theirs));
	return unused;
}

static void assert_no_ring_of_waits(int kind)
{
	pthread_t thread;

	make(kind);
	theirs = mutex;
	make(kind);
	ck_assert_int_eq(pipe(pipe_ends), 0);
	fibers_spawn(read_under_lock);
	fibers_settle();
	ck_assert(held);
	ck_assert_int_eq(pthread_create(&thread, NULL, want_it_with_theirs, NULL), 0);
	UNTIL(asking);
	OK(0, pthread_mutex_lock(&theirs));
	OK(0, pthread_mutex_unlock(&theirs));
	fibers_join();
	pthread_join(thread, NULL);
}

START_TEST(a_thread_that_holds_one_may_wait_for_a_fiber_that_holds_another)
{
	if (way != FIBERS)
		return;
	theirs_unlock = pthread_mutex_unlock;
	assert_no_ring_of_waits(_i);
}
END_TEST

START_TEST(so_it_may_if_it_unlocks_past_the_library)
{
	theirs_unlock = dlsym(dlopen("libc.so.6", RTLD_LAZY), "pthread_mutex_unlock");
	if (way != FIBERS || !theirs_unlock)
		return;
	assert_no_ring_of_waits(_i);
}
END_TEST

static void read_one(void)
{
	char byte;

	OK(1, read(pipe_ends[0], &byte, 1));
}

START_TEST(who_was_left_without_a_wait_has_its_mutex_while_another_waits)
{
	if (way != FIBERS)
		return;
	make(RECURSIVE);
	ck_assert_int_eq(pipe(pipe_ends), 0);
	OK(0, pthread_mutex_lock(&mutex));
	fibers_spawn(read_one);
	fibers_spawn(lock_it_too);
	fibers_settle();
	ck_assert(!held);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	write_one();
	fibers_join();
	ck_assert(held);
}
END_TEST

START_TEST(a_lock_is_not_cancelled_and_one_with_a_limit_says_timed_out)
{
	if (way != FIBERS)
		return;
	make(_i);
	begin_holding(1);
	fibers_answer(MPGREEN_CANCELLED, EINTR);
	OK(ETIMEDOUT, lock_until_real(10000));
	asking = true;
	OK(0, pthread_mutex_lock(&mutex));
	ck_assert(released);
	fibers_answer(0, 0);
	OK(0, pthread_mutex_unlock(&mutex));
	fibers_join();
}
END_TEST

static void release_it(void)
{
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_fiber_that_waits_for_itself_stops_nobody_else)
{
	if (way != FIBERS)
		return;
	make(0);
	OK(0, pthread_mutex_lock(&mutex));
	fibers_spawn(release_it);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
}
END_TEST

static void *die_with_it(void *unused)
{
	pthread_mutex_lock(&mutex);
	return unused;
}

static void repair_it(void)
{
	OK(EOWNERDEAD, pthread_mutex_lock(&mutex));
	held = true;
	OK(0, usleep(1000));
	OK(0, pthread_mutex_consistent(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_mutex_whose_owner_has_died_is_its_next_holder_s_before_it_is_consistent)
{
	pthread_t thread;

	if (way != FIBERS)
		return;
	make(_i);
	ck_assert_int_eq(pthread_create(&thread, NULL, die_with_it, NULL), 0);
	pthread_join(thread, NULL);
	fibers_spawn(repair_it);
	fibers_settle();
	ck_assert(held);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	fibers_join();
}
END_TEST

START_TEST(what_was_released_past_the_library_is_nobody_s)
{
	int (*unlock)(pthread_mutex_t *) =
		dlsym(dlopen("libc.so.6", RTLD_LAZY), "pthread_mutex_unlock");

	if (way != FIBERS || !unlock)
		return;
	make(_i);
	OK(0, pthread_mutex_lock(&mutex));
	ck_assert_int_eq(unlock(&mutex), 0);
	fibers_spawn(lock_it_too);
	OK(0, usleep(1000));
	ck_assert(held);
	fibers_join();
	OK(0, pthread_mutex_destroy(&mutex));
}
END_TEST

static void unlock_soon(void)
{
	OK(0, pthread_mutex_lock(&mutex));
	held = true;
	OK(0, usleep(1000));
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_fiber_waits_though_the_process_has_no_descriptor_left)
{
	struct rlimit before, few;

	if (way != FIBERS)
		return;
	make(_i);
	fibers_spawn(unlock_soon);
	fibers_settle();
	ck_assert(held);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	fibers_join();
}
END_TEST

enum { ROUNDS = 300, FIBERS_EACH = 6, THREADS = 3 };

static long counter;
static _Atomic int inside;

static void count_up(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
		ck_assert_int_eq(atomic_fetch_add(&inside, 1), 0);
		counter++;
		if (i % 8 == 0)
			usleep(10);
		atomic_fetch_sub(&inside, 1);
		ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
	}
}

static void *count_up_beside(void *unused)
{
	mpgreen_native_enter();
	count_up();
	return unused;
}

START_TEST(threads_and_fibers_exclude_each_other)
{
	pthread_t threads[THREADS];
	int fibers = way == FIBERS ? FIBERS_EACH : 0;

	make(_i);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up_beside, NULL), 0);
	for (int i = 0; i < fibers; i++)
		fibers_spawn(count_up);
	count_up();
	if (fibers)
		fibers_join();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(counter, ROUNDS * (THREADS + fibers + 1));
}
END_TEST

Suite *mutex_suite(void)
{
	Suite *suite = suite_create("mutex");
	TCase *rules = way_case(suite, "rules"), *fibers = way_case(suite, "fibers");

	each_row(rules, a_lock_waits_until_its_holder_has_released_it, KINDS);
	each_row(rules, trylock_does_not_wait_for_another_holder, KINDS);
	each_row(rules, a_lock_with_a_time_limit_ends_by_it, KINDS * LIMITED);
	tcase_add_loop_test(rules, a_limit_that_has_passed_does_not_matter_to_a_free_mutex, 0,
			    KINDS * LIMITED);
	each_side(rules, a_limit_that_is_no_time_is_refused);
	tcase_add_test(rules, a_recursive_mutex_counts_also_across_waits);
	each_side(rules, a_recursive_mutex_is_free_after_as_many_unlocks);
	tcase_add_test(rules, an_error_checking_mutex_knows_its_holder_also_across_waits);
	each_row(rules, the_mutexes_of_c11_are_like_the_others, 2);
	each_row(rules, a_signal_does_not_end_the_wait, 2);
	tcase_add_loop_test(rules, threads_and_fibers_exclude_each_other, 0, KINDS);
	tcase_add_loop_test(fibers, fibers_get_it_in_the_order_of_their_coming, 0, KINDS);
	tcase_add_loop_test(fibers, who_takes_it_again_and_again_lets_the_others_in, 0, KINDS);
	tcase_add_loop_test(fibers, a_fiber_that_waits_with_a_mutex_does_not_stop_its_thread, 0,
			    KINDS);
	tcase_add_loop_test(fibers, a_lock_is_not_cancelled_and_one_with_a_limit_says_timed_out, 0,
			    KINDS);
	tcase_add_test(fibers, a_fiber_that_waits_for_itself_stops_nobody_else);
	tcase_add_loop_test(fibers, a_thread_that_holds_one_may_wait_for_a_fiber_that_holds_another,
			    0, ROBUST);
	tcase_add_loop_test(fibers, so_it_may_if_it_unlocks_past_the_library, 0, ROBUST);
	tcase_add_test(fibers, who_was_left_without_a_wait_has_its_mutex_while_another_waits);
	tcase_add_loop_test(
		fibers, a_mutex_whose_owner_has_died_is_its_next_holder_s_before_it_is_consistent,
		ROBUST, ROBUST + 2);
	tcase_add_loop_test(fibers, what_was_released_past_the_library_is_nobody_s, 0, KINDS);
	tcase_add_loop_test(fibers, a_fiber_waits_though_the_process_has_no_descriptor_left, 0,
			    KINDS);
	return suite;
}
