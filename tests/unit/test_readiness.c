/* SPDX-License-Identifier: MIT */
/* src/calls/readiness.c: what poll(), select() and epoll_wait() share. */
#include "calls/readiness.h"
#include "engine/doorbell.h"
#include "os/linux/nowait.h"
#include "real.h"
#include "registry/private.h"
#include "support.h"

static int ends[2];

static void begin(struct mpg_readiness *r, int64_t ns)
{
	open_pipe(ends);
	ck_assert(mpg_readiness_begin(r, ns, "test"));
}

START_TEST(a_call_that_may_not_wait_lets_go_of_nothing)
{
	int low = REAL(dup2)(REAL(eventfd)(0, 0), STDIN_FILENO);

	NOTHING_TO_WAIT_FOR();
	mpgreen_native_enter();
	{
		MPG_READINESS(r);

		ck_assert(!mpg_readiness_begin(&r, -1, "test"));
	}
	ck_assert(is_open(low));
}
END_TEST

START_TEST(poll_in_a_native_section_leaves_standard_input_open)
{
	struct pollfd p;

	open_pipe(ends);
	REAL(dup2)(ends[0], STDIN_FILENO);
	NOTHING_TO_WAIT_FOR();
	mpgreen_native_enter();
	p = (struct pollfd){ ends[1], POLLOUT, 0 };
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert(is_open(STDIN_FILENO));
}
END_TEST

START_TEST(one_fd_is_waited_for_itself)
{
	MPG_READINESS(r);

	PLAY(READY);
	begin(&r, -1);
	ck_assert(mpg_readiness_one(&r, ends[0], POLLIN));
	ck_assert(mpg_readiness_again(&r, 0));
	ck_assert(script.seen[0].fd == ends[0] && script.seen[0].events == POLLIN);
	ck_assert(script.seen[0].deadline_ns == MPGREEN_FOREVER);
	ck_assert_str_eq(script.seen[0].call, "test");
}
END_TEST

START_TEST(asking_for_what_is_told_anyway_changes_nothing)
{
	struct pollfd p;

	open_pipe(ends);
	p = (struct pollfd){ ends[0], POLLIN | POLLERR | POLLHUP | POLLNVAL, 0 };
	PLAY(READY_AFTER(write_a_byte, ends[1]));
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(p.revents, POLLIN);
	ck_assert(script.seen[0].fd == ends[0] && script.seen[0].events == POLLIN);
}
END_TEST

START_TEST(several_fds_are_waited_for_through_a_private_one)
{
	MPG_READINESS(r);

	PLAY(READY);
	begin(&r, -1);
	ck_assert(mpg_readiness_add(&r, ends[0], POLLIN)
		  && mpg_readiness_add(&r, ends[1], POLLPRI));
	ck_assert(mpg_readiness_again(&r, 0));
	ck_assert(mpg_private_is(script.seen[0].fd));
	ck_assert_int_eq(script.seen[0].events, POLLIN);
}
END_TEST

START_TEST(a_set_is_waited_for_as_often_as_needed_without_another_on_top)
{
	MPG_READINESS(r);

	PLAY(READY, READY, READY, READY, READY, READY);
	begin(&r, -1);
	mpg_readiness_add(&r, ends[0], POLLIN);
	for (int i = 0; i < 6; i++)
		ck_assert(mpg_readiness_again(&r, 0));
	ck_assert_int_eq(script.seen[5].fd, script.seen[0].fd);
	ck_assert_uint_eq(script.seen[0].attempt, 0);
	ck_assert_uint_gt(script.seen[5].attempt, 0);
}
END_TEST

START_TEST(what_has_happened_before_a_wait_is_settled_after_it)
{
	MPG_READINESS(r);

	PLAY(READY);
	begin(&r, -1);
	write_a_byte(ends[1]);
	mpg_readiness_add(&r, ends[0], POLLIN);
	ck_assert(mpg_nowait_ready(r.set.fd, POLLIN));
	ck_assert(mpg_readiness_again(&r, 0));
	ck_assert(!mpg_nowait_ready(r.set.fd, POLLIN));
}
END_TEST

START_TEST(what_is_ready_needs_no_wait_and_keeps_errno)
{
	MPG_READINESS(r);

	NOTHING_TO_WAIT_FOR();
	errno = ENOANO;
	begin(&r, -1);
	errno = EIO;
	ck_assert(!mpg_readiness_again(&r, 2));
	ck_assert_int_eq(mpg_readiness_result(&r, 2), 2);
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

START_TEST(an_error_of_the_try_is_the_calls)
{
	MPG_READINESS(r);

	NOTHING_TO_WAIT_FOR();
	begin(&r, -1);
	errno = EFAULT;
	ck_assert(!mpg_readiness_again(&r, -1));
	ck_assert_int_eq(mpg_readiness_result(&r, -1), -1);
	ck_assert_int_eq(errno, EFAULT);
}
END_TEST

START_TEST(when_the_time_is_over_there_is_one_last_try)
{
	MPG_READINESS(r);

	PLAY(TIMEOUT);
	begin(&r, MPG_SECOND);
	mpg_readiness_one(&r, ends[0], POLLIN);
	ck_assert(mpg_readiness_again(&r, 0));
	ck_assert(!mpg_readiness_again(&r, 0));
	ck_assert_int_eq(mpg_readiness_result(&r, 0), 0);
	ck_assert_int_eq(mpg_readiness_result(&r, 1), 1);
}
END_TEST

START_TEST(the_time_limit_is_one_deadline_for_all_waits)
{
	int64_t before = mpg_clock_now();
	MPG_READINESS(r);

	PLAY(READY, READY);
	begin(&r, 100 * MPG_SECOND);
	mpg_readiness_one(&r, ends[0], POLLIN);
	ck_assert(mpg_readiness_again(&r, 0) && mpg_readiness_again(&r, 0));
	ck_assert_int_ge(script.seen[0].deadline_ns, before + 100 * MPG_SECOND);
	ck_assert_int_le(script.seen[0].deadline_ns, mpg_clock_now() + 100 * MPG_SECOND);
	ck_assert_int_eq(script.seen[1].deadline_ns, script.seen[0].deadline_ns);
}
END_TEST

START_TEST(a_cancelled_wait_ends_the_call_with_its_error)
{
	MPG_READINESS(r);

	PLAY(CANCELLED(EIO));
	begin(&r, -1);
	mpg_readiness_one(&r, ends[0], POLLIN);
	ck_assert(!mpg_readiness_again(&r, 0));
	errno = 0;
	ck_assert_int_eq(mpg_readiness_result(&r, 0), -1);
	ck_assert_int_eq(errno, EIO);
}
END_TEST

static void nothing(int sig)
{
	(void)sig;
}

START_TEST(a_handler_ends_the_call_even_with_sa_restart)
{
	MPG_READINESS(r);

	PLAY(READY_AFTER(raise_it, SIGUSR1));
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = nothing, .sa_flags = SA_RESTART },
		  NULL);
	begin(&r, -1);
	mpg_readiness_one(&r, ends[0], POLLIN);
	ck_assert(mpg_readiness_again(&r, 0));
	ck_assert(!mpg_readiness_again(&r, 0));
	ck_assert_int_eq(mpg_readiness_result(&r, 0), -1);
	ck_assert_int_eq(errno, EINTR);
}
END_TEST

START_TEST(no_mask_adds_no_signals)
{
	MPG_READINESS(r);

	NOTHING_TO_WAIT_FOR();
	begin(&r, -1);
	ck_assert(mpg_readiness_mask(&r, NULL));
	ck_assert(!mpg_fdset_is_open(&r.set) && !r.listening);
}
END_TEST

START_TEST(with_a_mask_a_pending_signal_that_it_lets_through_wakes)
{
	sigset_t none, usr1;
	MPG_READINESS(r);

	NOTHING_TO_WAIT_FOR();
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	begin(&r, -1);
	ck_assert(mpg_readiness_mask(&r, &none));
	ck_assert(!mpg_nowait_ready(r.set.fd, POLLIN));
	raise(SIGUSR1);
	ck_assert(mpg_nowait_ready(r.set.fd, POLLIN));
}
END_TEST

START_TEST(with_a_mask_a_handler_that_runs_meanwhile_wakes)
{
	sigset_t none;
	MPG_READINESS(r);

	PLAY(READY);
	signal(SIGUSR1, nothing);
	sigemptyset(&none);
	begin(&r, -1);
	ck_assert(mpg_readiness_mask(&r, &none));
	raise(SIGUSR1);
	ck_assert(mpg_nowait_ready(r.set.fd, POLLIN));
	mpg_readiness_again(&r, 0);
	ck_assert(!mpg_nowait_ready(mpg_doorbell(), POLLIN));
}
END_TEST

START_TEST(letting_go_closes_the_set_stops_listening_and_keeps_errno)
{
	sigset_t none;
	int fd;
	MPG_READINESS(r);

	NOTHING_TO_WAIT_FOR();
	sigemptyset(&none);
	begin(&r, -1);
	mpg_readiness_mask(&r, &none);
	fd = r.set.fd;
	errno = ENOANO;
	mpg_readiness_drop(&r);
	ck_assert_int_eq(errno, ENOANO);
	ck_assert(!is_open(fd) && mpg_thread.listeners == 0 && mpg_thread.doorbell == 0);
}
END_TEST

START_TEST(all_but_what_is_unmarked_is_waited_for_through_the_scheduler)
{
	mpg_fds_activate();
	open_pipe(ends);
	ck_assert(mpg_readiness_is_green(ends[0]));
	mpgreen_unmark(ends[0]);
	ck_assert(!mpg_readiness_is_green(ends[0]));
	ck_assert(mpg_readiness_is_green(open("/dev/null", O_RDWR)));
	ck_assert(!mpg_readiness_is_green(-1));
	ck_assert(!mpg_readiness_is_green(INT_MAX));
}
END_TEST

SUITE_OF(readiness, { a_call_that_may_not_wait_lets_go_of_nothing, 0 },
	 { poll_in_a_native_section_leaves_standard_input_open, 0 },
	 { one_fd_is_waited_for_itself, 0 }, { asking_for_what_is_told_anyway_changes_nothing, 0 },
	 { several_fds_are_waited_for_through_a_private_one, 0 },
	 { a_set_is_waited_for_as_often_as_needed_without_another_on_top, 0 },
	 { what_has_happened_before_a_wait_is_settled_after_it, 0 },
	 { what_is_ready_needs_no_wait_and_keeps_errno, 0 },
	 { an_error_of_the_try_is_the_calls, 0 },
	 { when_the_time_is_over_there_is_one_last_try, 0 },
	 { the_time_limit_is_one_deadline_for_all_waits, 0 },
	 { a_cancelled_wait_ends_the_call_with_its_error, 0 },
	 { a_handler_ends_the_call_even_with_sa_restart, 0 }, { no_mask_adds_no_signals, 0 },
	 { with_a_mask_a_pending_signal_that_it_lets_through_wakes, 0 },
	 { with_a_mask_a_handler_that_runs_meanwhile_wakes, 0 },
	 { letting_go_closes_the_set_stops_listening_and_keeps_errno, 0 },
	 { all_but_what_is_unmarked_is_waited_for_through_the_scheduler, 0 })
