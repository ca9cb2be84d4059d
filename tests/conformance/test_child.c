/* SPDX-License-Identifier: MIT */
/*
 * wait, waitpid, wait3, wait4, waitid: waiting for a child to end, to stop or to go on.
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "suites.h"
#include "way.h"

pid_t __wait(int *status);
pid_t __waitpid(pid_t pid, int *status, int options);

enum { ENDS_WITH = 7 };

/* Older headers lack the name. */
static const idtype_t pidfd_type = 3;

static int hold[2];
static pid_t child;
static int status;

/* A child that ends when it is told to. */
static void start_child(void)
{
	char byte;

	open_pipe(hold);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(hold[1]);
		read(hold[0], &byte, 1);
		_exit(ENDS_WITH);
	}
	close(hold[0]);
}

static void let_it_end(void)
{
	close(hold[1]);
}

static void await_zombie(void)
{
	siginfo_t info;

	syscall(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT, NULL);
}

static void start_ended_child(void)
{
	start_child();
	let_it_end();
	await_zombie();
}

static void assert_ended(void)
{
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), ENDS_WITH);
}

static pid_t by_wait(void)
{
	return wait(&status);
}

static pid_t by_wait_alias(void)
{
	return __wait(&status);
}

static pid_t by_waitpid(void)
{
	return waitpid(child, &status, 0);
}

static pid_t by_waitpid_alias(void)
{
	return __waitpid(child, &status, 0);
}

static pid_t by_waitpid_any(void)
{
	return waitpid(-1, &status, 0);
}

static pid_t by_waitpid_own_group(void)
{
	return waitpid(0, &status, 0);
}

static pid_t by_waitpid_group(void)
{
	return waitpid(-getpgrp(), &status, 0);
}

static pid_t by_waitpid_stop_too(void)
{
	return waitpid(child, &status, WUNTRACED | WCONTINUED);
}

static pid_t by_waitpid_all_kinds(void)
{
	return waitpid(child, &status, __WALL);
}

static pid_t by_wait3(void)
{
	struct rusage usage = { 0 };
	pid_t pid = wait3(&status, 0, &usage);

	ck_assert_int_gt(usage.ru_maxrss, 0);
	return pid;
}

static pid_t by_wait4(void)
{
	struct rusage usage = { 0 };
	pid_t pid = wait4(child, &status, 0, &usage);

	ck_assert_int_gt(usage.ru_maxrss, 0);
	return pid;
}

static pid_t by_waitid_of(idtype_t type, id_t id)
{
	siginfo_t info;

	if (waitid(type, id, &info, WEXITED) < 0)
		return -1;
	ck_assert_int_eq(info.si_signo, SIGCHLD);
	ck_assert_int_eq(info.si_errno, 0);
	ck_assert_int_eq(info.si_code, CLD_EXITED);
	ck_assert_int_eq(info.si_uid, getuid());
	status = W_EXITCODE(info.si_status, 0);
	return info.si_pid;
}

static pid_t by_waitid(void)
{
	return by_waitid_of(P_PID, child);
}

static pid_t by_waitid_any(void)
{
	return by_waitid_of(P_ALL, 0);
}

static pid_t by_waitid_own_group(void)
{
	return by_waitid_of(P_PGID, 0);
}

/* Older kernels, and valgrind, have none. */
static pid_t by_waitid_pidfd(void)
{
	int before = errno, pidfd = syscall(SYS_pidfd_open, child, 0);

	errno = before;
	return pidfd < 0 ? by_waitid() : by_waitid_of(pidfd_type, pidfd);
}

static pid_t (*const waits_for_it[])(void) = {
	by_wait,	  by_wait_alias,	by_waitpid,
	by_waitpid_alias, by_waitpid_any,	by_waitpid_own_group,
	by_waitpid_group, by_waitpid_stop_too,	by_wait3,
	by_wait4,	  by_waitpid_all_kinds, by_waitid,
	by_waitid_any,	  by_waitid_own_group,	by_waitid_pidfd,
};
enum { WAITS_FOR_IT = sizeof(waits_for_it) / sizeof(waits_for_it[0]) };

START_TEST(each_call_waits_until_the_child_ends)
{
	start_child();
	other_side(_i, let_it_end);
	OK(child, waits_for_it[_i / other_sides()]());
	assert_ended();
	assert_waited();
	FAILS(ECHILD, waitpid(child, &status, 0));
}
END_TEST

START_TEST(each_call_takes_a_child_that_has_ended_already)
{
	start_ended_child();
	OK(child, waits_for_it[_i]());
	assert_ended();
	ck_assert_uint_eq(waits(), 0);
	FAILS(ECHILD, wait(&status));
}
END_TEST

START_TEST(who_has_no_child_is_told_so)
{
	siginfo_t info;

	FAILS(ECHILD, wait(NULL));
	FAILS(ECHILD, waitpid(getppid(), NULL, 0));
	FAILS(ECHILD, waitpid(0, NULL, WNOHANG));
	FAILS(ECHILD, wait3(NULL, 0, NULL));
	FAILS(ECHILD, wait4(-1, NULL, WUNTRACED, NULL));
	FAILS(ECHILD, waitid(P_ALL, 0, &info, WEXITED));
	FAILS(ECHILD, waitid(P_PID, getppid(), &info, WEXITED | WNOHANG));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
	siginfo_t info;

	start_child();
	FAILS(EINVAL, waitpid(child, NULL, 1 << 20));
	FAILS(EINVAL, waitpid(child, NULL, WNOWAIT));
	FAILS(EINVAL, waitid(P_PID, child, &info, 0));
	FAILS(EINVAL, waitid(P_PID, 0, &info, WEXITED));
	FAILS(EINVAL, waitid(77, child, &info, WEXITED));
	FAILS(ESRCH, waitpid(INT32_MIN, NULL, 0));
	FAILS(EINVAL, waitid(pidfd_type, minus_one, &info, WEXITED));
	FAILS(EBADF, waitid(pidfd_type, too_many, &info, WEXITED));
	ck_assert_uint_eq(waits(), 0);
	let_it_end();
	ck_assert_int_eq(wait(NULL), child);
}
END_TEST

START_TEST(with_WNOHANG_nobody_waits)
{
	siginfo_t info = { .si_pid = 4711, .si_signo = 4711 };
	struct rusage usage;

	start_child();
	status = 4711;
	OK(0, waitpid(child, &status, WNOHANG));
	OK(0, waitpid(-1, &status, WNOHANG));
	OK(0, waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED));
	OK(0, waitpid(0, &status, WNOHANG));
	OK(0, wait3(&status, WNOHANG, &usage));
	OK(0, wait4(child, &status, WNOHANG, &usage));
	ck_assert_int_eq(status, 4711);
	OK(0, waitid(P_PID, child, &info, WEXITED | WNOHANG));
	ck_assert_int_eq(info.si_pid, 0);
	ck_assert_int_eq(info.si_signo, 0);
	ck_assert_uint_eq(waits(), 0);
	let_it_end();
	OK(child, wait(NULL));
}
END_TEST

START_TEST(WNOWAIT_leaves_the_child_as_it_is)
{
	siginfo_t info;

	start_child();
	other_side(_i, let_it_end);
	OK(0, waitid(P_PID, child, &info, WEXITED | WNOWAIT));
	ck_assert_int_eq(info.si_pid, child);
	ck_assert_int_eq(info.si_status, ENDS_WITH);
	assert_waited();
	OK(0, waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
	ck_assert_int_eq(info.si_pid, child);
	OK(child, waitpid(child, &status, 0));
	assert_ended();
}
END_TEST

static void kill_it(void)
{
	kill(child, SIGKILL);
}

START_TEST(a_signal_that_ends_the_child_is_told)
{
	siginfo_t info;

	start_child();
	other_side(_i, kill_it);
	OK(child, waitpid(child, &status, 0));
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	assert_waited();
	start_child();
	other_side(_i, kill_it);
	OK(0, waitid(P_PID, child, &info, WEXITED));
	ck_assert_int_eq(info.si_code, CLD_KILLED);
	ck_assert_int_eq(info.si_status, SIGKILL);
}
END_TEST

static void stop_it(void)
{
	kill(child, SIGSTOP);
}

static void continue_it(void)
{
	kill(child, SIGCONT);
}

START_TEST(a_stop_and_its_end_are_told_to_who_asks_for_them)
{
	start_child();
	other_side(_i, stop_it);
	OK(child, waitpid(child, &status, WUNTRACED));
	ck_assert(WIFSTOPPED(status));
	ck_assert_int_eq(WSTOPSIG(status), SIGSTOP);
	OK(0, waitpid(child, &status, WUNTRACED | WNOHANG));
	other_side(_i, continue_it);
	OK(child, waitpid(-1, &status, WCONTINUED));
	ck_assert(WIFCONTINUED(status));
	other_side(_i, let_it_end);
	OK(child, waitpid(child, &status, WUNTRACED | WCONTINUED));
	assert_ended();
	assert_waited();
}
END_TEST

START_TEST(waitid_tells_a_stop_apart)
{
	siginfo_t info;

	start_child();
	other_side(_i, stop_it);
	OK(0, waitid(P_PID, child, &info, WSTOPPED));
	ck_assert_int_eq(info.si_code, CLD_STOPPED);
	ck_assert_int_eq(info.si_status, SIGSTOP);
	other_side(_i, continue_it);
	OK(0, waitid(P_ALL, 0, &info, WCONTINUED));
	ck_assert_int_eq(info.si_code, CLD_CONTINUED);
	ck_assert_int_eq(info.si_status, SIGCONT);
	assert_waited();
	let_it_end();
	OK(child, wait(NULL));
}
END_TEST

static void stop_and_end_it(void)
{
	kill(child, SIGSTOP);
	settle();
	kill(child, SIGCONT);
	let_it_end();
}

START_TEST(who_does_not_ask_for_a_stop_waits_for_the_end)
{
	start_child();
	other_side(_i, stop_and_end_it);
	OK(child, waitpid(child, &status, 0));
	assert_ended();
	assert_waited();
}
END_TEST

static volatile sig_atomic_t handled;

static void count(int sig)
{
	(void)sig;
	handled++;
}

static void interrupt(void)
{
	pthread_kill(test_thread(), SIGUSR1);
}

static void interrupt_and_let_it_end(void)
{
	interrupt();
	settle();
	let_it_end();
}

static void handle(int flags)
{
	struct sigaction act = { .sa_handler = count, .sa_flags = flags };

	sigaction(SIGUSR1, &act, NULL);
}

START_TEST(a_handler_ends_the_wait_for_one_child_and_for_any)
{
	siginfo_t info;

	handle(0);
	start_child();
	other_side(0, interrupt);
	FAILS(EINTR, waitpid(child, &status, 0));
	other_side(0, interrupt);
	FAILS(EINTR, wait(&status));
	other_side(0, interrupt);
	FAILS(EINTR, waitid(P_PID, child, &info, WEXITED));
	ck_assert_int_eq(handled, 3);
	let_it_end();
	OK(child, wait(&status));
	assert_ended();
}
END_TEST

START_TEST(with_SA_RESTART_the_wait_goes_on)
{
	handle(SA_RESTART);
	start_child();
	other_side(0, interrupt_and_let_it_end);
	OK(child, waitpid(child, &status, 0));
	ck_assert_int_eq(handled, 1);
	start_child();
	other_side(0, interrupt_and_let_it_end);
	OK(child, wait(&status));
	ck_assert_int_eq(handled, 2);
	assert_ended();
}
END_TEST

START_TEST(children_that_nobody_wants_are_waited_for_and_not_told)
{
	signal(SIGCHLD, SIG_IGN);
	start_child();
	other_side(_i, let_it_end);
	FAILS(ECHILD, waitpid(child, &status, 0));
	start_child();
	other_side(_i, let_it_end);
	FAILS(ECHILD, wait(&status));
	assert_waited();
}
END_TEST

static pid_t other_child;
static int other_status;

static void wait_for_the_other(void)
{
	ck_assert_int_eq(waitpid(other_child, &other_status, 0), other_child);
	let_it_end();
}

static void end_the_other(void)
{
	kill(other_child, SIGKILL);
}

START_TEST(two_waits_for_two_children_end_each_with_its_own)
{
	start_child();
	other_child = child;
	start_child();
	other_side(_i, wait_for_the_other);
	other_side(_i, end_the_other);
	OK(child, waitpid(child, &status, 0));
	other_side_join();
	assert_ended();
	ck_assert(WIFSIGNALED(other_status));
	assert_waited();
}
END_TEST

static pid_t taken[2];

static void wait_for_any(void)
{
	taken[1] = wait(&other_status);
}

static void end_both(void)
{
	end_the_other();
	let_it_end();
}

START_TEST(two_waits_for_any_child_get_one_each)
{
	start_child();
	other_child = child;
	start_child();
	other_side(_i, wait_for_any);
	other_side(_i, end_both);
	OK(0, (taken[0] = wait(&status)) <= 0);
	other_side_join();
	ck_assert_int_eq(taken[0] + taken[1], child + other_child);
	ck_assert_int_ne(taken[0], taken[1]);
	ck_assert(WIFSIGNALED(status) || WIFSIGNALED(other_status));
}
END_TEST

static int open_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

/* What the engine makes once, at its first need, is no leak. */
enum { KEPT_FOR_EVER = 2 };

START_TEST(no_descriptor_is_left_behind)
{
	int before = open_fds();

	for (int i = 0; i < WAITS_FOR_IT; i++) {
		if (waits_for_it[i] == by_waitid_pidfd)
			continue;
		start_child();
		other_side(0, let_it_end);
		ck_assert_int_eq(waits_for_it[i](), child);
		other_side_join();
	}
	ck_assert_int_le(open_fds(), before + KEPT_FOR_EVER);
}
END_TEST

static _Atomic pid_t victim_id;
static _Atomic bool came_back;

static void *be_blocked(void *call)
{
	victim_id = gettid();
	(*(pid_t(*const *)(void))call)();
	came_back = true;
	return NULL;
}

START_TEST(a_thread_that_waits_for_a_child_can_be_cancelled)
{
	pthread_t victim;
	void *end;

	start_child();
	ck_assert_int_eq(pthread_create(&victim, NULL, be_blocked, (void *)&waits_for_it[_i]), 0);
	UNTIL(victim_id && is_blocked(victim_id));
	ck_assert_int_eq(pthread_cancel(victim), 0);
	ck_assert_int_eq(pthread_join(victim, &end), 0);
	ck_assert_ptr_eq(end, PTHREAD_CANCELED);
	ck_assert(!came_back);
	let_it_end();
	OK(child, waitpid(child, &status, 0));
}
END_TEST

Suite *child_suite(void)
{
	Suite *suite = suite_create("child");
	TCase *tcase = way_case(suite, "child");
	TCase *cancel = way_case(suite, "cancel");

	each_row(tcase, each_call_waits_until_the_child_ends, WAITS_FOR_IT);
	tcase_add_loop_test(tcase, each_call_takes_a_child_that_has_ended_already, 0, WAITS_FOR_IT);
	tcase_add_test(tcase, who_has_no_child_is_told_so);
	tcase_add_test(tcase, wrong_arguments_are_refused);
	tcase_add_test(tcase, with_WNOHANG_nobody_waits);
	each_side(tcase, WNOWAIT_leaves_the_child_as_it_is);
	each_side(tcase, a_signal_that_ends_the_child_is_told);
	each_side(tcase, a_stop_and_its_end_are_told_to_who_asks_for_them);
	each_side(tcase, waitid_tells_a_stop_apart);
	each_side(tcase, who_does_not_ask_for_a_stop_waits_for_the_end);
	tcase_add_test(tcase, a_handler_ends_the_wait_for_one_child_and_for_any);
	tcase_add_test(tcase, with_SA_RESTART_the_wait_goes_on);
	each_side(tcase, children_that_nobody_wants_are_waited_for_and_not_told);
	each_side(tcase, two_waits_for_two_children_end_each_with_its_own);
	each_side(tcase, two_waits_for_any_child_get_one_each);
	tcase_add_test(tcase, no_descriptor_is_left_behind);
	/* gcc 12's AddressSanitizer fails a check of its own when a cancelled thread unwinds. */
	tcase_set_tags(cancel, "no-address");
	tcase_add_loop_test(cancel, a_thread_that_waits_for_a_child_can_be_cancelled, 0,
			    WAITS_FOR_IT);
	return suite;
}
