/* SPDX-License-Identifier: MIT */
/*
 * src/sources/child.c, reaped.c: who gets the status of a child when a loop takes every child's, as
 * libev does; and how a wait goes where the kernel or the memory gives less.
 */
#include "sources/child.h"
#include "engine/stats.h"
#include "real.h"
#include "sources/reaped.h"
#include "support.h"

enum { LOOP = WNOHANG | WUNTRACED | WCONTINUED, ENDS_WITH = 7 };

static pid_t child;
static int hold[2], status;
static pid_t taken;
static int taken_status;

static void start_child(void)
{
	char byte;

	open_pipe(hold);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		REAL(close)(hold[1]);
		REAL(read)(hold[0], &byte, 1);
		_exit(ENDS_WITH);
	}
	REAL(close)(hold[0]);
}

/* The kernel has seen it end, stop or go on, and nobody has taken that. */
static void await_news(int options)
{
	siginfo_t info;

	ck_assert_int_eq(REAL(waitid)(P_PID, (id_t)child, &info, options | WNOWAIT), 0);
}

static void end_child(void)
{
	REAL(close)(hold[1]);
	await_news(WEXITED);
}

static void signal_child(int sig, int options)
{
	ck_assert_int_eq(kill(child, sig), 0);
	await_news(options);
}

/* What libev does when SIGCHLD has come. */
static void loop_takes_all(void)
{
	int word;
	pid_t pid;

	while ((pid = waitpid(-1, &word, LOOP)) > 0) {
		taken = pid;
		taken_status = word;
	}
}

static void end_child_and_let_the_loop_take_it(int unused)
{
	(void)unused;
	end_child();
	loop_takes_all();
	ck_assert_int_eq(taken, child);
}

static void end_child_and_take_it(int unused)
{
	(void)unused;
	end_child();
	ck_assert_int_eq(waitpid(-1, &taken_status, WNOHANG), child);
}

static void stop_child_and_let_the_loop_see_it(int unused)
{
	(void)unused;
	signal_child(SIGSTOP, WSTOPPED);
	loop_takes_all();
	ck_assert(WIFSTOPPED(taken_status));
}

static void assert_exits(int word)
{
	ck_assert(WIFEXITED(word));
	ck_assert_int_eq(WEXITSTATUS(word), ENDS_WITH);
}

static void assert_nothing_left(void)
{
	errno = 0;
	ck_assert_int_eq(waitpid(child, &status, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

START_TEST(what_a_loop_took_is_given_once_to_who_asks_for_that_child)
{
	struct rusage usage = { 0 };

	NOTHING_TO_WAIT_FOR();
	start_child();
	end_child_and_let_the_loop_take_it(0);
	assert_exits(taken_status);
	errno = ESTALE;
	ck_assert_int_eq(wait4(child, &status, 0, &usage), child);
	ck_assert_int_eq(errno, ESTALE);
	assert_exits(status);
	ck_assert_int_gt(usage.ru_maxrss, 0);
	assert_nothing_left();
}
END_TEST

START_TEST(waitid_gets_it_whole_and_may_leave_it)
{
	siginfo_t info;

	NOTHING_TO_WAIT_FOR();
	start_child();
	end_child_and_let_the_loop_take_it(0);
	for (int i = 0; i < 2; i++) {
		info = (siginfo_t){ 0 };
		ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
		ck_assert(info.si_signo == SIGCHLD && info.si_code == CLD_EXITED);
		ck_assert(info.si_pid == child && info.si_uid == getuid());
		ck_assert_int_eq(info.si_status, ENDS_WITH);
	}
	ck_assert_int_eq(waitpid(child, &status, WNOHANG), child);
	assert_nothing_left();
}
END_TEST

START_TEST(what_the_application_took_itself_is_gone)
{
	NOTHING_TO_WAIT_FOR();
	start_child();
	end_child_and_take_it(0);
	assert_nothing_left();
	errno = 0;
	ck_assert(wait(&status) == -1 && errno == ECHILD);
}
END_TEST

START_TEST(who_asks_for_any_child_later_gets_nothing_that_a_loop_took)
{
	NOTHING_TO_WAIT_FOR();
	start_child();
	end_child_and_let_the_loop_take_it(0);
	errno = 0;
	ck_assert(wait(&status) == -1 && errno == ECHILD);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
}
END_TEST

static void (*const takers[])(int) = { end_child_and_take_it, end_child_and_let_the_loop_take_it };

START_TEST(who_waits_for_a_child_gets_it_whoever_takes_it_among_others)
{
	fake_no_pidfd = _i >= 2;
	PLAY(READY_AFTER(takers[_i % 2], 0), NATIVE, NATIVE);
	start_child();
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	assert_exits(taken_status);
	assert_exits(status);
	/* A worker may be still on its way out. */
	ck_assert(script.waits == 1 || mpg_stats.worked == 1);
	assert_nothing_left();
}
END_TEST

static pid_t in_group(void)
{
	return waitpid(-getpgrp(), &status, 0);
}

static pid_t any(void)
{
	return wait(&status);
}

static pid_t (*const any_waits[])(void) = { any, in_group };

START_TEST(who_waits_for_any_child_gets_what_a_loop_takes_meanwhile)
{
	PLAY(READY_AFTER(end_child_and_let_the_loop_take_it, 0), NATIVE, NATIVE);
	start_child();
	ck_assert_int_eq(any_waits[_i](), child);
	assert_exits(status);
	assert_nothing_left();
}
END_TEST

START_TEST(who_waits_for_any_child_does_not_get_what_another_such_call_takes)
{
	PLAY(READY_AFTER(end_child_and_take_it, 0), NATIVE, NATIVE);
	start_child();
	errno = 0;
	ck_assert_int_eq(wait(&status), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(a_stop_that_a_loop_took_is_told_to_who_asks_for_stops)
{
	NOTHING_TO_WAIT_FOR();
	start_child();
	stop_child_and_let_the_loop_see_it(0);
	ck_assert_int_eq(waitpid(child, &status, WNOHANG), 0);
	ck_assert_int_eq(waitpid(child, &status, WNOHANG | WCONTINUED), 0);
	ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ck_assert_int_eq(waitpid(child, &status, WNOHANG | WUNTRACED), 0);
}
END_TEST

START_TEST(a_child_that_goes_on_is_not_stopped_any_more)
{
	NOTHING_TO_WAIT_FOR();
	start_child();
	stop_child_and_let_the_loop_see_it(0);
	signal_child(SIGCONT, WCONTINUED);
	loop_takes_all();
	ck_assert_int_eq(waitpid(child, &status, WNOHANG | WUNTRACED), 0);
	ck_assert_int_eq(waitpid(child, &status, WNOHANG | WCONTINUED), child);
	ck_assert(WIFCONTINUED(status));
}
END_TEST

START_TEST(who_waits_for_a_stop_is_woken_when_a_loop_takes_it)
{
	PLAY(READY_AFTER(stop_child_and_let_the_loop_see_it, 0), NATIVE, NATIVE);
	start_child();
	ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
	ck_assert(WIFSTOPPED(status));
}
END_TEST

START_TEST(who_is_cancelled_leaves_what_it_was_given)
{
	PLAY(((struct step){ MPGREEN_CANCELLED, EINTR, end_child_and_let_the_loop_take_it, 0 }));
	start_child();
	errno = 0;
	ck_assert_int_eq(waitpid(child, &status, 0), -1);
	ck_assert_int_eq(errno, EINTR);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	assert_exits(status);
}
END_TEST

START_TEST(a_number_that_is_used_again_has_nothing_of_its_former_child)
{
	NOTHING_TO_WAIT_FOR();
	start_child();
	end_child_and_let_the_loop_take_it(0);
	mpg_reaped_forget(child);
	assert_nothing_left();
}
END_TEST

/* It lives, so what is kept of its number is an older one's. */
START_TEST(the_end_of_a_child_that_lives_is_not_told)
{
	struct mpg_wish ends = { P_PID, 0, WEXITED }, stops = { P_PID, 0, WSTOPPED };
	struct mpg_status found;

	NOTHING_TO_WAIT_FOR();
	start_child();
	end_child_and_let_the_loop_take_it(0);
	stops.id = ends.id = (id_t)child;
	ck_assert(!mpg_reaped_recall(&stops, &found));
	ck_assert(mpg_reaped_recall(&ends, &found));
	ck_assert_int_eq(found.value, ENDS_WITH);
}
END_TEST

static int end_at_once(void *unused)
{
	(void)unused;
	return 0;
}

START_TEST(of_many_the_oldest_is_forgotten)
{
	static _Alignas(16) char stack[64 * 1024];
	pid_t first = 0, last = 0;

	NOTHING_TO_WAIT_FOR();
	for (int i = 0; i < 1025; i++) {
		last = clone(end_at_once, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD,
			     NULL);
		ck_assert_int_gt(last, 0);
		child = last;
		await_news(WEXITED);
		first = first ? first : last;
		loop_takes_all();
		ck_assert_int_eq(taken, last);
	}
	ck_assert_int_eq(waitpid(first, &status, 0), -1);
	ck_assert_int_eq(waitpid(last, &status, 0), last);
}
END_TEST

static int has_it(void *unused)
{
	(void)unused;
	return waitpid(child, &status, 0) == child;
}

START_TEST(a_fork_child_has_none_of_its_parents)
{
	NOTHING_TO_WAIT_FOR();
	start_child();
	end_child_and_let_the_loop_take_it(0);
	ck_assert_int_eq(in_child(has_it, NULL), 0);
	ck_assert_int_eq(in_vfork_child(has_it, NULL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
}
END_TEST

static pid_t forked;

static void fork_here(int unused)
{
	(void)unused;
	forked = fork();
	if (forked)
		end_child();
	else
		mpgreen_detach();
}

START_TEST(a_fiber_parked_across_fork_waits_for_no_child_of_its_parent)
{
	PLAY(READY_AFTER(fork_here, 0), NATIVE, NATIVE);
	start_child();
	errno = 0;
	taken = waitpid(child, &status, 0);
	if (forked == 0)
		_exit(taken == -1 && errno == EINTR && wait(NULL) == -1 && errno == ECHILD ? 0 : 1);
	ck_assert_int_eq(taken, child);
	ck_assert_int_eq(REAL(waitpid)(forked, &status, 0), forked);
	ck_assert_int_eq(status, 0);
}
END_TEST

static void end_child_meanwhile(int unused)
{
	(void)unused;
	end_child();
}

START_TEST(without_a_pidfd_a_worker_waits)
{
	fake_no_pidfd = true;
	PLAY(READY_AFTER(end_child_meanwhile, 0), NATIVE, NATIVE);
	start_child();
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	assert_exits(status);
	ck_assert_uint_eq(mpg_stats.worked, 1);
}
END_TEST

static void *end_soon(void *unused)
{
	REAL(close)(hold[1]);
	return unused;
}

START_TEST(without_a_worker_the_thread_is_blocked)
{
	pthread_t thread;

	NOTHING_TO_WAIT_FOR();
	start_child();
	ck_assert_int_eq(pthread_create(&thread, NULL, end_soon, NULL), 0);
	fake_no_threads = true;
	ck_assert_int_eq(wait(&status), child);
	assert_exits(status);
	REAL(pthread_join)(thread, NULL);
}
END_TEST

START_TEST(a_pidfd_that_does_not_block_says_EAGAIN)
{
	siginfo_t info;
	int fd;

	NOTHING_TO_WAIT_FOR();
	start_child();
	fd = mpg_pidfd_open(child);
	if (fd < 0) {
		ck_assert_int_eq(errno, ENOSYS);
		end_child();
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		return;
	}
	set_nonblocking(fd);
	errno = 0;
	ck_assert_int_eq(waitid(3, (id_t)fd, &info, WEXITED), -1);
	ck_assert_int_eq(errno, EAGAIN);
	end_child();
	ck_assert_int_eq(waitid(3, (id_t)fd, &info, WEXITED), 0);
	ck_assert_int_eq(info.si_status, ENDS_WITH);
}
END_TEST

START_TEST(a_status_has_the_words_of_wait)
{
	struct mpg_status s = { .code = CLD_EXITED, .value = 300 };

	ck_assert_int_eq(mpg_status_word(&s), W_EXITCODE(300 & 0xff, 0));
	s = (struct mpg_status){ .code = CLD_KILLED, .value = SIGKILL };
	ck_assert_int_eq(mpg_status_word(&s), W_EXITCODE(0, SIGKILL));
	s = (struct mpg_status){ .code = CLD_DUMPED, .value = SIGSEGV };
	ck_assert(WCOREDUMP(mpg_status_word(&s)) && WTERMSIG(mpg_status_word(&s)) == SIGSEGV);
	s = (struct mpg_status){ .code = CLD_STOPPED, .value = SIGTSTP };
	ck_assert_int_eq(mpg_status_word(&s), W_STOPCODE(SIGTSTP));
	s = (struct mpg_status){ .code = CLD_CONTINUED, .value = SIGCONT };
	ck_assert(WIFCONTINUED(mpg_status_word(&s)));
}
END_TEST

START_TEST(system_gives_up_when_it_is_cancelled)
{
	struct sigaction after;

	PLAY(CANCELLED(EINTR));
	signal(SIGINT, SIG_DFL);
	errno = 0;
	ck_assert_int_eq(system("exec sleep 1000"), -1);
	ck_assert_int_eq(errno, EINTR);
	ck_assert_int_eq(wait(NULL), -1);
	ck_assert_int_eq(errno, ECHILD);
	sigaction(SIGINT, NULL, &after);
	ck_assert_ptr_eq((void *)after.sa_handler, (void *)SIG_DFL);
}
END_TEST

static int ignores_sigint(void *unused)
{
	struct sigaction act;

	(void)unused;
	sigaction(SIGINT, NULL, &act);
	return act.sa_handler == SIG_IGN;
}

static void fork_and_ask(int unused)
{
	(void)unused;
	ck_assert_int_eq(ignores_sigint(NULL), 1);
	taken_status = in_child(ignores_sigint, NULL);
	REAL(close)(hold[1]);
}

START_TEST(a_fork_child_has_the_signals_of_before_system)
{
	PLAY(READY_AFTER(fork_and_ask, 0), NATIVE, NATIVE);
	signal(SIGINT, SIG_DFL);
	open_pipe(hold);
	ck_assert_int_eq(REAL(dup2)(hold[0], 9), 9);
	taken_status = -1;
	ck_assert_int_eq(system("exec cat <&9"), 0);
	ck_assert_int_eq(taken_status, 0);
	ck_assert_int_eq(ignores_sigint(NULL), 0);
}
END_TEST

SUITE_OF(child, { what_a_loop_took_is_given_once_to_who_asks_for_that_child, 0 },
	 { waitid_gets_it_whole_and_may_leave_it, 0 },
	 { what_the_application_took_itself_is_gone, 0 },
	 { who_asks_for_any_child_later_gets_nothing_that_a_loop_took, 0 },
	 { who_waits_for_a_child_gets_it_whoever_takes_it_among_others, 4 },
	 { who_waits_for_any_child_gets_what_a_loop_takes_meanwhile, 2 },
	 { who_waits_for_any_child_does_not_get_what_another_such_call_takes, 0 },
	 { a_stop_that_a_loop_took_is_told_to_who_asks_for_stops, 0 },
	 { a_child_that_goes_on_is_not_stopped_any_more, 0 },
	 { who_waits_for_a_stop_is_woken_when_a_loop_takes_it, 0 },
	 { who_is_cancelled_leaves_what_it_was_given, 0 },
	 { a_number_that_is_used_again_has_nothing_of_its_former_child, 0 },
	 { the_end_of_a_child_that_lives_is_not_told, 0 }, { of_many_the_oldest_is_forgotten, 0 },
	 { a_fork_child_has_none_of_its_parents, 0 },
	 { a_fiber_parked_across_fork_waits_for_no_child_of_its_parent, 0 },
	 { without_a_pidfd_a_worker_waits, 0 }, { without_a_worker_the_thread_is_blocked, 0 },
	 { a_pidfd_that_does_not_block_says_EAGAIN, 0 }, { a_status_has_the_words_of_wait, 0 },
	 { system_gives_up_when_it_is_cancelled, 0 },
	 { a_fork_child_has_the_signals_of_before_system, 0 })
