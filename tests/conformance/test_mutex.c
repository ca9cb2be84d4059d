/* SPDX-License-Identifier: MIT */
/*
 * Mutexes: fibers of one thread exclude each other as threads do, and each kind of mutex keeps to
 * its own rules. Natively the other side is always a thread.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "fibers.h"
#include "mpgreen.h"
#include "mutexes.h"
#include "suites.h"
#include "way.h"

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
	TCase *rules = way_case(suite, "rules");

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
	return suite;
}
