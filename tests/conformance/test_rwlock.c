/* SPDX-License-Identifier: MIT */
/* Read-write locks: fibers of one thread share and exclude each other as threads do. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "fibers.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static _Atomic bool held, asking, released;

static int read_plain(long ms)
{
	(void)ms;
	return pthread_rwlock_rdlock(&lock);
}

static int read_timed(long ms)
{
	struct timespec time = in_ms(CLOCK_REALTIME, ms);

	return pthread_rwlock_timedrdlock(&lock, &time);
}

static int read_by_clock(long ms)
{
	struct timespec time = in_ms(CLOCK_MONOTONIC, ms);

	return pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &time);
}

static int write_plain(long ms)
{
	(void)ms;
	return pthread_rwlock_wrlock(&lock);
}

static int write_timed(long ms)
{
	struct timespec time = in_ms(CLOCK_REALTIME, ms);

	return pthread_rwlock_timedwrlock(&lock, &time);
}

static int write_by_clock(long ms)
{
	struct timespec time = in_ms(CLOCK_MONOTONIC, ms);

	return pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &time);
}

static int (*const reading[])(long ms) = { read_plain, read_timed, read_by_clock };
static int (*const writing[])(long ms) = { write_plain, write_timed, write_by_clock };
enum { WAYS = 3 };

static void hold_until_asked(void)
{
	held = true;
	while (!asking)
		usleep(500);
	await_sleep();
	released = true;
	OK(0, pthread_rwlock_unlock(&lock));
}

static void write_until_asked(void)
{
	OK(0, pthread_rwlock_wrlock(&lock));
	hold_until_asked();
}

static void read_until_asked(void)
{
	OK(0, pthread_rwlock_rdlock(&lock));
	hold_until_asked();
}

/* The test's own call waits for the other side's hold, and has the lock then. */
static void assert_waits(int side, void (*holder)(void), int (*call)(long ms))
{
	beside(side, holder);
	AWAIT(held);
	count_waits_anew();
	asking = true;
	OK(0, call(10000));
	ck_assert(released);
	if (side % other_sides() == 1)
		ck_assert_uint_gt(waits(), 0);
	OK(0, pthread_rwlock_unlock(&lock));
	beside_join();
	OK(0, pthread_rwlock_destroy(&lock));
}

START_TEST(who_reads_waits_for_a_writer)
{
	assert_waits(_i, write_until_asked, reading[_i / other_sides()]);
}
END_TEST

START_TEST(who_writes_waits_for_a_writer)
{
	assert_waits(_i, write_until_asked, writing[_i / other_sides()]);
}
END_TEST

START_TEST(who_writes_waits_for_a_reader)
{
	assert_waits(_i, read_until_asked, writing[_i / other_sides()]);
}
END_TEST

START_TEST(readers_do_not_wait_for_each_other)
{
	beside(_i, read_until_asked);
	AWAIT(held);
	OK(0, reading[_i / other_sides()](10000));
	OK(0, pthread_rwlock_tryrdlock(&lock));
	OK(EBUSY, pthread_rwlock_trywrlock(&lock));
	OK(0, pthread_rwlock_unlock(&lock));
	OK(0, pthread_rwlock_unlock(&lock));
	asking = true;
	OK(0, pthread_rwlock_wrlock(&lock));
	ck_assert(released);
	OK(0, pthread_rwlock_unlock(&lock));
	beside_join();
}
END_TEST

START_TEST(a_time_limit_ends_the_wait)
{
	int way_of_waiting = _i / other_sides() % (WAYS - 1) + 1;
	bool writes = _i / other_sides() / (WAYS - 1);
	double began = now_ms();

	beside(_i, writes ? read_until_asked : write_until_asked);
	AWAIT(held);
	OK(ETIMEDOUT, (writes ? writing : reading)[way_of_waiting](20));
	ck_assert_double_ge(now_ms() - began, 20);
	ck_assert(!released);
	asking = true;
	OK(0, (writes ? writing : reading)[way_of_waiting](10000));
	OK(0, pthread_rwlock_unlock(&lock));
	beside_join();
}
END_TEST

START_TEST(a_limit_that_is_no_time_is_refused)
{
	const struct timespec none = { .tv_nsec = 1000000000 };

	OK(EINVAL, pthread_rwlock_timedrdlock(&lock, &none));
	OK(EINVAL, pthread_rwlock_timedwrlock(&lock, &none));
	OK(EINVAL, pthread_rwlock_clockrdlock(&lock, CLOCK_PROCESS_CPUTIME_ID, &none));
	OK(EINVAL, pthread_rwlock_clockwrlock(&lock, CLOCK_PROCESS_CPUTIME_ID, &none));
	OK(0, pthread_rwlock_trywrlock(&lock));
	OK(0, pthread_rwlock_unlock(&lock));
}
END_TEST

START_TEST(a_writer_that_asks_again_is_told_also_after_a_wait)
{
	OK(0, pthread_rwlock_wrlock(&lock));
	OK(0, usleep(1000));
	OK(EDEADLK, pthread_rwlock_wrlock(&lock));
	OK(EDEADLK, pthread_rwlock_rdlock(&lock));
	OK(EBUSY, pthread_rwlock_tryrdlock(&lock));
	OK(0, pthread_rwlock_unlock(&lock));
}
END_TEST

static pthread_rwlock_t theirs = PTHREAD_RWLOCK_INITIALIZER;
static int ends[2];

static void read_under_lock(void)
{
	char byte;

	OK(0, pthread_rwlock_rdlock(&lock));
	held = true;
	OK(1, read(ends[0], &byte, 1));
	OK(0, pthread_rwlock_unlock(&lock));
}

static void *want_it_with_theirs(void *unused)
{
	OK(0, pthread_rwlock_wrlock(&theirs));
	asking = true;
	OK(1, write(ends[1], "x", 1));
	OK(0, pthread_rwlock_wrlock(&lock));
	OK(0, pthread_rwlock_unlock(&lock));
	OK(0, pthread_rwlock_unlock(&theirs));
	return unused;
}

START_TEST(a_thread_that_holds_one_may_wait_for_a_fiber_that_holds_another)
{
	pthread_t thread;

	if (way != FIBERS)
		return;
	ck_assert_int_eq(pipe(ends), 0);
	fibers_spawn(read_under_lock);
	fibers_settle();
	ck_assert(held);
	ck_assert_int_eq(pthread_create(&thread, NULL, want_it_with_theirs, NULL), 0);
	UNTIL(asking);
	OK(0, _i ? pthread_rwlock_wrlock(&theirs) : pthread_rwlock_rdlock(&theirs));
	OK(0, pthread_rwlock_unlock(&theirs));
	fibers_join();
	pthread_join(thread, NULL);
}
END_TEST

enum { ROUNDS = 200, FIBERS_EACH = 4, THREADS = 2 };

static _Atomic int readers, writers;
static int written;

static void use_it(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool writes = i % 4 == 0;
		_Atomic int *count = writes ? &writers : &readers;

		ck_assert_int_eq((writes ? write_plain : read_plain)(0), 0);
		atomic_fetch_add(count, 1);
		ck_assert(writers == 0 || (writers == 1 && readers == 0));
		written += writes;
		if (i % 3 == 0)
			usleep(10);
		atomic_fetch_sub(count, 1);
		ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
	}
}

static void *use_it_beside(void *unused)
{
	mpgreen_native_enter();
	use_it();
	return unused;
}

START_TEST(threads_and_fibers_share_and_exclude_each_other)
{
	pthread_t threads[THREADS];
	int fibers = way == FIBERS ? FIBERS_EACH : 0;

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_it_beside, NULL), 0);
	for (int i = 0; i < fibers; i++)
		fibers_spawn(use_it);
	use_it();
	if (fibers)
		fibers_join();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(written, (THREADS + fibers + 1) * ROUNDS / 4);
}
END_TEST

Suite *rwlock_suite(void)
{
	Suite *suite = suite_create("rwlock");
	TCase *all = way_case(suite, "all");

	each_row(all, who_reads_waits_for_a_writer, WAYS);
	each_row(all, who_writes_waits_for_a_writer, WAYS);
	each_row(all, who_writes_waits_for_a_reader, WAYS);
	each_row(all, readers_do_not_wait_for_each_other, WAYS);
	each_row(all, a_time_limit_ends_the_wait, 2 * (WAYS - 1));
	tcase_add_test(all, a_limit_that_is_no_time_is_refused);
	tcase_add_test(all, a_writer_that_asks_again_is_told_also_after_a_wait);
	tcase_add_loop_test(all, a_thread_that_holds_one_may_wait_for_a_fiber_that_holds_another, 0,
			    2);
	tcase_add_test(all, threads_and_fibers_share_and_exclude_each_other);
	return suite;
}
