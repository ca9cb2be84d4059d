/* SPDX-License-Identifier: MIT */
/*
 * select and pselect: the same sets as ever.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "kinds.h"
#include "signals.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static fd_set in, out, exceptional;

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static int top(void)
{
	return (fd[0] > fd[1] ? fd[0] : fd[1]) + 1;
}

static void watch_both(void)
{
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&exceptional);
	FD_SET(fd[0], &in);
	FD_SET(fd[0], &exceptional);
}

START_TEST(select_waits_until_an_fd_is_readable)
{
	open_kind(_i);
	watch_both();
	other_side(_i, say_hello);
	OK(1, select(top(), &in, &out, &exceptional, NULL));
	ck_assert(FD_ISSET(fd[0], &in));
	ck_assert(!FD_ISSET(fd[0], &exceptional));
	assert_waited();
}
END_TEST

START_TEST(pselect_waits_until_an_fd_is_readable)
{
	struct timespec limit = { .tv_sec = 5 };

	open_kind(_i);
	watch_both();
	other_side(_i, say_hello);
	OK(1, pselect(top(), &in, NULL, NULL, &limit, NULL));
	ck_assert(FD_ISSET(fd[0], &in));
	ck_assert_int_eq(limit.tv_sec, 5);
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

START_TEST(select_waits_until_an_fd_is_writable)
{
	struct timeval limit = { .tv_sec = 5 };

	open_kind(_i);
	fill(fd[1]);
	FD_ZERO(&out);
	FD_SET(fd[1], &out);
	other_side(_i, drain);
	OK(1, select(top(), NULL, &out, NULL, &limit));
	ck_assert(FD_ISSET(fd[1], &out));
	assert_waited();
}
END_TEST

START_TEST(a_timeout_clears_the_sets_and_leaves_no_time)
{
	struct timeval limit = { .tv_usec = 20000 };
	struct timespec fine = { .tv_nsec = 1000000 };
	double began = now_ms();

	open_pipe(fd);
	watch_both();
	OK(0, select(top(), &in, &out, &exceptional, &limit));
	ck_assert_double_ge(now_ms() - began, 20);
	ck_assert(!FD_ISSET(fd[0], &in) && !FD_ISSET(fd[0], &exceptional));
	ck_assert(limit.tv_sec == 0 && limit.tv_usec == 0);
	assert_waited();
	watch_both();
	OK(0, pselect(top(), &in, NULL, NULL, &fine, NULL));
	ck_assert_int_eq(fine.tv_nsec, 1000000);
}
END_TEST

START_TEST(select_tells_the_time_that_is_left)
{
	struct timeval limit = { .tv_sec = 100 };

	open_pipe(fd);
	watch_both();
	other_side(_i, say_hello);
	OK(1, select(top(), &in, NULL, NULL, &limit));
	ck_assert_int_eq(limit.tv_sec, 99);
	assert_waited();
}
END_TEST

START_TEST(a_poll_by_select_does_not_wait)
{
	struct timeval none = { 0 };
	struct timespec none_either = { 0 };

	open_pipe(fd);
	watch_both();
	FD_SET(fd[1], &out);
	OK(1, select(top(), &in, &out, &exceptional, &none));
	ck_assert(FD_ISSET(fd[1], &out) && !FD_ISSET(fd[0], &in));
	watch_both();
	OK(0, pselect(top(), &in, &out, &exceptional, &none_either, NULL));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_select_of_nothing_is_a_sleep)
{
	struct timeval limit = { .tv_usec = 20000 };
	struct timespec fine = { .tv_nsec = 20000000 };
	double began = now_ms();

	OK(0, select(0, NULL, NULL, NULL, &limit));
	ck_assert_double_ge(now_ms() - began, 20);
	assert_waited();
	OK(0, pselect(0, NULL, NULL, NULL, &fine, NULL));
	ck_assert_double_ge(now_ms() - began, 40);
}
END_TEST

/* Beyond FD_SETSIZE, as servers do it that bring their own bits. */
START_TEST(select_takes_any_number_of_bits)
{
	unsigned long bits[4096 / sizeof(long)] = { 0 };
	int high = 5000;

	open_pipe(fd);
	if (dup2(fd[0], high) != high)
		return;
	bits[high / 64] = 1ul << high % 64;
	other_side(_i, say_hello);
	OK(1, select(high + 1, (fd_set *)bits, NULL, NULL, NULL));
	ck_assert_uint_eq(bits[high / 64], 1ul << high % 64);
	assert_waited();
}
END_TEST

START_TEST(regular_files_are_always_ready)
{
	open_pipe(fd);
	fd[1] = open("/proc/self/exe", O_RDONLY);
	watch_both();
	FD_SET(fd[1], &in);
	OK(1, select(top(), &in, NULL, NULL, NULL));
	ck_assert(FD_ISSET(fd[1], &in) && !FD_ISSET(fd[0], &in));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(bad_arguments_fail_as_ever)
{
	struct timeval bad = { .tv_sec = -1 };
	struct timespec fine = { .tv_nsec = -1 };

	open_pipe(fd);
	watch_both();
	FAILS(EINVAL, select(-1, &in, NULL, NULL, NULL));
	FAILS(EINVAL, select(top(), &in, NULL, NULL, &bad));
	FAILS(EINVAL, pselect(top(), &in, NULL, NULL, &fine, NULL));
	close(fd[0]);
	FAILS(EBADF, select(top(), &in, NULL, NULL, NULL));
	ck_assert(FD_ISSET(fd[0], &in));
	FAILS(EBADF, pselect(top(), &in, NULL, NULL, NULL, NULL));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_signal_ends_a_select_even_with_SA_RESTART)
{
	open_pipe(fd);
	catch_with(SA_RESTART);
	watch_both();
	other_side(0, raise_it);
	FAILS(EINTR, select(top(), &in, NULL, &exceptional, NULL));
	ck_assert_int_eq(signals, 1);
	ck_assert(FD_ISSET(fd[0], &in));
	assert_waited();
}
END_TEST

START_TEST(pselect_lets_signals_in_while_it_waits)
{
	sigset_t blocked, open_mask;

	open_pipe(fd);
	catch_with(0);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, &open_mask);
	raise(SIGUSR1);
	watch_both();
	FAILS(EINTR, pselect(top(), &in, NULL, NULL, NULL, &open_mask));
	ck_assert_int_eq(signals, 1);
	other_side(0, raise_it);
	FAILS(EINTR, pselect(top(), &in, NULL, NULL, NULL, &open_mask));
	ck_assert_int_eq(signals, 2);
}
END_TEST

Suite *select_suite(void)
{
	Suite *suite = suite_create("select");
	TCase *tcase = way_case(suite, "select");

	each_kind(tcase, select_waits_until_an_fd_is_readable, 0);
	each_kind(tcase, pselect_waits_until_an_fd_is_readable, 0);
	each_kind(tcase, select_waits_until_an_fd_is_writable, AT_ONCE);
	each_side(tcase, select_tells_the_time_that_is_left);
	each_side(tcase, select_takes_any_number_of_bits);
	tcase_add_test(tcase, a_timeout_clears_the_sets_and_leaves_no_time);
	tcase_add_test(tcase, a_poll_by_select_does_not_wait);
	tcase_add_test(tcase, a_select_of_nothing_is_a_sleep);
	tcase_add_test(tcase, regular_files_are_always_ready);
	if (!is_emulated())
		tcase_add_test(tcase, bad_arguments_fail_as_ever);
	tcase_add_test(tcase, a_signal_ends_a_select_even_with_SA_RESTART);
	tcase_add_test(tcase, pselect_lets_signals_in_while_it_waits);
	return suite;
}
