/* SPDX-License-Identifier: MIT */
/* src/engine/wait.c: calls that must move all of what they were given; readiness that is none. */
#include "engine/wait.h"
#include "engine/stats.h"
#include "real.h"
#include "registry/private.h"
#include "support.h"

#include <netinet/in.h>

static int ends[2];
static struct mpg_wait w;

static void begin_writing(void (*open)(int both[2]))
{
	open(ends);
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, ends[1], POLLOUT, "test"), 1);
}

static void begin_reading(void)
{
	open_pipe(ends);
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, ends[0], POLLIN, "test"), 1);
}

static bool more(ssize_t n, int error)
{
	errno = error;
	return mpg_wait_more(&w, n, 100);
}

START_TEST(a_call_goes_on_until_all_is_moved)
{
	PLAY(READY, READY);
	begin_writing(open_pipe);
	ck_assert(more(30, 0) && more(30, 0));
	ck_assert_uint_eq(w.done, 60);
	ck_assert(!more(40, 0));
	ck_assert_int_eq(mpg_wait_total(&w, 40), 100);
}
END_TEST

START_TEST(all_at_once_needs_no_wait_and_keeps_errno)
{
	NOTHING_TO_WAIT_FOR();
	errno = ENOANO;
	begin_writing(open_pipe);
	ck_assert(!more(100, EIO));
	ck_assert_int_eq(mpg_wait_total(&w, 100), 100);
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

START_TEST(progress_begins_the_attempts_anew)
{
	PLAY(READY, READY, READY);
	begin_writing(open_pipe);
	ck_assert(more(-1, EAGAIN) && more(10, 0) && more(-1, EAGAIN));
	ck_assert_uint_eq(script.seen[0].attempt, 0);
	ck_assert_uint_eq(script.seen[1].attempt, 0);
	ck_assert_uint_eq(script.seen[2].attempt, 1);
}
END_TEST

START_TEST(an_error_before_any_progress_is_the_calls)
{
	NOTHING_TO_WAIT_FOR();
	begin_writing(open_pipe);
	ck_assert(!more(-1, EPIPE));
	ck_assert_int_eq(mpg_wait_total(&w, -1), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(an_error_after_progress_gives_the_count_instead)
{
	PLAY(READY);
	errno = ENOANO;
	begin_writing(open_pipe);
	ck_assert(more(30, 0));
	ck_assert(!more(-1, EPIPE));
	ck_assert_int_eq(mpg_wait_total(&w, -1), 30);
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

static const struct step bad_ends[] = { TIMEOUT, CANCELLED(EINTR) };

START_TEST(a_wait_that_ends_badly_after_progress_gives_the_count)
{
	script_play(&bad_ends[_i], 1);
	begin_writing(open_pipe);
	ck_assert(!more(30, 0));
	ck_assert_int_eq(mpg_wait_total(&w, 30), 30);
}
END_TEST

START_TEST(a_close_after_progress_gives_the_count)
{
	open_pipe(ends);
	PLAY(READY_AFTER(close_it, ends[1]));
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, ends[1], POLLOUT, "test"), 1);
	ck_assert(!more(30, 0));
	ck_assert_int_eq(mpg_wait_total(&w, 30), 30);
}
END_TEST

START_TEST(the_end_of_the_file_ends_the_call)
{
	PLAY(READY);
	begin_reading();
	ck_assert(more(30, 0));
	ck_assert(!more(0, 0));
	ck_assert_int_eq(mpg_wait_total(&w, 0), 30);
}
END_TEST

START_TEST(a_non_blocking_fd_gives_what_went)
{
	NOTHING_TO_WAIT_FOR();
	begin_writing(open_pipe);
	set_nonblocking(ends[1]);
	ck_assert(!more(30, 0));
	ck_assert_int_eq(mpg_wait_total(&w, 30), 30);
}
END_TEST

/* A unix socket that is closed with unread bytes gives its peer an error, once. */
START_TEST(an_error_that_a_socket_gives_once_is_left_to_the_next_call)
{
	int error;
	socklen_t len = sizeof(error);

	open_unix(ends);
	write_a_byte(ends[1]);
	PLAY(READY_AFTER(close_it, ends[0]));
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, ends[1], POLLOUT, "test"), 1);
	ck_assert(!more(1, 0));
	ck_assert_int_eq(mpg_wait_total(&w, 1), 1);
	ck_assert_int_eq(getsockopt(ends[1], SOL_SOCKET, SO_ERROR, &error, &len), 0);
	ck_assert_int_eq(error, ECONNRESET);
}
END_TEST

static bool again(void)
{
	errno = EAGAIN;
	return mpg_wait_again(&w, -1);
}

START_TEST(from_the_fourth_wait_on_changes_are_waited_for)
{
	PLAY(READY, READY, READY, READY, READY);
	begin_reading();
	for (int i = 0; i < 5; i++)
		ck_assert(again());
	ck_assert_int_eq(script.seen[2].fd, ends[0]);
	ck_assert(mpg_private_is(script.seen[3].fd));
	ck_assert_int_eq(script.seen[4].fd, script.seen[3].fd);
	ck_assert_int_eq(script.seen[4].about, ends[0]);
	ck_assert_int_eq(script.seen[3].events, POLLIN);
	ck_assert_int_eq(script.seen[3].deadline_ns, MPGREEN_FOREVER);
}
END_TEST

/* Each way for a call to end, the set must not stay behind. */
START_TEST(what_watches_for_changes_goes_when_the_call_ends)
{
	static const struct step last[] = { READY, CANCELLED(EIO), READY_AFTER(close_it, 0) };

	PLAY(READY, READY, READY, READY, last[_i]);
	begin_reading();
	script.steps[4].fd = ends[0];
	for (int i = 0; i < 4; i++)
		ck_assert(again());
	if (again())
		mpg_wait_again(&w, 1);
	ck_assert(!is_open(script.seen[3].fd));
	ck_assert(!mpg_fdset_is_open(&w.edge));
}
END_TEST

/* A scheduler does not know which fd is behind the set: its alarm tells of the close. */
START_TEST(a_close_is_noticed_by_who_waits_for_changes)
{
	PLAY(READY, READY, READY, READY_AFTER(close_it, 0));
	begin_reading();
	script.steps[3].fd = ends[0];
	for (int i = 0; i < 3; i++)
		ck_assert(again());
	ck_assert(!again());
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(a_deadline_that_comes_first_still_is_one)
{
	PLAY(READY, READY, READY, TIMEOUT);
	begin_reading();
	for (int i = 0; i < 3; i++)
		ck_assert(again());
	w.deadline = mpg_clock_now() + MPG_MILLISECOND;
	ck_assert(!again());
	ck_assert_int_eq(script.seen[3].deadline_ns, w.deadline);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

static bool was_ready[16];

static void is_it_ready(int unused)
{
	struct pollfd p = { .fd = script.seen[script.waits - 1].fd, .events = POLLIN };

	(void)unused;
	was_ready[script.waits - 1] = REAL(poll)(&p, 1, 0) == 1;
}

/* poll() calls a socket ready for as long as its error queue is not read. */
static int udp_with_an_error_queue(void)
{
	int on = 1;

	open_udp(ends);
	setsockopt(ends[1], IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	REAL(close)(ends[0]);
	ck_assert_int_eq(REAL(send)(ends[1], "x", 1, 0), 1);
	ck_assert_int_eq(REAL(poll)(&(struct pollfd){ ends[1], 0, 0 }, 1, -1), 1);
	ck_assert_int_eq(REAL(recv)(ends[1], &on, 1, MSG_DONTWAIT), -1);
	return ends[1];
}

#define READY_IF_IT_IS READY_AFTER(is_it_ready, 0)

START_TEST(an_error_queue_that_nobody_reads_does_not_spin)
{
	PLAY(READY_IF_IT_IS, READY_IF_IT_IS, READY_IF_IT_IS, READY_IF_IT_IS, READY_IF_IT_IS);
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, udp_with_an_error_queue(), POLLIN, "test"), 1);
	for (int i = 0; i < 5; i++)
		ck_assert(again());
	ck_assert(was_ready[0] && was_ready[2] && was_ready[3]);
	ck_assert(!was_ready[4]);
}
END_TEST

/* An fd that libc closed behind our back, and opened anew. */
START_TEST(an_fd_that_has_become_a_file_is_not_waited_for)
{
	PLAY(READY, READY);
	begin_reading();
	ck_assert(again() && again());
	REAL(dup2)(memfd_create("file", 0), ends[0]);
	ck_assert(again());
	ck_assert(!(mpg_fd_state(mpg_fd_entry(ends[0])) & MPG_FD_GREEN));
	ck_assert_uint_eq(script.waits, 2);
}
END_TEST

SUITE_OF(progress, { a_call_goes_on_until_all_is_moved, 0 },
	 { all_at_once_needs_no_wait_and_keeps_errno, 0 }, { progress_begins_the_attempts_anew, 0 },
	 { an_error_before_any_progress_is_the_calls, 0 },
	 { an_error_after_progress_gives_the_count_instead, 0 },
	 { a_wait_that_ends_badly_after_progress_gives_the_count, 2 },
	 { a_close_after_progress_gives_the_count, 0 }, { the_end_of_the_file_ends_the_call, 0 },
	 { a_non_blocking_fd_gives_what_went, 0 },
	 { an_error_that_a_socket_gives_once_is_left_to_the_next_call, 0 },
	 { from_the_fourth_wait_on_changes_are_waited_for, 0 },
	 { what_watches_for_changes_goes_when_the_call_ends, 3 },
	 { a_close_is_noticed_by_who_waits_for_changes, 0 },
	 { a_deadline_that_comes_first_still_is_one, 0 },
	 { an_error_queue_that_nobody_reads_does_not_spin, 0 },
	 { an_fd_that_has_become_a_file_is_not_waited_for, 0 })
