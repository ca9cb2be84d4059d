/* SPDX-License-Identifier: MIT */
/* src/engine/wait.c: when a call waits, what it tells the scheduler, and how each verdict ends. */
#include "engine/wait.h"
#include "engine/stats.h"
#include "real.h"
#include "registry/private.h"
#include "registry/process.h"
#include "support.h"

static int ends[2];
static struct mpg_wait w;

static void begin(int fd, short events)
{
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, fd, events, "test"), 1);
}

static void begin_reading(void (*open)(int both[2]))
{
	open(ends);
	begin(ends[0], POLLIN);
}

/* A try has found nothing: is there to be another one? */
static bool again(void)
{
	errno = EAGAIN;
	return mpg_wait_again(&w, -1);
}

START_TEST(without_a_scheduler_nothing_waits)
{
	open_pipe(ends);
	ck_assert(!mpg_may_wait_on(ends[0]));
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, ends[0], POLLIN, "test"), 0);
	ck_assert(!mpg_wait_begin_other(&w, "test"));
}
END_TEST

START_TEST(what_is_known_not_to_block_passes_through)
{
	int file = memfd_create("file", 0);

	NOTHING_TO_WAIT_FOR();
	ck_assert(mpg_may_wait_on(file));
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, file, POLLIN, "test"), 0);
	ck_assert(!mpg_may_wait_on(file));
}
END_TEST

START_TEST(what_is_not_open_passes_through)
{
	NOTHING_TO_WAIT_FOR();
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, -1, POLLIN, "test"), 0);
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, 60000, POLLIN, "test"), 0);
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, INT_MAX, POLLIN, "test"), 0);
}
END_TEST

START_TEST(in_a_native_section_nothing_waits)
{
	int token;

	NOTHING_TO_WAIT_FOR();
	open_pipe(ends);
	token = mpgreen_native_enter();
	mpgreen_native_leave(mpgreen_native_enter());
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, ends[0], POLLIN, "test"), 0);
	ck_assert(!mpg_wait_begin_other(&w, "test"));
	mpgreen_native_leave(token);
	begin(ends[0], POLLIN);
}
END_TEST

static volatile sig_atomic_t began;

static void begin_inside(int sig)
{
	(void)sig;
	began = mpg_wait_begin_or_end(&w, ends[0], POLLIN, "test");
}

static void handle(void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	ck_assert_int_eq(sigaction(SIGUSR1, &act, NULL), 0);
}

START_TEST(in_a_signal_handler_nothing_waits)
{
	NOTHING_TO_WAIT_FOR();
	open_pipe(ends);
	handle(begin_inside, 0);
	began = 2;
	raise(SIGUSR1);
	ck_assert_int_eq(began, 0);
}
END_TEST

START_TEST(a_try_that_succeeds_ends_the_call_with_errno_as_it_was)
{
	NOTHING_TO_WAIT_FOR();
	errno = ENOANO;
	begin_reading(open_pipe);
	errno = EIO;
	ck_assert(!mpg_wait_again(&w, 0));
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

START_TEST(a_try_that_fails_ends_the_call_with_its_error)
{
	NOTHING_TO_WAIT_FOR();
	begin_reading(open_pipe);
	errno = EIO;
	ck_assert(!mpg_wait_again(&w, -1));
	ck_assert_int_eq(errno, EIO);
}
END_TEST

START_TEST(the_scheduler_is_told_what_the_call_waits_for)
{
	PLAY(READY);
	open_unix(ends);
	begin(ends[1], POLLOUT);
	ck_assert(again());
	ck_assert_int_eq(script.seen[0].fd, ends[1]);
	ck_assert_int_eq(script.seen[0].events, POLLOUT);
	ck_assert_uint_eq(script.seen[0].attempt, 0);
	ck_assert(script.seen[0].deadline_ns == MPGREEN_FOREVER);
	ck_assert_str_eq(script.seen[0].call, "test");
}
END_TEST

START_TEST(each_further_wait_of_a_call_is_another_attempt)
{
	PLAY(READY, READY, CANCELLED(EIO));
	begin_reading(open_pipe);
	ck_assert(again() && again() && !again());
	ck_assert_uint_eq(script.seen[1].attempt, 1);
	ck_assert_uint_eq(script.seen[2].attempt, 2);
}
END_TEST

START_TEST(a_timeout_ends_the_call_with_the_error_it_has_for_that)
{
	PLAY(TIMEOUT, TIMEOUT);
	begin_reading(open_pipe);
	ck_assert(!again());
	ck_assert_int_eq(errno, EAGAIN);
	begin_reading(open_pipe);
	w.timeout_error = EINPROGRESS;
	ck_assert(!again());
	ck_assert_int_eq(errno, EINPROGRESS);
}
END_TEST

START_TEST(a_cancelled_wait_ends_the_call_with_the_schedulers_errno)
{
	PLAY(CANCELLED(EINTR), CANCELLED(0));
	begin_reading(open_pipe);
	ck_assert(!again());
	ck_assert_int_eq(errno, EINTR);
	begin_reading(open_pipe);
	ck_assert(!again());
	ck_assert_int_eq(errno, ECANCELED);
}
END_TEST

static const int no_verdicts[] = { MPGREEN_NATIVE, -3, 2, INT_MIN, INT_MAX };

START_TEST(any_other_answer_blocks_the_thread)
{
	PLAY({ .verdict = no_verdicts[_i], .error = EIO, .meanwhile = write_a_byte, .fd = 0 });
	open_pipe(ends);
	script.steps[0].fd = ends[1];
	begin(ends[0], POLLIN);
	ck_assert(again());
	ck_assert_uint_eq(mpg_stats.native, 1);
	ck_assert_int_eq(script.waits, 1);
}
END_TEST

START_TEST(a_thread_that_is_blocked_heeds_the_deadline)
{
	PLAY(NATIVE);
	begin_reading(open_pipe);
	w.deadline = mpg_clock_now();
	ck_assert(!again());
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(a_scheduler_that_cannot_wait_now_is_not_asked)
{
	NOTHING_TO_WAIT_FOR();
	script.declines = true;
	begin_reading(open_pipe);
	write_a_byte(ends[1]);
	ck_assert(again());
	ck_assert_uint_eq(mpg_stats.native, 1);
}
END_TEST

START_TEST(an_fd_that_was_made_non_blocking_does_not_wait)
{
	NOTHING_TO_WAIT_FOR();
	begin_reading(open_pipe);
	set_nonblocking(ends[0]);
	ck_assert(!again());
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(an_fd_marked_always_waits_even_then)
{
	PLAY(READY);
	open_pipe(ends);
	set_nonblocking(ends[0]);
	mpgreen_mark(ends[0], MPGREEN_ALWAYS);
	begin(ends[0], POLLIN);
	ck_assert(again());
}
END_TEST

static void set_limit(int option, time_t seconds)
{
	const struct timeval limit = { seconds, 0 };

	ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, option, &limit, sizeof(limit)), 0);
}

/* Once for receiving, once for sending. */
START_TEST(the_time_limit_of_a_socket_is_one_deadline_for_all_waits)
{
	int64_t before = mpg_clock_now();

	PLAY(READY, TIMEOUT);
	open_unix(ends);
	set_limit(_i ? SO_SNDTIMEO : SO_RCVTIMEO, 100);
	begin(ends[0], _i ? POLLOUT : POLLIN);
	ck_assert(again());
	ck_assert_int_ge(script.seen[0].deadline_ns, before + 100 * MPG_SECOND);
	ck_assert_int_le(script.seen[0].deadline_ns, mpg_clock_now() + 100 * MPG_SECOND);
	ck_assert(!again());
	ck_assert_int_eq(script.seen[1].deadline_ns, script.seen[0].deadline_ns);
}
END_TEST

START_TEST(the_limit_of_the_other_direction_does_not_count)
{
	PLAY(READY);
	open_unix(ends);
	set_limit(_i ? SO_RCVTIMEO : SO_SNDTIMEO, 100);
	begin(ends[0], _i ? POLLOUT : POLLIN);
	ck_assert(again());
	ck_assert(script.seen[0].deadline_ns == MPGREEN_FOREVER);
}
END_TEST

START_TEST(a_limit_of_ages_is_none)
{
	PLAY(READY);
	open_unix(ends);
	set_limit(SO_RCVTIMEO, 20000000000);
	begin(ends[0], POLLIN);
	ck_assert(again());
	ck_assert(script.seen[0].deadline_ns == MPGREEN_FOREVER);
}
END_TEST

START_TEST(every_verdict_is_counted)
{
	PLAY(READY, READY, TIMEOUT);
	begin_reading(open_pipe);
	while (again())
		;
	ck_assert_uint_eq(mpg_stats.waits, 3);
	ck_assert_uint_eq(mpg_stats.ready, 2);
	ck_assert_uint_eq(mpg_stats.timeouts, 1);
}
END_TEST

START_TEST(a_vfork_child_blocks_for_real)
{
	NOTHING_TO_WAIT_FOR();
	begin_reading(open_pipe);
	write_a_byte(ends[1]);
	mpg_process_owner++;
	ck_assert(again());
}
END_TEST

START_TEST(a_call_may_wait_for_no_fd_at_all)
{
	PLAY(READY, TIMEOUT);
	ck_assert(mpg_wait_begin_other(&w, "sleep"));
	w.timeout_error = ETIMEDOUT;
	w.deadline = 123;
	ck_assert(mpg_wait_on(&w, -1, 0));
	ck_assert(!mpg_wait_on(&w, -1, 0));
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert(script.seen[1].fd == -1 && script.seen[1].events == 0);
	ck_assert(script.seen[1].deadline_ns == 123 && script.seen[1].attempt == 1);
}
END_TEST

START_TEST(a_wait_ends_the_turn)
{
	PLAY(READY);
	begin_reading(open_pipe);
	mpg_thread.turn_began = 1;
	ck_assert(again());
	ck_assert(mpg_thread.turn_began == 0 && mpg_thread.turn_calls == 0);
}
END_TEST

SUITE_OF(wait, { without_a_scheduler_nothing_waits, 0 },
	 { what_is_known_not_to_block_passes_through, 0 }, { what_is_not_open_passes_through, 0 },
	 { in_a_native_section_nothing_waits, 0 }, { in_a_signal_handler_nothing_waits, 0 },
	 { a_try_that_succeeds_ends_the_call_with_errno_as_it_was, 0 },
	 { a_try_that_fails_ends_the_call_with_its_error, 0 },
	 { the_scheduler_is_told_what_the_call_waits_for, 0 },
	 { each_further_wait_of_a_call_is_another_attempt, 0 },
	 { a_timeout_ends_the_call_with_the_error_it_has_for_that, 0 },
	 { a_cancelled_wait_ends_the_call_with_the_schedulers_errno, 0 },
	 { any_other_answer_blocks_the_thread, sizeof(no_verdicts) / sizeof(no_verdicts[0]) },
	 { a_thread_that_is_blocked_heeds_the_deadline, 0 },
	 { a_scheduler_that_cannot_wait_now_is_not_asked, 0 },
	 { an_fd_that_was_made_non_blocking_does_not_wait, 0 },
	 { an_fd_marked_always_waits_even_then, 0 },
	 { the_time_limit_of_a_socket_is_one_deadline_for_all_waits, 2 },
	 { the_limit_of_the_other_direction_does_not_count, 2 }, { a_limit_of_ages_is_none, 0 },
	 { every_verdict_is_counted, 0 }, { a_vfork_child_blocks_for_real, 0 },
	 { a_call_may_wait_for_no_fd_at_all, 0 }, { a_wait_ends_the_turn, 0 })
