/* SPDX-License-Identifier: MIT */
/*
 * poll and ppoll: the same revents as ever, over any set.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kinds.h"
#include "signals.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static struct pollfd set[4];

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static void hang_up(void)
{
	close(fd[1]);
}

START_TEST(poll_waits_until_an_fd_is_readable)
{
	open_kind(_i);
	set[0] = (struct pollfd){ fd[0], POLLIN, -1 };
	other_side(_i, say_hello);
	OK(1, poll(set, 1, -1));
	ck_assert_int_eq(set[0].revents, POLLIN);
	assert_waited();
}
END_TEST

static void drain(void)
{
	static char piece[1 << 20];

	set_nonblocking(fd[0], true);
	while (read(fd[0], piece, sizeof(piece)) > 0)
		continue;
}

START_TEST(poll_waits_until_an_fd_is_writable)
{
	open_kind(_i);
	fill(fd[1]);
	set[0] = (struct pollfd){ fd[1], POLLOUT, 0 };
	other_side(_i, drain);
	OK(1, poll(set, 1, 5000));
	ck_assert_int_eq(set[0].revents, POLLOUT);
	assert_waited();
}
END_TEST

START_TEST(poll_waits_for_the_first_of_many)
{
	int other[2];

	open_kind(_i);
	open_pipe(other);
	set[0] = (struct pollfd){ other[0], POLLIN, 1 };
	set[1] = (struct pollfd){ -5, POLLIN, 1 };
	set[2] = (struct pollfd){ fd[0], POLLIN | POLLPRI, 1 };
	set[3] = (struct pollfd){ fd[0], POLLIN, 1 };
	other_side(_i, say_hello);
	OK(2, poll(set, 4, -1));
	ck_assert_int_eq(set[0].revents, 0);
	ck_assert_int_eq(set[1].revents, 0);
	ck_assert_int_eq(set[2].revents, POLLIN);
	ck_assert_int_eq(set[3].revents, POLLIN);
	assert_waited();
}
END_TEST

/* What is asked twice of one fd differs, so each entry counts. */
START_TEST(poll_takes_both_directions_of_one_fd)
{
	open_kind(_i);
	fill(fd[0]);
	set[0] = (struct pollfd){ fd[0], POLLOUT, 1 };
	set[1] = (struct pollfd){ fd[0], POLLIN, 1 };
	other_side(_i, say_hello);
	OK(1, poll(set, 2, -1));
	ck_assert_int_eq(set[0].revents, 0);
	ck_assert_int_eq(set[1].revents, POLLIN);
	assert_waited();
}
END_TEST

START_TEST(poll_of_what_is_ready_does_not_wait)
{
	open_pipe(fd);
	say_hello();
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	set[1] = (struct pollfd){ fd[1], POLLOUT, 0 };
	OK(2, poll(set, 2, -1));
	ck_assert_int_eq(set[0].revents, POLLIN);
	ck_assert_int_eq(set[1].revents, POLLOUT);
	OK(2, ppoll(set, 2, NULL, NULL));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_closed_fd_is_POLLNVAL_at_once)
{
	open_pipe(fd);
	close(fd[1]);
	open_pipe(fd);
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	set[1] = (struct pollfd){ 1 << 20, POLLIN, 0 };
	OK(1, poll(set, 2, -1));
	ck_assert_int_eq(set[0].revents, 0);
	ck_assert_int_eq(set[1].revents, POLLNVAL);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_hang_up_is_seen_without_being_asked_for)
{
	open_kind(_i);
	set[0] = (struct pollfd){ fd[0], 0, 0 };
	other_side(_i, hang_up);
	OK(1, poll(set, 1, -1));
	ck_assert_int_eq(set[0].revents, POLLHUP);
	assert_waited();
}
END_TEST

START_TEST(regular_files_are_always_ready)
{
	open_pipe(fd);
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	set[1] = (struct pollfd){ open("/proc/self/exe", O_RDONLY), POLLIN | POLLPRI, 0 };
	set[2] = (struct pollfd){ open("/dev/null", O_RDWR), POLLIN | POLLOUT, 0 };
	OK(2, poll(set, 3, -1));
	ck_assert_int_eq(set[0].revents, 0);
	ck_assert_int_eq(set[1].revents, POLLIN);
	ck_assert_int_eq(set[2].revents, POLLIN | POLLOUT);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

static void send_urgent(void)
{
	ck_assert_int_eq(send(fd[1], "!", 1, MSG_OOB), 1);
}

START_TEST(POLLPRI_waits_for_urgent_data)
{
	open_tcp(fd);
	set[0] = (struct pollfd){ fd[0], POLLPRI, 0 };
	other_side(_i, send_urgent);
	OK(1, poll(set, 1, -1));
	ck_assert_int_eq(set[0].revents, POLLPRI);
	assert_waited();
}
END_TEST

START_TEST(timeouts_last_as_long_as_they_say)
{
	struct timespec little = { .tv_nsec = 20000000 }, tiny = { .tv_nsec = 1 };
	double began = now_ms();

	open_kind(_i);
	set[0] = (struct pollfd){ fd[0], POLLIN, 1 };
	OK(0, poll(set, 1, 0));
	ck_assert_uint_eq(waits(), 0);
	ck_assert_int_eq(set[0].revents, 0);
	OK(0, poll(set, 1, 20));
	ck_assert_double_ge(now_ms() - began, 20);
	assert_waited();
	OK(0, ppoll(set, 1, &little, NULL));
	ck_assert_double_ge(now_ms() - began, 40);
	ck_assert_double_lt(now_ms() - began, 1000);
	ck_assert(little.tv_sec == 0 && little.tv_nsec == 20000000);
	OK(0, ppoll(set, 1, &tiny, NULL));
	OK(0, poll(set, 1, 1));
}
END_TEST

START_TEST(a_poll_of_nothing_is_a_sleep)
{
	double began = now_ms();

	OK(0, poll(NULL, 0, 20));
	ck_assert_double_ge(now_ms() - began, 20);
	assert_waited();
	OK(0, poll(NULL, 0, 0));
	set[0] = (struct pollfd){ -1, POLLIN, 7 };
	OK(0, poll(set, 1, 10));
	ck_assert_int_eq(set[0].revents, 0);
	ck_assert_double_ge(now_ms() - began, 30);
}
END_TEST

START_TEST(bad_arguments_fail_as_ever)
{
	struct timespec bad = { .tv_nsec = 1000000000 }, negative = { .tv_sec = -1 };
	struct rlimit few = { 3, 3 };

	open_pipe(fd);
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	FAILS(EINVAL, ppoll(set, 1, &bad, NULL));
	FAILS(EINVAL, ppoll(set, 1, &negative, NULL));
	FAILS(EFAULT, poll(nowhere, 1, -1));
	setrlimit(RLIMIT_NOFILE, &few);
	FAILS(EINVAL, poll(set, 4, -1));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_signal_ends_a_poll_even_with_SA_RESTART)
{
	open_pipe(fd);
	catch_with(SA_RESTART);
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	other_side(0, raise_it);
	FAILS(EINTR, poll(set, 1, -1));
	ck_assert_int_eq(signals, 1);
	assert_waited();
	other_side(0, raise_it);
	FAILS(EINTR, poll(NULL, 0, 10000));
	ck_assert_int_eq(signals, 2);
}
END_TEST

/* SIGUSR1 is blocked but for the time of the call. */
START_TEST(ppoll_lets_signals_in_while_it_waits)
{
	struct timespec limit = { .tv_sec = 8 };
	sigset_t blocked, open_mask, now;

	open_pipe(fd);
	catch_with(SA_RESTART);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, &open_mask);
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	raise(SIGUSR1);
	ck_assert_int_eq(signals, 0);
	FAILS(EINTR, ppoll(set, 1, &limit, &open_mask));
	ck_assert_int_eq(signals, 1);
	other_side(0, raise_it);
	FAILS(EINTR, ppoll(set, 1, NULL, &open_mask));
	ck_assert_int_eq(signals, 2);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 1);
	other_side(0, raise_it);
	limit = (struct timespec){ .tv_nsec = 50000000 };
	OK(0, ppoll(set, 1, &limit, &blocked));
	ck_assert_int_eq(signals, 2);
}
END_TEST

START_TEST(a_poll_yields_although_its_fd_is_non_blocking)
{
	open_kind(_i);
	set_nonblocking(fd[0], true);
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	other_side(_i, say_hello);
	OK(1, poll(set, 1, 5000));
	ck_assert_int_eq(set[0].revents, POLLIN);
	assert_waited();
}
END_TEST

Suite *poll_suite(void)
{
	Suite *suite = suite_create("poll");
	TCase *tcase = way_case(suite, "poll");

	each_kind(tcase, poll_waits_until_an_fd_is_readable, 0);
	each_kind(tcase, poll_waits_until_an_fd_is_writable, AT_ONCE);
	each_kind(tcase, poll_waits_for_the_first_of_many, 0);
	each_kind(tcase, poll_takes_both_directions_of_one_fd, SOCKET | AT_ONCE);
	each_kind(tcase, a_hang_up_is_seen_without_being_asked_for, HANGS_UP | PIPE);
	each_kind(tcase, timeouts_last_as_long_as_they_say, 0);
	each_kind(tcase, a_poll_yields_although_its_fd_is_non_blocking, 0);
	each_side(tcase, POLLPRI_waits_for_urgent_data);
	tcase_add_test(tcase, poll_of_what_is_ready_does_not_wait);
	tcase_add_test(tcase, a_closed_fd_is_POLLNVAL_at_once);
	tcase_add_test(tcase, regular_files_are_always_ready);
	tcase_add_test(tcase, a_poll_of_nothing_is_a_sleep);
	if (!is_emulated())
		tcase_add_test(tcase, bad_arguments_fail_as_ever);
	tcase_add_test(tcase, a_signal_ends_a_poll_even_with_SA_RESTART);
	tcase_add_test(tcase, ppoll_lets_signals_in_while_it_waits);
	return suite;
}
