/* SPDX-License-Identifier: MIT */
/*
 * fork and vfork children, and threads that have no scheduler.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static char buf[16];
static int back[2];

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static void assert_ended_well(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static pid_t watched_child;

static void say_hello_to_the_child(void)
{
	UNTIL(is_blocked(watched_child));
	say_hello();
}

/* The child may not touch the fibers of the parent: it is native until it attaches its own. */
START_TEST(a_fork_child_reads_on_its_own)
{
	pid_t pid;

	open_kind(_i);
	pid = fork();
	if (pid == 0) {
		unsigned before = way == FIBERS ? fibers_waits() : 0;
		bool ok = read(fd[0], buf, sizeof(buf)) == 5;

		ok = ok && (way != FIBERS || fibers_waits() == before);
		ok = ok && (way != FIBERS || mpgreen_detach() == -ENOENT);
		_exit(ok ? 0 : 1);
	}
	watched_child = pid;
	say_hello_to_the_child();
	assert_ended_well(pid);
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	assert_waited();
}
END_TEST

static bool reads_hello(void)
{
	return read(fd[0], buf, sizeof(buf)) == 5;
}

static void child_life(void)
{
	pid_t pid;

	open_pipe(fd);
	if (way == FIBERS)
		fibers_start();
	pid = fork();
	if (pid == 0) {
		say_hello();
		_exit(0);
	}
	if (!reads_hello())
		_exit(2);
	assert_ended_well(pid);
	_exit(0);
}

START_TEST(a_fork_child_may_attach_its_own_scheduler)
{
	pid_t pid = fork();

	if (pid == 0)
		child_life();
	assert_ended_well(pid);
}
END_TEST

/* Each generation waits for the next one, and for what it writes. */
static int generations(int more)
{
	int ends[2], status = 0;
	pid_t pid;
	char c;

	if (more == 0)
		return 0;
	open_pipe(ends);
	if (way == FIBERS)
		fibers_start();
	pid = fork();
	if (pid == 0) {
		int below = generations(more - 1);

		_exit(write(ends[1], "x", 1) == 1 ? below : 1);
	}
	if (read(ends[0], &c, 1) != 1 || waitpid(pid, &status, 0) != pid)
		return 2;
	if (way == FIBERS)
		fibers_finish();
	return status ? 3 : 0;
}

START_TEST(so_may_its_children_and_theirs)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(generations(3));
	assert_ended_well(pid);
}
END_TEST

/* For the threads of a parent: green, and no more. */
static int wait_in_poll(void *self, const mpgreen_wait *what)
{
	struct pollfd watched = { .fd = what->fd, .events = what->events };

	(void)self;
	syscall(SYS_ppoll, &watched, 1, NULL, NULL, 0);
	return MPGREEN_READY;
}

static const mpgreen_scheduler polling = { .abi = MPGREEN_ABI, .wait = wait_in_poll };

enum { THREADS = 4 };
static _Atomic pid_t thread_ids[THREADS];
static int never[2];
static pid_t sleeper;

/* Two of them in read(), two in waitpid(): one has a worker of its own. */
static void *wait_green(void *number)
{
	int i = (int)(intptr_t)number, status;
	char byte;

	if (way == FIBERS)
		ck_assert_int_eq(mpgreen_attach(&polling, number), 0);
	thread_ids[i] = gettid();
	if (i < 2)
		read(never[0], &byte, 1);
	else
		waitpid(sleeper, &status, i == 2 ? 0 : WUNTRACED);
	return NULL;
}

static void say_hello_and_end(void)
{
	say_hello();
	_exit(0);
}

static bool child_ends_well(void (*life)(void))
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		life();
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void use_every_family(void)
{
	struct timespec moment = { .tv_nsec = 1000000 };
	struct pollfd watched = { .events = POLLIN };
	FILE *stream;

	alarm(10);
	open_pipe(fd);
	if (way == FIBERS)
		fibers_start();
	watched.fd = fd[0];
	if (!child_ends_well(say_hello_and_end) || poll(&watched, 1, -1) != 1 || !reads_hello())
		_exit(2);
	if (nanosleep(&moment, NULL) < 0 || system("exit 3") != W_EXITCODE(3, 0))
		_exit(3);
	stream = popen("exit 4", "r");
	if (!stream || pclose(stream) != W_EXITCODE(4, 0))
		_exit(4);
	if (wait(NULL) != -1 || errno != ECHILD)
		_exit(5);
	_exit(0);
}

START_TEST(a_child_of_a_parent_with_many_waiting_threads_uses_all_it_has)
{
	pthread_t threads[THREADS];
	pid_t pid;

	open_pipe(never);
	sleeper = fork();
	if (sleeper == 0) {
		pause();
		_exit(0);
	}
	for (intptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_green, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		UNTIL(thread_ids[i] && is_blocked(thread_ids[i]));
	pid = fork();
	if (pid == 0)
		use_every_family();
	assert_ended_well(pid);
	kill(sleeper, SIGKILL);
	ck_assert_int_eq(write(never[1], "xx", 2), 2);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

static pid_t forked_while_waiting;

static void fork_and_say_hello(void)
{
	forked_while_waiting = fork();
	if (forked_while_waiting == 0) {
		close(fd[0]);
		close(fd[1]);
		_exit(0);
	}
	assert_ended_well(forked_while_waiting);
	say_hello();
}

START_TEST(a_fork_beside_a_wait_does_not_disturb_it)
{
	open_kind(_i);
	other_side(_i, fork_and_say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_gt(forked_while_waiting, 0);
	assert_waited();
}
END_TEST

static int never_wait(void *self, const mpgreen_wait *what)
{
	(void)self;
	(void)what;
	ck_abort();
}

static const mpgreen_scheduler own = { .abi = MPGREEN_ABI, .wait = never_wait };

/* Trap: what the child closes is closed in the child alone, but its memory is the parent's. */
static pid_t vfork_and_close(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		close(fd[0]);
		dup2(back[0], fd[1]);
		dup2(back[1], 50);
		close_range(fd[1], fd[1], 0);
		_exit(mpgreen_attach(&own, back) == (VFORK_IS_FORK ? 0 : -ENOTSUP) ? 0 : 1);
	}
	return pid;
}

START_TEST(a_vfork_child_s_close_leaves_the_parent_alone)
{
	open_kind(_i);
	open_pipe(back);
	assert_ended_well(vfork_and_close());
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	assert_waited();
	ck_assert_int_eq(mpgreen_marks(50), -EBADF);
}
END_TEST

static void vfork_and_say_hello(void)
{
	assert_ended_well(vfork_and_close());
	say_hello();
}

START_TEST(a_vfork_child_s_close_does_not_end_the_parent_s_wait)
{
	open_kind(_i);
	open_pipe(back);
	other_side(_i, vfork_and_say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	assert_waited();
}
END_TEST

static _Atomic pid_t reader_id;
static ssize_t result;

static void *read_it(void *unused)
{
	reader_id = gettid();
	result = read(fd[0], buf, sizeof(buf));
	return unused;
}

START_TEST(a_thread_without_a_scheduler_never_enters_wait)
{
	pthread_t thread;
	uint64_t before;

	open_kind(_i);
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	other_side_join();
	before = waits();
	ck_assert_int_eq(pthread_create(&thread, NULL, read_it, NULL), 0);
	UNTIL(reader_id && is_blocked(reader_id));
	say_hello();
	join_natively(thread);
	ck_assert_int_eq(result, 5);
	if (way != POLL)
		ck_assert_uint_eq(waits(), before);
}
END_TEST

static void *attach_and_end(void *unused)
{
	ck_assert_int_eq(mpgreen_attach(&own, &result), 0);
	return unused;
}

START_TEST(a_thread_may_end_with_its_scheduler_attached)
{
	pthread_t thread;

	open_pipe(fd);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, attach_and_end, NULL), 0);
		pthread_join(thread, NULL);
	}
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	assert_waited();
}
END_TEST

Suite *fork_suite(void)
{
	Suite *suite = suite_create("fork");
	TCase *tcase = way_case(suite, "fork");

	each_kind(tcase, a_fork_child_reads_on_its_own, 0);
	each_kind(tcase, a_fork_beside_a_wait_does_not_disturb_it, 0);
	each_kind(tcase, a_vfork_child_s_close_leaves_the_parent_alone, 0);
	each_kind(tcase, a_vfork_child_s_close_does_not_end_the_parent_s_wait, PIPE);
	each_kind(tcase, a_thread_without_a_scheduler_never_enters_wait, 0);
	each_side(tcase, a_thread_may_end_with_its_scheduler_attached);
	tcase_add_test(tcase, a_fork_child_may_attach_its_own_scheduler);
	tcase_add_test(tcase, so_may_its_children_and_theirs);
	tcase_add_test(tcase, a_child_of_a_parent_with_many_waiting_threads_uses_all_it_has);
	return suite;
}
