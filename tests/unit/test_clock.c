/* SPDX-License-Identifier: MIT */
/* src/engine/clock.h: times become nanoseconds without ever overflowing. */
#include "engine/clock.h"
#include "support.h"

START_TEST(a_timespec_is_counted_in_nanoseconds)
{
	ck_assert_int_eq(mpg_clock_ns(&(struct timespec){ 2, 5 }), 2000000005);
	ck_assert_int_eq(mpg_clock_ns(&(struct timespec){ 0, 0 }), 0);
}
END_TEST

START_TEST(a_timespec_too_long_for_nanoseconds_is_for_ever)
{
	ck_assert(mpg_clock_ns(&(struct timespec){ LONG_MAX, 999999999 }) == MPGREEN_FOREVER);
	ck_assert(mpg_clock_ns(&(struct timespec){ MPGREEN_FOREVER / MPG_SECOND, 0 })
		  == MPGREEN_FOREVER);
	ck_assert(mpg_clock_ns(&(struct timespec){ MPGREEN_FOREVER / MPG_SECOND - 1, 999999999 })
		  < MPGREEN_FOREVER);
}
END_TEST

START_TEST(a_timeval_is_counted_in_nanoseconds)
{
	ck_assert_int_eq(mpg_clock_us(&(struct timeval){ 2, 5 }), 2000005000);
	ck_assert_int_eq(mpg_clock_us(&(struct timeval){ 0, 1500000 }), 1500000000);
}
END_TEST

START_TEST(a_negative_timeval_is_no_time)
{
	ck_assert_int_lt(mpg_clock_us(&(struct timeval){ -1, 0 }), 0);
	ck_assert_int_lt(mpg_clock_us(&(struct timeval){ 0, -1 }), 0);
}
END_TEST

START_TEST(a_timeval_too_long_for_nanoseconds_is_for_ever)
{
	ck_assert(mpg_clock_us(&(struct timeval){ LONG_MAX, 0 }) == MPGREEN_FOREVER);
	ck_assert(mpg_clock_us(&(struct timeval){ LONG_MAX, LONG_MAX }) == MPGREEN_FOREVER);
}
END_TEST

START_TEST(microseconds_too_many_for_nanoseconds_are_for_ever)
{
	ck_assert(mpg_clock_us(&(struct timeval){ 0, LONG_MAX }) == MPGREEN_FOREVER);
	ck_assert(mpg_clock_us(&(struct timeval){ 9000000000, 999000000000000 })
		  == MPGREEN_FOREVER);
}
END_TEST

static const struct {
	struct timespec time;
	bool invalid, empty_or_invalid;
} times[] = {
	{ { 0, 0 }, false, true },	   { { 0, 1 }, false, false },
	{ { 1, 0 }, false, false },	   { { LONG_MAX, 999999999 }, false, false },
	{ { 0, 1000000000 }, true, true }, { { 0, -1 }, true, true },
	{ { -1, 0 }, true, true },
};
enum { N_TIMES = sizeof(times) / sizeof(times[0]) };

START_TEST(what_is_no_time_is_told_from_what_is_one)
{
	ck_assert_int_eq(mpg_clock_is_invalid(&times[_i].time), times[_i].invalid);
	ck_assert_int_eq(mpg_clock_is_empty_or_invalid(&times[_i].time),
			 times[_i].empty_or_invalid);
}
END_TEST

START_TEST(a_deadline_is_now_and_the_time_given)
{
	int64_t before = mpg_clock_now(), deadline = mpg_clock_after(MPG_SECOND);

	ck_assert_int_ge(deadline, before + MPG_SECOND);
	ck_assert_int_le(deadline, mpg_clock_now() + MPG_SECOND);
}
END_TEST

START_TEST(a_deadline_too_far_away_is_for_ever)
{
	ck_assert(mpg_clock_after(MPGREEN_FOREVER) == MPGREEN_FOREVER);
	ck_assert(mpg_clock_after(MPGREEN_FOREVER - 1) == MPGREEN_FOREVER);
}
END_TEST

START_TEST(the_time_left_is_never_negative)
{
	struct timespec left = mpg_clock_left(mpg_clock_now() - MPG_SECOND);

	ck_assert_int_eq(left.tv_sec, 0);
	ck_assert_int_eq(left.tv_nsec, 0);
}
END_TEST

START_TEST(the_time_left_counts_down_to_the_deadline)
{
	struct timespec left = mpg_clock_left(mpg_clock_now() + 100 * MPG_SECOND);

	ck_assert(left.tv_sec == 99 || (left.tv_sec == 100 && left.tv_nsec == 0));
	ck_assert(left.tv_nsec >= 0 && left.tv_nsec < MPG_SECOND);
}
END_TEST

SUITE_OF(clock, { a_timespec_is_counted_in_nanoseconds, 0 },
	 { a_timespec_too_long_for_nanoseconds_is_for_ever, 0 },
	 { a_timeval_is_counted_in_nanoseconds, 0 }, { a_negative_timeval_is_no_time, 0 },
	 { a_timeval_too_long_for_nanoseconds_is_for_ever, 0 },
	 { microseconds_too_many_for_nanoseconds_are_for_ever, 0 },
	 { what_is_no_time_is_told_from_what_is_one, N_TIMES },
	 { a_deadline_is_now_and_the_time_given, 0 }, { a_deadline_too_far_away_is_for_ever, 0 },
	 { the_time_left_is_never_negative, 0 }, { the_time_left_counts_down_to_the_deadline, 0 })
