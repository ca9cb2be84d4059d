/* SPDX-License-Identifier: MIT */
/* Conditions: who waits hands its thread to others, and hears of each signal. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "fibers.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond;
static mtx_t plain;
static cnd_t changed;
static _Atomic bool ready, entered;

static void make(clockid_t clock, int shared)
{
	pthread_condattr_t attr;

	ck_assert_int_eq(pthread_condattr_init(&attr), 0);
	ck_assert_int_eq(pthread_condattr_setclock(&attr, clock), 0);
	ck_assert_int_eq(pthread_condattr_setpshared(&attr, shared), 0);
	ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
	pthread_condattr_destroy(&attr);
	ck_assert_int_eq(mtx_init(&plain, mtx_plain), thrd_success);
	ck_assert_int_eq(cnd_init(&changed), thrd_success);
}

/* The calls that wait, each for 10 s at the most; and those that signal. */
static int wait_for_ever(void)
{
	return pthread_cond_wait(&cond, &mutex);
}

static int wait_timed(void)
{
	struct timespec time = in_ms(CLOCK_REALTIME, 10000);

	return pthread_cond_timedwait(&cond, &mutex, &time);
}

static int wait_by_clock(void)
{
	struct timespec time = in_ms(CLOCK_MONOTONIC, 10000);

	return pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &time);
}

static int (*const waiting[])(void) = { wait_for_ever, wait_timed, wait_by_clock };
enum { WAITING = sizeof(waiting) / sizeof(waiting[0]) };

static int (*const telling[])(pthread_cond_t *) = { pthread_cond_signal, pthread_cond_broadcast };
enum { TELLING = sizeof(telling) / sizeof(telling[0]) };

static int row;

static void set_ready(void)
{
	while (!entered)
		usleep(500);
	await_sleep();
	/* Only if the waiter has released it. */
	OK(0, pthread_mutex_lock(&mutex));
	ready = true;
	OK(0, telling[row % TELLING](&cond));
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_wait_ends_with_a_signal_and_has_the_mutex_again)
{
	row = _i / other_sides();
	make(CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
	beside(_i, set_ready);
	OK(0, pthread_mutex_lock(&mutex));
	entered = true;
	count_waits_anew();
	while (!ready)
		OK(0, waiting[row / TELLING]());
	assert_waited();
	ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
	OK(0, pthread_cond_destroy(&cond));
}
END_TEST

START_TEST(a_wait_ends_with_its_time_by_either_clock)
{
	clockid_t clock = _i ? CLOCK_MONOTONIC : CLOCK_REALTIME;
	struct timespec time;
	double began = now_ms();

	make(clock, PTHREAD_PROCESS_PRIVATE);
	OK(0, pthread_mutex_lock(&mutex));
	time = in_ms(clock, 20);
	OK(ETIMEDOUT, pthread_cond_timedwait(&cond, &mutex, &time));
	ck_assert_double_ge(now_ms() - began, 20);
	assert_waited();
	began = now_ms();
	time = in_ms(CLOCK_MONOTONIC, 20);
	OK(ETIMEDOUT, pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &time));
	ck_assert_double_ge(now_ms() - began, 20);
	time = in_ms(clock, -1000);
	OK(ETIMEDOUT, pthread_cond_timedwait(&cond, &mutex, &time));
	ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
	OK(0, pthread_mutex_unlock(&mutex));
}
END_TEST

START_TEST(a_limit_that_is_no_time_is_refused_with_the_mutex_held)
{
	const struct timespec none = { .tv_nsec = -1 };

	make(CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
	OK(0, pthread_mutex_lock(&mutex));
	OK(EINVAL, pthread_cond_timedwait(&cond, &mutex, &none));
	OK(EINVAL, pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &none));
	OK(EINVAL, pthread_cond_clockwait(&cond, &mutex, CLOCK_PROCESS_CPUTIME_ID, &none));
	OK(0, pthread_mutex_unlock(&mutex));
}
END_TEST

START_TEST(an_error_checking_mutex_must_be_ones_own)
{
	pthread_mutexattr_t attr;

	make(CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
	OK(EPERM, wait_for_ever());
	OK(EPERM, wait_timed());
}
END_TEST

START_TEST(a_condition_that_processes_share_works)
{
	row = _i / other_sides();
	if (_i % other_sides() == 1)
		return;
	make(CLOCK_REALTIME, PTHREAD_PROCESS_SHARED);
	beside(_i, set_ready);
	OK(0, pthread_mutex_lock(&mutex));
	entered = true;
	while (!ready)
		OK(0, waiting[row / TELLING]());
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
}
END_TEST

static void change(void)
{
	while (!entered)
		usleep(500);
	await_sleep();
	ck_assert_int_eq(mtx_lock(&plain), thrd_success);
	ready = true;
	ck_assert_int_eq(row % 2 ? cnd_signal(&changed) : cnd_broadcast(&changed), thrd_success);
	ck_assert_int_eq(mtx_unlock(&plain), thrd_success);
}

START_TEST(the_conditions_of_c11_are_like_the_others)
{
	struct timespec time;

	row = _i / other_sides();
	make(CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
	beside(_i, change);
	ck_assert_int_eq(mtx_lock(&plain), thrd_success);
	time = in_ms(CLOCK_REALTIME, 10);
	ck_assert_int_eq(cnd_timedwait(&changed, &plain, &time), thrd_timedout);
	entered = true;
	time = in_ms(CLOCK_REALTIME, 10000);
	while (!ready)
		ck_assert_int_eq(row / 2 ? cnd_wait(&changed, &plain)
					 : cnd_timedwait(&changed, &plain, &time),
				 thrd_success);
	ck_assert_int_eq(mtx_unlock(&plain), thrd_success);
	assert_waited();
	beside_join();
}
END_TEST

static volatile sig_atomic_t signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

static void disturb_then_set_ready(void)
{
	while (!entered)
		usleep(500);
	await_sleep();
	pthread_kill(test_thread(), SIGUSR1);
	UNTIL(signals);
	set_ready();
}

START_TEST(a_signal_handler_does_not_end_the_wait)
{
	const struct sigaction action = { .sa_handler = count };

	row = _i / other_sides() * TELLING;
	make(CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	beside(_i, disturb_then_set_ready);
	OK(0, pthread_mutex_lock(&mutex));
	entered = true;
	while (!ready)
		OK(0, waiting[row / TELLING]());
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
}
END_TEST

static _Atomic bool cleaned;

static void look_at_mutex(void *unused)
{
	(void)unused;
	cleaned = pthread_mutex_trylock(&mutex) == EBUSY;
	pthread_mutex_unlock(&mutex);
}

static void *wait_until_cancelled(void *unused)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(look_at_mutex, NULL);
	entered = true;
	for (;;)
		waiting[row]();
	pthread_cleanup_pop(0);
	return unused;
}

START_TEST(a_thread_that_is_cancelled_in_it_has_the_mutex_again)
{
	pthread_t victim;
	void *end;

	row = _i;
	make(CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
	ck_assert_int_eq(pthread_create(&victim, NULL, wait_until_cancelled, NULL), 0);
	UNTIL(entered);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	ck_assert_int_eq(pthread_cancel(victim), 0);
	ck_assert_int_eq(pthread_join(victim, &end), 0);
	ck_assert_ptr_eq(end, PTHREAD_CANCELED);
	ck_assert(cleaned);
	OK(0, pthread_mutex_trylock(&mutex));
}
END_TEST

/* What follows is about fibers alone. */
static int woken;

static void wait_and_count(void)
{
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, wait_for_ever());
	woken++;
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_signal_wakes_one_fiber_and_a_broadcast_all)
{
	if (way != FIBERS)
		return;
	make(CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
	for (int i = 0; i < 5; i++)
		fibers_spawn(wait_and_count);
	fibers_settle();
	OK(0, pthread_cond_signal(&cond));
	fibers_settle();
	ck_assert_int_eq(woken, 1);
	OK(0, pthread_cond_broadcast(&cond));
	fibers_join();
	ck_assert_int_eq(woken, 5);
}
END_TEST

START_TEST(only_a_wait_with_a_limit_is_cancelled)
{
	if (way != FIBERS)
		return;
	make(CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
	OK(0, pthread_mutex_lock(&mutex));
	fibers_answer(MPGREEN_CANCELLED, EINTR);
	OK(ETIMEDOUT, wait_timed());
	OK(ETIMEDOUT, wait_by_clock());
	fibers_answer(0, 0);
	beside(1, set_ready);
	entered = true;
	fibers_answer(MPGREEN_CANCELLED, EINTR);
	OK(0, wait_for_ever());
	ck_assert(ready);
	fibers_answer(0, 0);
	OK(0, pthread_mutex_unlock(&mutex));
	beside_join();
}
END_TEST

/* A buffer between threads and fibers, all of whom give and take. */
enum { ROOM = 3, ROUNDS = 400, FIBERS_EACH = 6, THREADS = 2 };

static int stored, given, taken, most;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;

static void give(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
		while (stored == ROOM)
			ck_assert_int_eq(pthread_cond_wait(&not_full, &mutex), 0);
		stored++;
		given++;
		if (stored > most)
			most = stored;
		ck_assert_int_eq(pthread_cond_signal(&not_empty), 0);
		ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
	}
}

static void take(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
		while (stored == 0)
			ck_assert_int_eq(pthread_cond_wait(&not_empty, &mutex), 0);
		stored--;
		taken++;
		ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
		ck_assert_int_eq(pthread_cond_signal(&not_full), 0);
	}
}

static void *run_native(void *act)
{
	mpgreen_native_enter();
	(*(void (**)(void))act)();
	return NULL;
}

START_TEST(no_signal_is_lost_among_threads_and_fibers)
{
	static void (*acts[])(void) = { give, take };
	pthread_t threads[2 * THREADS];
	int fibers = way == FIBERS ? FIBERS_EACH : 0, pairs = THREADS + fibers;

	for (int i = 0; i < 2 * THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_native, &acts[i % 2]), 0);
	for (int i = 0; i < 2 * fibers; i++)
		fibers_spawn(acts[i % 2]);
	if (fibers)
		fibers_join();
	for (int i = 0; i < 2 * THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(given, pairs * ROUNDS);
	ck_assert_int_eq(taken, pairs * ROUNDS);
	ck_assert_int_le(most, ROOM);
}
END_TEST

Suite *cond_suite(void)
{
	Suite *suite = suite_create("cond");
	TCase *all = way_case(suite, "all"), *ends = way_case(suite, "ends");

	each_row(all, a_wait_ends_with_a_signal_and_has_the_mutex_again, WAITING * TELLING);
	tcase_add_loop_test(all, a_wait_ends_with_its_time_by_either_clock, 0, 2);
	tcase_add_test(all, a_limit_that_is_no_time_is_refused_with_the_mutex_held);
	tcase_add_test(all, an_error_checking_mutex_must_be_ones_own);
	each_row(all, a_condition_that_processes_share_works, WAITING * TELLING);
	each_row(all, the_conditions_of_c11_are_like_the_others, 4);
	each_row(all, a_signal_handler_does_not_end_the_wait, WAITING);
	/* Its unwinding fails there by itself (gcc 12). */
	tcase_set_tags(ends, "no-address");
	tcase_add_loop_test(ends, a_thread_that_is_cancelled_in_it_has_the_mutex_again, 0, WAITING);
	tcase_add_test(all, a_signal_wakes_one_fiber_and_a_broadcast_all);
	tcase_add_test(all, only_a_wait_with_a_limit_is_cancelled);
	tcase_add_test(all, no_signal_is_lost_among_threads_and_fibers);
	return suite;
}
