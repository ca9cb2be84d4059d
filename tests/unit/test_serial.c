/* SPDX-License-Identifier: MIT */
/* src/sources/serial.c: whose turn it is, and what happens when one who waits for it has gone. */
#include "sources/serial.h"
#include "real.h"
#include "registry/private.h"
#include "support.h"

static void one_function(void)
{
}

static void other_function(void)
{
	ck_abort_msg("nobody calls it");
}

static struct mpg_serial turns[3];
static struct mpg_wait w;

static struct mpg_serial *turn(int i)
{
	turns[i].function = one_function;
	if (!turns[i].bell)
		turns[i].bell = mpg_private_adopt(REAL(eventfd)(0, EFD_CLOEXEC | EFD_NONBLOCK));
	ck_assert_int_ge(turns[i].bell, 0);
	ck_assert(mpg_wait_begin_other(&w, "test"));
	return &turns[i];
}

static void leave(int i)
{
	mpg_serial_leave(&turns[i]);
}

static void end(int i)
{
	mpg_serial_ended(&turns[i]);
}

START_TEST(the_first_need_not_wait)
{
	NOTHING_TO_WAIT_FOR();
	ck_assert(mpg_serial_enter(&w, turn(0)));
	leave(0);
	ck_assert(mpg_serial_enter(&w, turn(1)));
}
END_TEST

START_TEST(the_next_waits_until_the_first_has_left)
{
	PLAY(READY, READY_AFTER(leave, 0));
	ck_assert(mpg_serial_enter(&w, turn(0)));
	ck_assert(mpg_serial_enter(&w, turn(1)));
	ck_assert_int_eq(script.waits, 2);
	ck_assert_int_eq(script.seen[0].fd, turns[1].bell);
	ck_assert_int_eq(w.deadline, MPGREEN_FOREVER);
	ck_assert_int_eq(
		REAL(poll)(&(struct pollfd){ .fd = turns[1].bell, .events = POLLIN }, 1, 0), 0);
}
END_TEST

START_TEST(other_functions_have_turns_of_their_own)
{
	NOTHING_TO_WAIT_FOR();
	ck_assert(mpg_serial_enter(&w, turn(0)));
	turn(1)->function = other_function;
	ck_assert(mpg_serial_enter(&w, &turns[1]));
}
END_TEST

START_TEST(who_gives_up_does_not_hold_up_those_behind)
{
	PLAY(CANCELLED(ESTALE), READY_AFTER(leave, 0));
	ck_assert(mpg_serial_enter(&w, turn(0)));
	ck_assert(!mpg_serial_enter(&w, turn(1)));
	ck_assert_int_eq(errno, ESTALE);
	leave(1);
	ck_assert(mpg_serial_enter(&w, turn(2)));
}
END_TEST

static void leave_both(int unused)
{
	(void)unused;
	leave(0);
	ck_assert(turns[1].granted);
	leave(1);
}

/* In one instant the turn came, and the fiber was cancelled. */
START_TEST(a_turn_that_came_too_late_is_passed_on)
{
	PLAY({ .verdict = MPGREEN_CANCELLED, .error = ESTALE }, READY_AFTER(leave_both, 0));
	ck_assert(mpg_serial_enter(&w, turn(0)));
	ck_assert(!mpg_serial_enter(&w, turn(1)));
	ck_assert(mpg_serial_enter(&w, turn(2)));
}
END_TEST

START_TEST(while_the_first_is_at_work_patience_has_no_end)
{
	PLAY(TIMEOUT, TIMEOUT, READY_AFTER(leave, 0));
	ck_assert(mpg_serial_enter(&w, turn(0)));
	ck_assert(mpg_serial_enter(&w, turn(1)));
	ck_assert_int_eq(script.waits, 3);
}
END_TEST

/* A step that blocks the thread, for as long as nobody rings. */
#define BLOCKED_AFTER(act, argument) \
	((struct step){ .verdict = MPGREEN_NATIVE, .meanwhile = act, .fd = argument })

START_TEST(a_thread_that_is_blocked_passes_by_one_who_has_ended)
{
	PLAY(NATIVE, BLOCKED_AFTER(end, 0));
	ck_assert(mpg_serial_enter(&w, turn(0)));
	ck_assert(mpg_serial_enter(&w, turn(1)));
	ck_assert_int_eq(script.waits, 2);
}
END_TEST

/* The first one's fiber goes on in its own time, and reads what the function has left. */
START_TEST(a_fiber_that_is_parked_passes_nobody_by)
{
	PLAY(TIMEOUT, TIMEOUT, READY_AFTER(leave, 0));
	ck_assert(mpg_serial_enter(&w, turn(0)));
	end(0);
	ck_assert(mpg_serial_enter(&w, turn(1)));
	ck_assert_int_eq(script.waits, 3);
}
END_TEST

START_TEST(two_that_pass_by_keep_their_order)
{
	PLAY(NATIVE, NATIVE, READY_AFTER(leave, 1), READY_AFTER(leave, 0));
	ck_assert(mpg_serial_enter(&w, turn(0)));
	end(0);
	ck_assert(mpg_serial_enter(&w, turn(1)));
	ck_assert(mpg_serial_enter(&w, turn(2)));
	ck_assert_int_eq(script.waits, 4);
}
END_TEST

static void handle(int sig)
{
	(void)sig;
}

START_TEST(a_signal_does_not_end_the_wait_for_a_turn)
{
	struct sigaction action = { .sa_handler = handle };

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	PLAY(READY_AFTER(raise_it, SIGUSR1), READY_AFTER(leave, 0));
	ck_assert(mpg_serial_enter(&w, turn(0)));
	ck_assert(mpg_serial_enter(&w, turn(1)));
}
END_TEST

static int enter_in_child(void *unused)
{
	(void)unused;
	NOTHING_TO_WAIT_FOR();
	leave(0);
	return mpg_serial_enter(&w, turn(1)) ? 7 : 1;
}

START_TEST(in_a_fork_child_nobody_stands_in_line)
{
	NOTHING_TO_WAIT_FOR();
	ck_assert(mpg_serial_enter(&w, turn(0)));
	ck_assert_int_eq(in_child(enter_in_child, NULL), 7);
}
END_TEST

SUITE_OF(serial, { the_first_need_not_wait, 0 }, { the_next_waits_until_the_first_has_left, 0 },
	 { other_functions_have_turns_of_their_own, 0 },
	 { who_gives_up_does_not_hold_up_those_behind, 0 },
	 { a_turn_that_came_too_late_is_passed_on, 0 },
	 { while_the_first_is_at_work_patience_has_no_end, 0 },
	 { a_thread_that_is_blocked_passes_by_one_who_has_ended, 0 },
	 { a_fiber_that_is_parked_passes_nobody_by, 0 }, { two_that_pass_by_keep_their_order, 0 },
	 { a_signal_does_not_end_the_wait_for_a_turn, 0 },
	 { in_a_fork_child_nobody_stands_in_line, 0 })
