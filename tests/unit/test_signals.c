/* SPDX-License-Identifier: MIT */
/* src/engine/signals.c: handlers are entered through ours, and nobody but us notices. */
#include "engine/signals.h"
#include "engine/doorbell.h"
#include "os/linux/nowait.h"
#include "real.h"
#include "support.h"

#include <setjmp.h>

/* siginterrupt() is obsolete, and in use. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static volatile sig_atomic_t runs, inside, value, sender;

static void handle(int sig)
{
	(void)sig;
	runs++;
	inside = mpg_signals_inside();
}

static void handle_otherwise(int sig)
{
	(void)sig;
	runs += 100;
}

static void handle_info(int sig, siginfo_t *info, void *context)
{
	value = info->si_value.sival_int;
	sender = info->si_pid;
	runs += context != NULL && sig == SIGUSR1;
}

static void install(int sig, void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	ck_assert_int_eq(sigaction(sig, &act, NULL), 0);
}

static bool kernel_calls(int sig, void (*handler)(int))
{
	struct sigaction act;

	ck_assert_int_eq(REAL(sigaction)(sig, NULL, &act), 0);
	return act.sa_handler == handler;
}

static void (*shown(int sig))(int)
{
	struct sigaction act;

	ck_assert_int_eq(sigaction(sig, NULL, &act), 0);
	return act.sa_handler;
}

START_TEST(before_activation_a_handler_is_the_kernels)
{
	install(SIGUSR1, handle, 0);
	ck_assert(kernel_calls(SIGUSR1, handle));
	raise(SIGUSR1);
	ck_assert_int_eq(runs, 1);
	ck_assert_uint_eq(mpg_thread.handled, 0);
}
END_TEST

START_TEST(activation_enters_the_handlers_that_there_are_through_ours)
{
	install(SIGUSR1, handle, 0);
	mpg_signals_activate();
	ck_assert(!kernel_calls(SIGUSR1, handle));
	ck_assert(shown(SIGUSR1) == handle);
	raise(SIGUSR1);
	ck_assert(runs == 1 && mpg_thread.handled == 1);
}
END_TEST

START_TEST(activation_leaves_default_and_ignored_signals_alone)
{
	install(SIGUSR1, SIG_IGN, 0);
	mpg_signals_activate();
	ck_assert(kernel_calls(SIGUSR1, SIG_IGN));
	ck_assert(kernel_calls(SIGUSR2, SIG_DFL));
	ck_assert(shown(SIGUSR1) == SIG_IGN && shown(SIGUSR2) == SIG_DFL);
}
END_TEST

START_TEST(activation_twice_wraps_once)
{
	install(SIGUSR1, handle, 0);
	mpg_signals_activate();
	mpg_signals_activate();
	raise(SIGUSR1);
	ck_assert(runs == 1 && shown(SIGUSR1) == handle);
}
END_TEST

START_TEST(a_handler_installed_later_is_entered_through_ours_too)
{
	mpg_signals_activate();
	install(SIGUSR1, handle, 0);
	ck_assert(!kernel_calls(SIGUSR1, handle));
	raise(SIGUSR1);
	ck_assert(runs == 1 && mpg_thread.handled == 1);
}
END_TEST

START_TEST(sigaction_shows_the_applications_own_flags_and_mask)
{
	struct sigaction act = { .sa_handler = handle, .sa_flags = SA_RESTART | SA_NODEFER }, seen;

	mpg_signals_activate();
	sigaddset(&act.sa_mask, SIGHUP);
	ck_assert_int_eq(sigaction(SIGUSR1, &act, NULL), 0);
	ck_assert_int_eq(sigaction(SIGUSR1, NULL, &seen), 0);
	ck_assert(seen.sa_handler == handle);
	ck_assert_int_eq(seen.sa_flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO),
			 SA_RESTART | SA_NODEFER);
	ck_assert(sigismember(&seen.sa_mask, SIGHUP) && !sigismember(&seen.sa_mask, SIGTERM));
}
END_TEST

START_TEST(what_sigaction_showed_can_be_put_back)
{
	struct sigaction other = { .sa_handler = handle_otherwise }, old;

	mpg_signals_activate();
	install(SIGUSR1, handle, 0);
	ck_assert_int_eq(sigaction(SIGUSR1, &other, &old), 0);
	ck_assert_int_eq(sigaction(SIGUSR1, &old, &other), 0);
	ck_assert(other.sa_handler == handle_otherwise);
	raise(SIGUSR1);
	ck_assert_int_eq(runs, 1);
}
END_TEST

START_TEST(a_reset_signal_is_the_kernels_and_comes_back)
{
	mpg_signals_activate();
	install(SIGUSR1, handle, 0);
	install(SIGUSR1, SIG_IGN, 0);
	raise(SIGUSR1);
	ck_assert(runs == 0 && shown(SIGUSR1) == SIG_IGN && kernel_calls(SIGUSR1, SIG_IGN));
	install(SIGUSR1, handle, 0);
	raise(SIGUSR1);
	ck_assert_int_eq(runs, 1);
}
END_TEST

static const int impossible[] = { SIGKILL, SIGSTOP, 0, -1, NSIG, INT_MAX };

START_TEST(what_the_kernel_refuses_changes_nothing)
{
	struct sigaction act = { .sa_handler = handle };
	int handled = (int)mpg_thread.handled;

	mpg_signals_activate();
	install(SIGUSR1, handle, 0);
	errno = 0;
	ck_assert_int_eq(sigaction(impossible[_i], &act, NULL), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert(signal(impossible[_i], handle) == SIG_ERR);
	raise(SIGUSR1);
	ck_assert_uint_eq(mpg_thread.handled, (unsigned)handled + 1);
}
END_TEST

START_TEST(a_handler_that_wants_it_gets_all_it_is_told)
{
	struct sigaction act = { .sa_sigaction = handle_info, .sa_flags = SA_SIGINFO }, seen;

	mpg_signals_activate();
	ck_assert_int_eq(sigaction(SIGUSR1, &act, NULL), 0);
	ck_assert_int_eq(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 42 }), 0);
	ck_assert(runs == 1 && value == 42 && sender == getpid());
	ck_assert_int_eq(sigaction(SIGUSR1, NULL, &seen), 0);
	ck_assert(seen.sa_sigaction == handle_info && seen.sa_flags & SA_SIGINFO);
}
END_TEST

START_TEST(only_a_handler_without_sa_restart_interrupts)
{
	mpg_signals_activate();
	install(SIGUSR1, handle, SA_RESTART);
	install(SIGUSR2, handle, 0);
	raise(SIGUSR1);
	ck_assert(mpg_thread.handled == 1 && mpg_thread.interrupted == 0);
	raise(SIGUSR2);
	ck_assert(mpg_thread.handled == 2 && mpg_thread.interrupted == 1);
}
END_TEST

START_TEST(sa_restart_of_a_handler_from_before_is_known)
{
	install(SIGUSR1, handle, SA_RESTART);
	install(SIGUSR2, handle, 0);
	mpg_signals_activate();
	raise(SIGUSR1);
	ck_assert_uint_eq(mpg_thread.interrupted, 0);
	raise(SIGUSR2);
	ck_assert_uint_eq(mpg_thread.interrupted, 1);
}
END_TEST

START_TEST(siginterrupt_is_heard_of)
{
	mpg_signals_activate();
	install(SIGUSR1, handle, SA_RESTART);
	ck_assert_int_eq(siginterrupt(SIGUSR1, 1), 0);
	raise(SIGUSR1);
	ck_assert_uint_eq(mpg_thread.interrupted, 1);
	ck_assert_int_eq(siginterrupt(SIGUSR1, 0), 0);
	raise(SIGUSR1);
	ck_assert(runs == 2 && mpg_thread.interrupted == 1);
	ck_assert(shown(SIGUSR1) == handle);
}
END_TEST

START_TEST(signal_installs_a_handler_that_restarts_and_returns_the_last)
{
	mpg_signals_activate();
	ck_assert(signal(SIGUSR1, handle_otherwise) == SIG_DFL);
	ck_assert(signal(SIGUSR1, handle) == handle_otherwise);
	raise(SIGUSR1);
	ck_assert(runs == 1 && mpg_thread.handled == 1 && mpg_thread.interrupted == 0);
	ck_assert(signal(SIGUSR1, SIG_DFL) == handle);
	ck_assert(shown(SIGUSR1) == SIG_DFL);
}
END_TEST

/* As a sanitizer's signal() does. */
static mpg_signals_handler by_sigaction(int sig, mpg_signals_handler handler)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	return sigaction(sig, &act, &old) < 0 ? SIG_ERR : old.sa_handler;
}

START_TEST(a_signal_function_that_itself_calls_sigaction_does_not_hang)
{
	mpg_signals_activate();
	ck_assert(mpg_signals_install(by_sigaction, SIGUSR1, handle_otherwise) == SIG_DFL);
	ck_assert(mpg_signals_install(by_sigaction, SIGUSR1, handle) == handle_otherwise);
	raise(SIGUSR1);
	ck_assert(runs == 1 && mpg_thread.handled == 1 && mpg_thread.interrupted == 0);
	ck_assert(shown(SIGUSR1) == handle);
}
END_TEST

START_TEST(sysv_signal_installs_a_handler_that_runs_once_and_interrupts)
{
	mpg_signals_activate();
	ck_assert(sysv_signal(SIGUSR1, handle) == SIG_DFL);
	raise(SIGUSR1);
	ck_assert(runs == 1 && mpg_thread.interrupted == 1);
	ck_assert(shown(SIGUSR1) == SIG_DFL);
}
END_TEST

START_TEST(sa_resethand_runs_a_handler_once)
{
	mpg_signals_activate();
	install(SIGUSR1, handle, SA_RESETHAND);
	raise(SIGUSR1);
	ck_assert(runs == 1 && shown(SIGUSR1) == SIG_DFL);
	install(SIGUSR1, handle, 0);
	raise(SIGUSR1);
	ck_assert(runs == 2 && shown(SIGUSR1) == handle);
}
END_TEST

static void install_inside(int sig)
{
	const struct sigaction act = { .sa_handler = handle };

	sigaction(sig, &act, NULL);
}

START_TEST(a_handler_may_replace_itself)
{
	mpg_signals_activate();
	install(SIGUSR1, install_inside, 0);
	raise(SIGUSR1);
	ck_assert(shown(SIGUSR1) == handle);
	raise(SIGUSR1);
	ck_assert_int_eq(runs, 1);
}
END_TEST

START_TEST(the_doorbell_rings_after_a_handler_while_someone_listens)
{
	int bell = mpg_doorbell();

	mpg_signals_activate();
	install(SIGUSR1, handle, SA_RESTART);
	mpg_signals_listen(bell);
	mpg_signals_listen(bell);
	mpg_signals_unlisten();
	raise(SIGUSR1);
	ck_assert(mpg_nowait_ready(bell, POLLIN));
	mpg_doorbell_silence(bell);
	mpg_signals_unlisten();
	raise(SIGUSR1);
	ck_assert(!mpg_nowait_ready(bell, POLLIN));
}
END_TEST

static int change_handlers(void *unused)
{
	(void)unused;
	install(SIGUSR1, handle_otherwise, 0);
	signal(SIGUSR2, SIG_DFL);
	return 0;
}

START_TEST(what_a_vfork_child_does_to_signals_its_parent_does_not_see)
{
	mpg_signals_activate();
	install(SIGUSR1, handle, 0);
	install(SIGUSR2, handle, 0);
	ck_assert_int_eq(in_vfork_child(change_handlers, NULL), 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	ck_assert_int_eq(runs, 2);
}
END_TEST

static int raise_both(void *unused)
{
	(void)unused;
	raise(SIGUSR1);
	return runs == 1 && shown(SIGUSR1) == handle ? 0 : 1;
}

START_TEST(a_fork_child_keeps_its_handlers)
{
	mpg_signals_activate();
	install(SIGUSR1, handle, 0);
	ck_assert_int_eq(in_child(raise_both, NULL), 0);
}
END_TEST

SUITE_OF(signals, { before_activation_a_handler_is_the_kernels, 0 },
	 { activation_enters_the_handlers_that_there_are_through_ours, 0 },
	 { activation_leaves_default_and_ignored_signals_alone, 0 },
	 { activation_twice_wraps_once, 0 },
	 { a_handler_installed_later_is_entered_through_ours_too, 0 },
	 { sigaction_shows_the_applications_own_flags_and_mask, 0 },
	 { what_sigaction_showed_can_be_put_back, 0 },
	 { a_reset_signal_is_the_kernels_and_comes_back, 0 },
	 { what_the_kernel_refuses_changes_nothing, sizeof(impossible) / sizeof(impossible[0]) },
	 { a_handler_that_wants_it_gets_all_it_is_told, 0 },
	 { only_a_handler_without_sa_restart_interrupts, 0 },
	 { sa_restart_of_a_handler_from_before_is_known, 0 },
	 { siginterrupt_is_heard_of, NOT_UNDER_TSAN },
	 { signal_installs_a_handler_that_restarts_and_returns_the_last, NOT_UNDER_TSAN },
	 { a_signal_function_that_itself_calls_sigaction_does_not_hang, 0 },
	 { sysv_signal_installs_a_handler_that_runs_once_and_interrupts, 0 },
	 { sa_resethand_runs_a_handler_once, 0 }, { a_handler_may_replace_itself, 0 },
	 { the_doorbell_rings_after_a_handler_while_someone_listens, 0 },
	 { what_a_vfork_child_does_to_signals_its_parent_does_not_see, NOT_UNDER_TSAN },
	 { a_fork_child_keeps_its_handlers, 0 })
