/* SPDX-License-Identifier: MIT */
/*
 * Other names of the same calls: those that libraries import instead of the plain ones.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "way.h"

ssize_t __read(int end, void *to, size_t len);
ssize_t __write(int end, const void *from, size_t len);
ssize_t __recv(int end, void *to, size_t len, int flags);
ssize_t __send(int end, const void *from, size_t len, int flags);
int __sendmmsg(int end, struct mmsghdr *messages, unsigned n, int flags);
int __connect(int end, const struct sockaddr *addr, socklen_t len);
int __poll(struct pollfd *set, nfds_t n, int timeout);
int __select(int n, fd_set *in, fd_set *out, fd_set *exceptional, struct timeval *timeout);
int __close(int end);
int __dup2(int from, int to);
int __fcntl(int end, int command, ...);
int __pipe(int ends[2]);
int __socket(int family, int type, int protocol);
int __nanosleep(const struct timespec *time, struct timespec *left);
int __sigsuspend(const sigset_t *mask);
int __sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);

static char buf[16];

static void say_hello(void)
{
	ck_assert_int_eq(__write(fd[1], "hello", 5), 5);
}

START_TEST(aliases_of_read_and_recv_wait)
{
	struct iovec iov = { buf, sizeof(buf) };

	open_unix(fd);
	other_side(_i, say_hello);
	OK(5, __read(fd[0], buf, sizeof(buf)));
	assert_waited();
	other_side(_i, say_hello);
	OK(5, __recv(fd[0], buf, sizeof(buf), 0));
	other_side(_i, say_hello);
	OK(5, preadv64v2(fd[0], &iov, 1, -1, 0));
	ck_assert_mem_eq(buf, "hello", 5);
	if (green())
		ck_assert_uint_ge(waits(), 3);
}
END_TEST

static void drain(void)
{
	static char piece[1 << 20];

	set_nonblocking(fd[0], true);
	while (read(fd[0], piece, sizeof(piece)) > 0)
		continue;
}

static void refill(void)
{
	other_side_join();
	fill(fd[1]);
	other_side(0, drain);
}

START_TEST(aliases_of_write_and_send_wait)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	open_unix(fd);
	refill();
	OK(1, __write(fd[1], "x", 1));
	refill();
	OK(1, __send(fd[1], "x", 1, 0));
	refill();
	OK(1, __sendmmsg(fd[1], &message, 1, 0));
	refill();
	OK(1, pwritev64v2(fd[1], &iov, 1, -1, 0));
	if (green())
		ck_assert_uint_ge(waits(), 4);
}
END_TEST

START_TEST(aliases_of_poll_and_select_wait)
{
	struct pollfd set = { .events = POLLIN };
	fd_set in;

	open_unix(fd);
	set.fd = fd[0];
	other_side(_i, say_hello);
	OK(1, __poll(&set, 1, -1));
	assert_waited();
	OK(5, read(fd[0], buf, sizeof(buf)));
	FD_ZERO(&in);
	FD_SET(fd[0], &in);
	other_side(_i, say_hello);
	OK(1, __select(fd[0] + 1, &in, NULL, NULL, NULL));
	if (green())
		ck_assert_uint_ge(waits(), 2);
}
END_TEST

START_TEST(aliases_of_the_calls_that_make_fds_work)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int listener = listen_tcp(&addr, &len, 1), end = __socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(listener, 0);
	OK(0, __connect(end, (struct sockaddr *)&addr, len));
	OK(0, __pipe(fd));
	OK(70, __dup2(fd[0], 70));
	OK(71, __fcntl(70, F_DUPFD, 71));
	OK(0, fcntl64(71, F_SETFL, O_NONBLOCK));
	FAILS(EAGAIN, read(70, buf, 1));
	OK(0, __fcntl(71, F_SETFL, 0));
	other_side(_i, say_hello);
	OK(5, read(71, buf, sizeof(buf)));
	assert_waited();
	OK(0, __close(71));
	FAILS(EBADF, __close(71));
}
END_TEST

static void raise_it(void)
{
	pthread_kill(test_thread(), SIGUSR1);
}

static void ignore(int sig)
{
	(void)sig;
}

START_TEST(aliases_of_the_sleeps_wait)
{
	struct timespec moment = { .tv_nsec = 20000000 };
	sigset_t set, before;
	double began = now_ms();

	OK(0, __nanosleep(&moment, NULL));
	ck_assert_double_ge(now_ms() - began, 20);
	assert_waited();
	signal(SIGUSR1, ignore);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	FAILS(EAGAIN, __sigtimedwait(&set, NULL, &moment));
	other_side(0, raise_it);
	FAILS(EINTR, __sigsuspend(&before));
	if (green())
		ck_assert_uint_ge(waits(), 3);
}
END_TEST

Suite *names_suite(void)
{
	Suite *suite = suite_create("names");
	TCase *tcase = way_case(suite, "names");

	each_side(tcase, aliases_of_read_and_recv_wait);
	each_side(tcase, aliases_of_poll_and_select_wait);
	each_side(tcase, aliases_of_the_calls_that_make_fds_work);
	tcase_add_test(tcase, aliases_of_write_and_send_wait);
	tcase_add_test(tcase, aliases_of_the_sleeps_wait);
	return suite;
}
