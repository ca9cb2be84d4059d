/* SPDX-License-Identifier: MIT */
/*
 * epoll_wait, epoll_pwait, epoll_pwait2.
 */
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kinds.h"
#include "signals.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static int set;
static struct epoll_event events[4];

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static void watch(uint32_t what)
{
	struct epoll_event event = { .events = what, .data.u64 = 4711 };

	set = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_ge(set, 0);
	ck_assert_int_eq(epoll_ctl(set, EPOLL_CTL_ADD, fd[0], &event), 0);
}

static void assert_one(int n)
{
	ck_assert_int_eq(n, 1);
	ck_assert_uint_eq(events[0].events, EPOLLIN);
	ck_assert_uint_eq(events[0].data.u64, 4711);
	assert_waited();
}

START_TEST(epoll_wait_waits)
{
	open_kind(_i);
	watch(EPOLLIN);
	other_side(_i, say_hello);
	assert_one(epoll_wait(set, events, 4, -1));
}
END_TEST

START_TEST(epoll_pwait_waits)
{
	open_kind(_i);
	watch(EPOLLIN);
	other_side(_i, say_hello);
	assert_one(epoll_pwait(set, events, 4, 5000, NULL));
}
END_TEST

START_TEST(epoll_pwait2_waits)
{
	struct timespec limit = { .tv_sec = 5 };

	open_kind(_i);
	watch(EPOLLIN);
	other_side(_i, say_hello);
	assert_one(epoll_pwait2(set, events, 4, &limit, NULL));
}
END_TEST

/* An edge is there once: the call that waited for it must be the one that reports it. */
START_TEST(an_edge_is_reported_once)
{
	open_kind(_i);
	watch(EPOLLIN | EPOLLET);
	other_side(_i, say_hello);
	assert_one(epoll_wait(set, events, 4, -1));
	OK(0, epoll_wait(set, events, 4, 0));
	OK(0, epoll_wait(set, events, 4, 5));
	other_side(_i, say_hello);
	assert_one(epoll_wait(set, events, 4, -1));
}
END_TEST

START_TEST(a_one_shot_is_reported_once)
{
	open_kind(_i);
	watch(EPOLLIN | EPOLLONESHOT);
	other_side(_i, say_hello);
	assert_one(epoll_wait(set, events, 4, -1));
	OK(0, epoll_wait(set, events, 4, 5));
}
END_TEST

START_TEST(timeouts_last_as_long_as_they_say)
{
	struct timespec fine = { .tv_nsec = 20000000 }, none = { 0 };
	double began = now_ms();

	open_pipe(fd);
	watch(EPOLLIN);
	OK(0, epoll_wait(set, events, 4, 0));
	OK(0, epoll_pwait(set, events, 4, 0, NULL));
	OK(0, epoll_pwait2(set, events, 4, &none, NULL));
	ck_assert_uint_eq(waits(), 0);
	OK(0, epoll_wait(set, events, 4, 20));
	ck_assert_double_ge(now_ms() - began, 20);
	assert_waited();
	OK(0, epoll_pwait(set, events, 4, 20, NULL));
	ck_assert_double_ge(now_ms() - began, 40);
	OK(0, epoll_pwait2(set, events, 4, &fine, NULL));
	ck_assert_double_ge(now_ms() - began, 60);
}
END_TEST

START_TEST(an_epoll_set_within_a_set_waits)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 4711 };
	int outer = epoll_create(1);

	open_pipe(fd);
	watch(EPOLLIN);
	ck_assert_int_eq(epoll_ctl(outer, EPOLL_CTL_ADD, set, &event), 0);
	other_side(_i, say_hello);
	assert_one(epoll_wait(outer, events, 4, -1));
}
END_TEST

START_TEST(bad_arguments_fail_as_ever)
{
	struct timespec bad = { .tv_nsec = -1 };

	open_pipe(fd);
	watch(EPOLLIN);
	FAILS(EBADF, epoll_wait(-1, events, 4, -1));
	FAILS(EINVAL, epoll_wait(fd[0], events, 4, -1));
	FAILS(EINVAL, epoll_wait(set, events, 0, -1));
	FAILS(EINVAL, epoll_pwait(set, events, minus_one, -1, NULL));
	FAILS(EINVAL, epoll_pwait2(set, events, 4, &bad, NULL));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_signal_ends_it_even_with_SA_RESTART)
{
	open_pipe(fd);
	watch(EPOLLIN);
	catch_with(SA_RESTART);
	other_side(0, raise_it);
	FAILS(EINTR, epoll_wait(set, events, 4, -1));
	ck_assert_int_eq(signals, 1);
	assert_waited();
}
END_TEST

START_TEST(signals_are_let_in_while_it_waits)
{
	struct timespec limit = { .tv_sec = 8 };
	sigset_t blocked, open_mask;

	open_pipe(fd);
	watch(EPOLLIN);
	catch_with(0);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, &open_mask);
	raise(SIGUSR1);
	FAILS(EINTR, epoll_pwait(set, events, 4, -1, &open_mask));
	ck_assert_int_eq(signals, 1);
	other_side(0, raise_it);
	FAILS(EINTR, epoll_pwait2(set, events, 4, &limit, &open_mask));
	ck_assert_int_eq(signals, 2);
}
END_TEST

Suite *epoll_suite(void)
{
	Suite *suite = suite_create("epoll");
	TCase *tcase = way_case(suite, "epoll");

	each_kind(tcase, epoll_wait_waits, 0);
	each_kind(tcase, epoll_pwait_waits, 0);
	if (!is_emulated())
		each_kind(tcase, epoll_pwait2_waits, 0);
	each_kind(tcase, an_edge_is_reported_once, 0);
	each_kind(tcase, a_one_shot_is_reported_once, 0);
	each_side(tcase, an_epoll_set_within_a_set_waits);
	if (!is_emulated())
		tcase_add_test(tcase, timeouts_last_as_long_as_they_say);
	if (!is_emulated())
		tcase_add_test(tcase, bad_arguments_fail_as_ever);
	tcase_add_test(tcase, a_signal_ends_it_even_with_SA_RESTART);
	if (!is_emulated())
		tcase_add_test(tcase, signals_are_let_in_while_it_waits);
	return suite;
}
