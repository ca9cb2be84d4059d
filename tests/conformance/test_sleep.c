/* SPDX-License-Identifier: MIT */
/*
 * sleep, usleep, nanosleep, clock_nanosleep: as long as they say, and what is left of them.
 */
#include <pthread.h>
#include <signal.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"
#include "suites.h"
#include "way.h"

static double began;

static void catch_signals(void)
{
	catch_with(SA_RESTART);
	began = now_ms();
}

static void assert_took(double ms)
{
	double took = now_ms() - began;

	ck_assert_double_ge(took, ms);
	ck_assert_double_lt(took, ms + 2000);
}

START_TEST(each_sleeps_as_long_as_it_says)
{
	struct timespec moment = { .tv_nsec = 20000000 }, left = { 7, 7 };

	began = now_ms();
	OK(0, usleep(20000));
	assert_took(20);
	OK(0, nanosleep(&moment, &left));
	assert_took(40);
	OK(0, clock_nanosleep(CLOCK_REALTIME, 0, &moment, NULL));
	OK(0, clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, &left));
	OK(0, clock_nanosleep(CLOCK_BOOTTIME, 0, &moment, &left));
	assert_took(100);
	ck_assert(left.tv_sec == 7 && left.tv_nsec == 7);
	assert_waited();
}
END_TEST

START_TEST(sleep_sleeps_for_a_second)
{
	began = now_ms();
	OK(0, sleep(1));
	assert_took(1000);
	assert_waited();
}
END_TEST

START_TEST(clock_nanosleep_sleeps_until_a_moment)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct timespec until;

	for (int i = 0; i < 3; i++) {
		clock_gettime(clocks[i], &until);
		began = now_ms();
		OK(0, clock_nanosleep(clocks[i], TIMER_ABSTIME, &until, NULL));
		until.tv_nsec += 20000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		OK(0, clock_nanosleep(clocks[i], TIMER_ABSTIME, &until, NULL));
		assert_took(19);
	}
	assert_waited();
}
END_TEST

START_TEST(a_sleep_of_nothing_ends_at_once)
{
	struct timespec none = { 0 };

	began = now_ms();
	OK(0, sleep(0));
	OK(0, usleep(0));
	OK(0, nanosleep(&none, NULL));
	OK(0, clock_nanosleep(CLOCK_MONOTONIC, 0, &none, NULL));
	assert_took(0);
}
END_TEST

START_TEST(sleep_tells_the_seconds_that_are_left)
{
	unsigned left;

	catch_signals();
	other_side(0, raise_it);
	left = sleep(100);
	ck_assert_uint_ge(left, 99);
	ck_assert_uint_le(left, 100);
	ck_assert_int_eq(signals, 1);
	assert_took(0);
	assert_waited();
}
END_TEST

START_TEST(nanosleep_tells_the_time_that_is_left)
{
	struct timespec long_time = { .tv_sec = 100 }, left = { 0 };

	catch_signals();
	other_side(0, raise_it);
	FAILS(EINTR, nanosleep(&long_time, &left));
	ck_assert(left.tv_sec == 99 && left.tv_nsec > 0);
	ck_assert_int_eq(signals, 1);
	other_side(0, raise_it);
	FAILS(EINTR, nanosleep(&long_time, NULL));
	FAILS(EINTR, (other_side(0, raise_it), usleep(9000000)));
	assert_took(0);
	assert_waited();
}
END_TEST

START_TEST(clock_nanosleep_returns_its_error)
{
	struct timespec long_time = { .tv_sec = 100 }, left = { 0 }, until;

	catch_signals();
	other_side(0, raise_it);
	OK(EINTR, clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, &left));
	ck_assert(left.tv_sec == 99 && left.tv_nsec > 0);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 100;
	left.tv_sec = 4711;
	other_side(0, raise_it);
	OK(EINTR, clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, &left));
	ck_assert_int_eq(left.tv_sec, 4711);
	ck_assert_int_eq(signals, 2);
	assert_took(0);
	assert_waited();
}
END_TEST

START_TEST(thrd_sleep_tells_the_time_that_is_left)
{
	struct timespec moment = { .tv_nsec = 20000000 }, long_time = { .tv_sec = 100 }, left;

	catch_signals();
	ck_assert_int_eq(thrd_sleep(&moment, NULL), 0);
	assert_took(20);
	assert_waited();
	other_side(0, raise_it);
	ck_assert_int_eq(thrd_sleep(&long_time, &left), -1);
	ck_assert(left.tv_sec == 99 && left.tv_nsec > 0);
	moment.tv_nsec = -1;
	ck_assert_int_lt(thrd_sleep(&moment, NULL), -1);
}
END_TEST

START_TEST(bad_arguments_fail_as_ever)
{
	struct timespec bad = { .tv_nsec = 1000000000 }, negative = { .tv_sec = -1 };
	struct timespec moment = { .tv_nsec = 1 };

	FAILS(EINVAL, nanosleep(&bad, NULL));
	FAILS(EINVAL, nanosleep(&negative, NULL));
	OK(EINVAL, clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL));
	OK(EINVAL, clock_nanosleep(4711, 0, &moment, NULL));
	OK(EINVAL, clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &moment, NULL));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

Suite *sleep_suite(void)
{
	Suite *suite = suite_create("sleep");
	TCase *tcase = way_case(suite, "sleep");

	tcase_add_test(tcase, each_sleeps_as_long_as_it_says);
	tcase_add_test(tcase, sleep_sleeps_for_a_second);
	tcase_add_test(tcase, clock_nanosleep_sleeps_until_a_moment);
	tcase_add_test(tcase, a_sleep_of_nothing_ends_at_once);
	tcase_add_test(tcase, sleep_tells_the_seconds_that_are_left);
	tcase_add_test(tcase, nanosleep_tells_the_time_that_is_left);
	tcase_add_test(tcase, clock_nanosleep_returns_its_error);
	tcase_add_test(tcase, thrd_sleep_tells_the_time_that_is_left);
	tcase_add_test(tcase, bad_arguments_fail_as_ever);
	return suite;
}
