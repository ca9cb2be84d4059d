/* SPDX-License-Identifier: MIT */
/* src/engine/wait.c: what ends a wait from outside: close(), signals, cancellation, fork(). */
#include "engine/stats.h"
#include "engine/wait.h"
#include "real.h"
#include "registry/process.h"
#include "support.h"

static int ends[2];
static struct mpg_wait w;

static void begin(void)
{
	ck_assert_int_eq(mpg_wait_begin_or_end(&w, ends[0], POLLIN, "test"), 1);
}

static void begin_reading(void)
{
	open_pipe(ends);
	begin();
}

static bool again(void)
{
	errno = EAGAIN;
	return mpg_wait_again(&w, -1);
}

static void handle(void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	ck_assert_int_eq(sigaction(SIGUSR1, &act, NULL), 0);
}

static void reuse(int fd)
{
	close(fd);
	ck_assert_int_eq(dup2(ends[1], fd), fd);
}

static void replace(int fd)
{
	ck_assert_int_eq(dup2(ends[1], fd), fd);
}

static void wake(int fd)
{
	ck_assert_int_eq(mpgreen_wake(fd, EBADF), 1);
}

static void (*const endings[])(int fd) = { close_it, reuse, replace, wake };

START_TEST(a_wait_ends_when_its_fd_is_closed_reused_or_woken)
{
	open_pipe(ends);
	PLAY(READY_AFTER(endings[_i], ends[0]));
	begin();
	ck_assert(!again());
	ck_assert_int_eq(errno, EBADF);
	ck_assert_uint_eq(mpg_stats.woken, 1);
	ck_assert_int_eq(script.closed[0], ends[0]);
}
END_TEST

static void wake_with_estale(int fd)
{
	mpgreen_wake(fd, ESTALE);
}

START_TEST(whoever_is_woken_gets_the_error_and_nobody_after)
{
	open_pipe(ends);
	PLAY(READY_AFTER(wake_with_estale, ends[0]), READY);
	begin();
	ck_assert(!again());
	ck_assert_int_eq(errno, ESTALE);
	begin();
	ck_assert(again());
}
END_TEST

START_TEST(an_fd_closed_between_two_tries_is_not_waited_for)
{
	NOTHING_TO_WAIT_FOR();
	begin_reading();
	w.asked = true;
	reuse(ends[0]);
	ck_assert(!mpg_wait_park(&w));
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(waking_says_how_many_waited_and_refuses_nonsense)
{
	open_pipe(ends);
	mpg_fds_activate();
	ck_assert_int_eq(mpgreen_wake(ends[0], EIO), 0);
	ck_assert_int_eq(mpgreen_wake(ends[0], 0), -EINVAL);
	ck_assert_int_eq(mpgreen_wake(ends[0], -EIO), -EINVAL);
	ck_assert_int_eq(mpgreen_wake(-1, EIO), -EBADF);
}
END_TEST

static void nothing(int sig)
{
	(void)sig;
}

START_TEST(a_handler_without_sa_restart_ends_the_call_unless_data_is_there)
{
	PLAY(READY_AFTER(raise_it, SIGUSR1), READY_AFTER(raise_it, SIGUSR1));
	handle(nothing, 0);
	begin_reading();
	ck_assert(again());
	ck_assert(!again());
	ck_assert_int_eq(errno, EINTR);
	errno = ENOANO;
	begin_reading();
	ck_assert(again());
	ck_assert(!mpg_wait_again(&w, 1));
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

START_TEST(a_handler_with_sa_restart_does_not)
{
	PLAY(READY_AFTER(raise_it, SIGUSR1), READY);
	handle(nothing, SA_RESTART);
	begin_reading();
	ck_assert(again() && again());
}
END_TEST

START_TEST(it_does_where_the_socket_has_a_time_limit)
{
	const struct timeval limit = { 100, 0 };

	PLAY(READY_AFTER(raise_it, SIGUSR1));
	handle(nothing, SA_RESTART);
	open_unix(ends);
	ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	begin();
	ck_assert(again());
	ck_assert(!again());
	ck_assert_int_eq(errno, EINTR);
}
END_TEST

START_TEST(a_handler_from_before_the_call_does_not_end_it)
{
	PLAY(READY, READY);
	handle(nothing, 0);
	raise(SIGUSR1);
	begin_reading();
	ck_assert(again() && again());
}
END_TEST

static uint32_t waiters_meanwhile;

static void count_waiters(int fd)
{
	waiters_meanwhile = mpg_fd_entry(fd)->waiters;
}

START_TEST(a_wait_counts_among_the_waiters_while_it_lasts)
{
	open_pipe(ends);
	PLAY(READY_AFTER(count_waiters, ends[0]));
	begin();
	ck_assert(again());
	ck_assert_uint_eq(waiters_meanwhile, 1);
	ck_assert_uint_eq(mpg_fd_entry(ends[0])->waiters, 0);
	ck_assert(mpg_fd_state(mpg_fd_entry(ends[0])) & MPG_FD_WATCHED);
}
END_TEST

static void cancel_self(int unused)
{
	(void)unused;
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

static void *read_until_cancelled(void *unused)
{
	char byte;

	PLAY(READY_AFTER(cancel_self, 0));
	return (void *)(intptr_t)read(ends[0], &byte, unused ? 0 : 1);
}

START_TEST(a_thread_cancelled_in_a_wait_is_no_waiter_any_more)
{
	pthread_t thread;
	void *result;

	open_pipe(ends);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_until_cancelled, NULL), 0);
	REAL(pthread_join)(thread, &result);
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	ck_assert_uint_eq(script.waits, 1);
	ck_assert_uint_eq(mpg_fd_entry(ends[0])->waiters, 0);
}
END_TEST

static pid_t forked;

static void fork_here(int unused)
{
	(void)unused;
	forked = fork();
}

START_TEST(a_fiber_parked_across_fork_is_no_waiter_of_the_child)
{
	int status;

	PLAY(READY_AFTER(fork_here, 0));
	begin_reading();
	again();
	if (forked == 0)
		_exit((int)mpg_fd_entry(ends[0])->waiters);
	ck_assert_int_eq(REAL(waitpid)(forked, &status, 0), forked);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

static sem_t token;

static void post_and_fork(int unused)
{
	struct pollfd woken = { .fd = script.seen[script.waits - 1].fd, .events = POLLIN };
	int status;

	(void)unused;
	ck_assert_int_eq(sem_post(&token), 0);
	ck_assert_int_eq(REAL(poll)(&woken, 1, -1), 1);
	forked = fork();
	if (forked == 0)
		_exit((int)script.closings);
	ck_assert_int_eq(REAL(waitpid)(forked, &status, 0), forked);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* It has the parent's fds, and by them its epoll instances: whoever waits there must be left. */
START_TEST(a_fork_child_tells_no_scheduler_of_what_it_closes)
{
	ck_assert_int_eq(sem_init(&token, 1, 0), 0);
	PLAY(READY_AFTER(post_and_fork, 0), READY, READY);
	ck_assert_int_eq(sem_wait(&token), 0);
	ck_assert_uint_ge(script.waits, 1);
}
END_TEST

SUITE_OF(interrupted,
	 { a_wait_ends_when_its_fd_is_closed_reused_or_woken,
	   sizeof(endings) / sizeof(endings[0]) },
	 { whoever_is_woken_gets_the_error_and_nobody_after, 0 },
	 { an_fd_closed_between_two_tries_is_not_waited_for, 0 },
	 { waking_says_how_many_waited_and_refuses_nonsense, 0 },
	 { a_handler_without_sa_restart_ends_the_call_unless_data_is_there, 0 },
	 { a_handler_with_sa_restart_does_not, 0 },
	 { it_does_where_the_socket_has_a_time_limit, 0 },
	 { a_handler_from_before_the_call_does_not_end_it, 0 },
	 { a_wait_counts_among_the_waiters_while_it_lasts, 0 },
	 { a_thread_cancelled_in_a_wait_is_no_waiter_any_more, NOT_UNDER_ASAN },
	 { a_fiber_parked_across_fork_is_no_waiter_of_the_child, 0 },
	 { a_fork_child_tells_no_scheduler_of_what_it_closes, 0 })
