/* SPDX-License-Identifier: MIT */
/* src/engine/turn.c: whoever never waits must let others run now and then. */
#include "engine/turn.h"
#include "engine/clock.h"
#include "engine/stats.h"
#include "registry/process.h"
#include "settings.h"
#include "support.h"

static void make_calls(int n)
{
	for (int i = 0; i < n; i++)
		mpg_turn_count(-1);
}

/* As if the turn had begun that long ago, and the next call looked at the clock. */
static void be_in_a_turn_of(int ms)
{
	mpg_thread.turn_began = mpg_clock_read(CLOCK_MONOTONIC_COARSE) - ms * MPG_MILLISECOND;
	mpg_thread.turn_calls = MPG_TURN_CALLS - 1;
}

START_TEST(the_clock_is_looked_at_only_now_and_then)
{
	NOTHING_TO_WAIT_FOR();
	make_calls(MPG_TURN_CALLS - 1);
	ck_assert_int_eq(mpg_thread.turn_began, 0);
	make_calls(1);
	ck_assert_int_ne(mpg_thread.turn_began, 0);
	ck_assert_uint_eq(script.waits, 0);
}
END_TEST

START_TEST(a_turn_within_its_budget_goes_on)
{
	NOTHING_TO_WAIT_FOR();
	mpg_settings.turn_ms = 60000;
	be_in_a_turn_of(30000);
	make_calls(1);
	ck_assert_uint_eq(script.waits, 0);
	ck_assert_uint_eq(mpg_thread.turn_calls, 0);
}
END_TEST

START_TEST(a_turn_beyond_its_budget_yields)
{
	PLAY(READY);
	be_in_a_turn_of(11);
	make_calls(1);
	ck_assert_uint_eq(script.waits, 1);
	ck_assert_int_eq(script.seen[0].fd, -1);
	ck_assert_int_eq(script.seen[0].events, 0);
	ck_assert_int_le(script.seen[0].deadline_ns, mpg_clock_now());
	ck_assert_str_eq(script.seen[0].call, "yield");
}
END_TEST

/* Who is interrupted in it can tell which connection is half read. */
START_TEST(a_yield_tells_which_fd_the_call_is_about)
{
	PLAY(READY, READY);
	be_in_a_turn_of(11);
	mpg_turn_count(123);
	ck_assert_int_eq(script.seen[0].fd, -1);
	ck_assert_int_eq(script.seen[0].about, 123);
	be_in_a_turn_of(11);
	make_calls(1);
	ck_assert_int_eq(script.seen[1].about, -1);
}
END_TEST

START_TEST(after_a_yield_a_new_turn_begins)
{
	PLAY(READY);
	be_in_a_turn_of(11);
	make_calls(1 + MPG_TURN_CALLS);
	ck_assert_uint_eq(script.waits, 1);
}
END_TEST

START_TEST(a_yield_is_counted_as_one_and_not_as_a_wait)
{
	PLAY(READY);
	be_in_a_turn_of(11);
	make_calls(1);
	ck_assert_uint_eq(mpg_stats.yields, 1);
	ck_assert_uint_eq(mpg_stats.waits, 0);
}
END_TEST

START_TEST(a_yield_keeps_errno)
{
	PLAY({ .verdict = MPGREEN_READY, .error = ECHILD });
	be_in_a_turn_of(11);
	errno = ENOANO;
	make_calls(1);
	ck_assert_uint_eq(script.waits, 1);
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

START_TEST(without_a_budget_nobody_yields)
{
	NOTHING_TO_WAIT_FOR();
	mpg_settings.turn_ms = 0;
	be_in_a_turn_of(100000);
	make_calls(10 * MPG_TURN_CALLS);
	ck_assert_uint_eq(script.waits, 0);
}
END_TEST

START_TEST(a_wait_ends_the_turn)
{
	be_in_a_turn_of(100);
	mpg_turn_ended();
	ck_assert_uint_eq(mpg_thread.turn_calls, 0);
	ck_assert_int_eq(mpg_thread.turn_began, 0);
}
END_TEST

START_TEST(where_the_scheduler_may_not_wait_there_is_no_yield)
{
	NOTHING_TO_WAIT_FOR();
	script.declines = true;
	be_in_a_turn_of(11);
	make_calls(1);
	ck_assert_uint_eq(script.waits, 0);
	ck_assert_uint_eq(mpg_stats.yields, 0);
}
END_TEST

START_TEST(a_vfork_child_never_yields)
{
	NOTHING_TO_WAIT_FOR();
	mpg_process_owner++;
	be_in_a_turn_of(11);
	make_calls(1);
	ck_assert_uint_eq(script.waits, 0);
}
END_TEST

SUITE_OF(turn, { the_clock_is_looked_at_only_now_and_then, 0 },
	 { a_turn_within_its_budget_goes_on, 0 }, { a_turn_beyond_its_budget_yields, 0 },
	 { a_yield_tells_which_fd_the_call_is_about, 0 }, { after_a_yield_a_new_turn_begins, 0 },
	 { a_yield_is_counted_as_one_and_not_as_a_wait, 0 }, { a_yield_keeps_errno, 0 },
	 { without_a_budget_nobody_yields, 0 }, { a_wait_ends_the_turn, 0 },
	 { where_the_scheduler_may_not_wait_there_is_no_yield, 0 },
	 { a_vfork_child_never_yields, 0 })
