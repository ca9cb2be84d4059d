/* SPDX-License-Identifier: MIT */
/*
 * Reads from the fds that stand for events: eventfd, timerfd, signalfd, inotify, pidfd.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static int event;
static uint64_t count;
static char path[PATH_MAX];

static void add_three(void)
{
	ck_assert_int_eq(eventfd_write(event, 3), 0);
}

START_TEST(a_read_of_an_eventfd_waits)
{
	struct iovec iov = { &count, sizeof(count) };

	event = eventfd(0, 0);
	other_side(_i, add_three);
	OK(8, read(event, &count, sizeof(count)));
	ck_assert_uint_eq(count, 3);
	assert_waited();
	add_three();
	OK(8, readv(event, &iov, 1));
	add_three();
	OK(8, preadv2(event, &iov, 1, -1, 0));
	FAILS(EINVAL, read(event, &count, 7));
}
END_TEST

START_TEST(eventfd_read_waits)
{
	eventfd_t value;

	event = eventfd(0, 0);
	other_side(_i, add_three);
	OK(0, eventfd_read(event, &value));
	ck_assert_uint_eq(value, 3);
	assert_waited();
	FAILS(EBADF, eventfd_read(-1, &value));
}
END_TEST

static void take(void)
{
	eventfd_t value;

	ck_assert_int_eq(eventfd_read(event, &value), 0);
}

START_TEST(a_full_eventfd_makes_its_writer_wait)
{
	event = eventfd(0, 0);
	OK(0, eventfd_write(event, UINT64_MAX - 1));
	other_side(_i, take);
	OK(0, eventfd_write(event, 1));
	assert_waited();
	FAILS(EINVAL, eventfd_write(event, UINT64_MAX));
	FAILS(EBADF, eventfd_write(-1, 1));
}
END_TEST

START_TEST(a_write_to_a_full_eventfd_waits)
{
	event = eventfd(0, 0);
	OK(0, eventfd_write(event, UINT64_MAX - 1));
	other_side(_i, take);
	count = 5;
	OK(8, write(event, &count, sizeof(count)));
	assert_waited();
	OK(8, read(event, &count, sizeof(count)));
	ck_assert_uint_eq(count, 5);
}
END_TEST

START_TEST(an_eventfd_semaphore_counts_down)
{
	event = eventfd(2, EFD_SEMAPHORE);
	for (int i = 0; i < 2; i++) {
		OK(8, read(event, &count, sizeof(count)));
		ck_assert_uint_eq(count, 1);
	}
	ck_assert_uint_eq(waits(), 0);
	other_side(_i, add_three);
	OK(8, read(event, &count, sizeof(count)));
	ck_assert_uint_eq(count, 1);
	assert_waited();
}
END_TEST

START_TEST(a_non_blocking_eventfd_does_not_wait)
{
	event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	FAILS(EAGAIN, read(event, &count, sizeof(count)));
	FAILS(EAGAIN, eventfd_read(event, &count));
	OK(0, eventfd_write(event, UINT64_MAX - 1));
	FAILS(EAGAIN, eventfd_write(event, 1));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_read_of_a_timerfd_waits)
{
	struct itimerspec in = { .it_value.tv_nsec = 20000000, .it_interval.tv_nsec = 1000000 };
	double began = now_ms();

	event = timerfd_create(CLOCK_MONOTONIC, 0);
	ck_assert_int_eq(timerfd_settime(event, 0, &in, NULL), 0);
	OK(8, read(event, &count, sizeof(count)));
	ck_assert_uint_ge(count, 1);
	ck_assert_double_ge(now_ms() - began, 19);
	OK(8, read(event, &count, sizeof(count)));
	assert_waited();
}
END_TEST

static void send_signal(void)
{
	kill(getpid(), SIGUSR1);
}

START_TEST(a_read_of_a_signalfd_waits)
{
	struct signalfd_siginfo info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	event = signalfd(-1, &set, SFD_CLOEXEC);
	other_side(_i, send_signal);
	OK(sizeof(info), read(event, &info, sizeof(info)));
	ck_assert_uint_eq(info.ssi_signo, SIGUSR1);
	assert_waited();
	ck_assert_int_eq(signalfd(event, &set, SFD_NONBLOCK), event);
}
END_TEST

static void touch(void)
{
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void watch_scratch(void)
{
	char *slash;

	snprintf(path, sizeof(path), "%s", scratch("touched"));
	slash = strrchr(path, '/');
	*slash = '\0';
	ck_assert_int_ge(inotify_add_watch(event, path, IN_CREATE), 0);
	*slash = '/';
}

static void clean_up(void)
{
	unlink(path);
}

/* Room for exactly this event and no more: a bounded transfer must not ask for less. */
START_TEST(a_read_of_inotify_waits)
{
	char buf[sizeof(struct inotify_event) + NAME_MAX + 1];
	const struct inotify_event *seen = (const void *)buf;

	event = _i / other_sides() ? inotify_init1(IN_CLOEXEC) : inotify_init();
	watch_scratch();
	other_side(_i, touch);
	OK(sizeof(*seen) + 16, read(event, buf, sizeof(*seen) + 16));
	ck_assert_str_eq(seen->name, "touched");
	assert_waited();
	other_side_join();
	clean_up();
}
END_TEST

static void end_child(void)
{
	ck_assert_int_eq(write(fd[1], "", 1), 1);
}

START_TEST(a_poll_of_a_pidfd_waits)
{
	struct pollfd child = { .events = POLLIN };
	char byte;
	pid_t pid;

	open_pipe(fd);
	pid = fork();
	if (pid == 0)
		_exit(read(fd[0], &byte, 1) == 1 ? 7 : 1);
	child.fd = pidfd_open(pid, 0);
	ck_assert_int_ge(child.fd, 0);
	other_side(_i, end_child);
	OK(1, poll(&child, 1, -1));
	assert_waited();
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

Suite *events_suite(void)
{
	Suite *suite = suite_create("events");
	TCase *tcase = way_case(suite, "events");

	each_side(tcase, a_read_of_an_eventfd_waits);
	each_side(tcase, eventfd_read_waits);
	each_side(tcase, a_full_eventfd_makes_its_writer_wait);
	each_side(tcase, a_write_to_a_full_eventfd_waits);
	each_side(tcase, an_eventfd_semaphore_counts_down);
	each_side(tcase, a_read_of_a_signalfd_waits);
	each_row(tcase, a_read_of_inotify_waits, 2);
	if (!is_emulated())
		each_side(tcase, a_poll_of_a_pidfd_waits);
	tcase_add_test(tcase, a_non_blocking_eventfd_does_not_wait);
	tcase_add_test(tcase, a_read_of_a_timerfd_waits);
	return suite;
}
