/* SPDX-License-Identifier: MIT */
/*
 * pause, sigsuspend, sigpause, sigwait, sigwaitinfo, sigtimedwait: waiting for a signal.
 */
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"
#include "suites.h"
#include "way.h"

int __xpg_sigpause(int sig);
int __sigpause(int sig_or_mask, int is_sig);

/* The headers make another call of this name. */
int old_sigpause(int mask) __asm__("sigpause");

static sigset_t usr1, before;

static void block_usr1(void)
{
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &usr1, &before), 0);
}

static void send_it_with_a_value(void)
{
	sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 4711 });
}

static void assert_blocked(void)
{
	sigset_t now;

	pthread_sigmask(SIG_BLOCK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 1);
}

START_TEST(pause_ends_with_a_handler)
{
	catch_with(SA_RESTART);
	other_side(0, raise_it);
	FAILS(EINTR, pause());
	ck_assert_int_eq(signals, 1);
	assert_waited();
}
END_TEST

START_TEST(sigsuspend_lets_a_signal_in)
{
	catch_with(SA_RESTART);
	block_usr1();
	other_side(0, raise_it);
	FAILS(EINTR, sigsuspend(&before));
	ck_assert_int_eq(signals, 1);
	assert_blocked();
	assert_waited();
}
END_TEST

START_TEST(sigsuspend_takes_a_signal_that_is_pending)
{
	catch_with(0);
	block_usr1();
	raise(SIGUSR1);
	FAILS(EINTR, sigsuspend(&before));
	ck_assert_int_eq(signals, 1);
	assert_blocked();
}
END_TEST

START_TEST(sigpause_lets_one_signal_in)
{
	catch_with(SA_RESTART);
	block_usr1();
	other_side(0, raise_it);
	FAILS(EINTR, __xpg_sigpause(SIGUSR1));
	ck_assert_int_eq(signals, 1);
	assert_blocked();
	assert_waited();
}
END_TEST

/* By its old name sigpause() takes the mask to wait with. */
START_TEST(every_sigpause_lets_signals_in)
{
	catch_with(SA_RESTART);
	block_usr1();
	other_side(0, raise_it);
	FAILS(EINTR, __sigpause(SIGUSR1, 1));
	other_side(0, raise_it);
	FAILS(EINTR, __sigpause(0, 0));
	other_side(0, raise_it);
	FAILS(EINTR, old_sigpause(0));
	ck_assert_int_eq(signals, 3);
	assert_blocked();
	assert_waited();
}
END_TEST

START_TEST(sigwait_waits)
{
	int sig = 0;

	block_usr1();
	other_side(_i, raise_it);
	OK(0, sigwait(&usr1, &sig));
	ck_assert_int_eq(sig, SIGUSR1);
	assert_waited();
	raise(SIGUSR1);
	OK(0, sigwait(&usr1, &sig));
}
END_TEST

START_TEST(sigwaitinfo_tells_what_came)
{
	siginfo_t info;

	block_usr1();
	other_side(_i, send_it_with_a_value);
	OK(SIGUSR1, sigwaitinfo(&usr1, &info));
	ck_assert_int_eq(info.si_signo, SIGUSR1);
	ck_assert_int_eq(info.si_code, SI_QUEUE);
	ck_assert_int_eq(info.si_value.sival_int, 4711);
	assert_waited();
	raise(SIGUSR1);
	OK(SIGUSR1, sigwaitinfo(&usr1, NULL));
}
END_TEST

START_TEST(sigtimedwait_waits)
{
	struct timespec limit = { .tv_sec = 8 };
	siginfo_t info;

	block_usr1();
	other_side(_i, send_it_with_a_value);
	OK(SIGUSR1, sigtimedwait(&usr1, &info, &limit));
	ck_assert_int_eq(info.si_value.sival_int, 4711);
	assert_waited();
}
END_TEST

START_TEST(sigtimedwait_ends_with_EAGAIN)
{
	struct timespec limit = { .tv_nsec = 20000000 }, none = { 0 }, bad = { .tv_nsec = -1 };
	double began = now_ms();

	block_usr1();
	FAILS(EAGAIN, sigtimedwait(&usr1, NULL, &none));
	FAILS(EINVAL, sigtimedwait(&usr1, NULL, &bad));
	ck_assert_uint_eq(waits(), 0);
	FAILS(EAGAIN, sigtimedwait(&usr1, NULL, &limit));
	ck_assert_double_ge(now_ms() - began, 20);
	ck_assert_double_lt(now_ms() - began, 2000);
	assert_waited();
}
END_TEST

static void raise_another(void)
{
	pthread_kill(test_thread(), SIGUSR2);
}

START_TEST(another_signal_s_handler_ends_sigwaitinfo)
{
	struct sigaction act = { .sa_handler = count_signal, .sa_flags = SA_RESTART };
	struct timespec limit = { .tv_sec = 8 };

	sigaction(SIGUSR2, &act, NULL);
	block_usr1();
	other_side(0, raise_another);
	FAILS(EINTR, sigwaitinfo(&usr1, NULL));
	ck_assert_int_eq(signals, 1);
	other_side(0, raise_another);
	FAILS(EINTR, sigtimedwait(&usr1, NULL, &limit));
	ck_assert_int_eq(signals, 2);
}
END_TEST

static void raise_both(void)
{
	pthread_kill(test_thread(), SIGUSR2);
	settle();
	pthread_kill(test_thread(), SIGUSR1);
}

START_TEST(sigwait_goes_on_after_another_signal_s_handler)
{
	struct sigaction act = { .sa_handler = count_signal };
	int sig = 0;

	sigaction(SIGUSR2, &act, NULL);
	block_usr1();
	other_side(0, raise_both);
	ck_assert_int_eq(sigwait(&usr1, &sig), 0);
	ck_assert_int_eq(sig, SIGUSR1);
	ck_assert_int_eq(signals, 1);
}
END_TEST

Suite *sigwait_suite(void)
{
	Suite *suite = suite_create("sigwait");
	TCase *tcase = way_case(suite, "sigwait");

	tcase_add_test(tcase, pause_ends_with_a_handler);
	tcase_add_test(tcase, sigsuspend_lets_a_signal_in);
	tcase_add_test(tcase, sigsuspend_takes_a_signal_that_is_pending);
	tcase_add_test(tcase, sigpause_lets_one_signal_in);
	tcase_add_test(tcase, every_sigpause_lets_signals_in);
	each_side(tcase, sigwait_waits);
	each_side(tcase, sigwaitinfo_tells_what_came);
	each_side(tcase, sigtimedwait_waits);
	tcase_add_test(tcase, sigtimedwait_ends_with_EAGAIN);
	tcase_add_test(tcase, another_signal_s_handler_ends_sigwaitinfo);
	tcase_add_test(tcase, sigwait_goes_on_after_another_signal_s_handler);
	return suite;
}
