/* SPDX-License-Identifier: MIT */
/*
 * SO_RCVTIMEO and SO_SNDTIMEO: one absolute deadline for the whole call, and the right errno.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "way.h"

enum { LIMIT = 24, SIZE = 8 << 20 };

static char buf[16];
static double began;

static void start(void)
{
	began = now_ms();
}

/* The kernel counts in ticks: a limit may end up to one tick early. */
static void assert_took(double ms)
{
	double took = now_ms() - began;

	ck_assert_double_ge(took, ms - 10);
	ck_assert_double_lt(took, ms + 2000);
}

START_TEST(every_way_to_receive_ends_with_EAGAIN)
{
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct mmsghdr messages = { .msg_hdr = msg };

	open_kind(_i);
	set_timeout(fd[0], SO_RCVTIMEO, LIMIT);
	start();
	FAILS(EAGAIN, read(fd[0], buf, sizeof(buf)));
	assert_took(LIMIT);
	FAILS(EAGAIN, recv(fd[0], buf, sizeof(buf), 0));
	FAILS(EAGAIN, readv(fd[0], &iov, 1));
	FAILS(EAGAIN, recvfrom(fd[0], buf, sizeof(buf), MSG_PEEK, NULL, NULL));
	FAILS(EAGAIN, recvmsg(fd[0], &msg, MSG_WAITALL));
	FAILS(EAGAIN, recvmmsg(fd[0], &messages, 1, 0, NULL));
	assert_took(6 * LIMIT);
	assert_waited();
}
END_TEST

static void say_a_byte_and_another(void)
{
	ck_assert_int_eq(send(fd[1], "a", 1, 0), 1);
	usleep(LIMIT * 1000 * 8);
	ck_assert_int_eq(send(fd[1], "b", 1, 0), 1);
}

/* Were the limit counted from the last byte, the call would take LIMIT * 24. */
START_TEST(MSG_WAITALL_has_one_deadline_for_all_its_waits)
{
	double took;

	open_kind(_i);
	set_timeout(fd[0], SO_RCVTIMEO, LIMIT * 16);
	other_side(0, say_a_byte_and_another);
	start();
	OK(2, recv(fd[0], buf, 5, MSG_WAITALL));
	took = now_ms() - began;
	assert_took(LIMIT * 16);
	ck_assert_double_lt(took, LIMIT * 22);
}
END_TEST

static void say_hello(void)
{
	ck_assert_int_eq(send(fd[1], "hello", 5, 0), 5);
}

START_TEST(data_in_time_is_received)
{
	open_kind(_i);
	set_timeout(fd[0], SO_RCVTIMEO, 60000);
	other_side(_i, say_hello);
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
	assert_waited();
}
END_TEST

START_TEST(a_send_returns_what_went_out_in_time)
{
	char *data = calloc(1, SIZE);
	ssize_t n;

	open_kind(_i);
	set_timeout(fd[1], SO_SNDTIMEO, LIMIT);
	start();
	n = send(fd[1], data, SIZE, 0);
	ck_assert(n > 0 && n < SIZE);
	assert_took(LIMIT);
	assert_waited();
}
END_TEST

START_TEST(a_send_that_finds_no_room_ends_with_EAGAIN)
{
	struct iovec iov = { buf, sizeof(buf) };

	open_kind(_i);
	fill(fd[1]);
	set_timeout(fd[1], SO_SNDTIMEO, LIMIT);
	start();
	FAILS(EAGAIN, send(fd[1], buf, sizeof(buf), 0));
	FAILS(EAGAIN, write(fd[1], buf, sizeof(buf)));
	FAILS(EAGAIN, writev(fd[1], &iov, 1));
	assert_took(3 * LIMIT);
	assert_waited();
}
END_TEST

START_TEST(the_limit_of_one_direction_is_not_the_other_s)
{
	open_kind(_i);
	set_timeout(fd[0], SO_SNDTIMEO, 1);
	other_side(_i, say_hello);
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
	set_timeout(fd[0], SO_RCVTIMEO, LIMIT);
	set_timeout(fd[0], SO_RCVTIMEO, 0);
	other_side(_i, say_hello);
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
}
END_TEST

START_TEST(accept_ends_with_EAGAIN)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int listener = listen_tcp(&addr, &len, 1);

	set_timeout(listener, SO_RCVTIMEO, LIMIT);
	start();
	FAILS(EAGAIN, accept(listener, NULL, NULL));
	FAILS(EAGAIN, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	assert_took(2 * LIMIT);
	assert_waited();
}
END_TEST

/* Connections that nobody accepts, until the next one has to wait. */
static void fill_backlog(int family, const struct sockaddr_storage *addr, socklen_t len)
{
	for (int i = 0; i < 16; i++) {
		int one = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);

		if (connect(one, (const struct sockaddr *)addr, len) == 0)
			continue;
		if (errno == EAGAIN)
			return;
		ck_assert_int_eq(errno, EINPROGRESS);
	}
}

START_TEST(connect_ends_with_EINPROGRESS)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int end = socket(AF_INET, SOCK_STREAM, 0);

	listen_tcp(&addr, &len, 0);
	fill_backlog(AF_INET, &addr, len);
	set_timeout(end, SO_SNDTIMEO, LIMIT);
	start();
	FAILS(EINPROGRESS, connect(end, (struct sockaddr *)&addr, len));
	assert_took(LIMIT);
	ck_assert(!is_nonblocking(end));
	assert_waited();
	start();
	FAILS(EALREADY, connect(end, (struct sockaddr *)&addr, len));
	assert_took(LIMIT);
}
END_TEST

START_TEST(connect_to_a_full_backlog_of_a_unix_socket_ends_with_EAGAIN)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int end = socket(AF_UNIX, SOCK_STREAM, 0);

	listen_unix(&addr, &len, 0);
	fill_backlog(AF_UNIX, &addr, len);
	set_timeout(end, SO_SNDTIMEO, LIMIT);
	start();
	FAILS(EAGAIN, connect(end, (struct sockaddr *)&addr, len));
	assert_took(LIMIT);
	ck_assert(!is_nonblocking(end));
	assert_waited();
}
END_TEST

Suite *deadline_suite(void)
{
	Suite *suite = suite_create("deadline");
	TCase *tcase = way_case(suite, "deadline");

	each_kind(tcase, every_way_to_receive_ends_with_EAGAIN, SOCKET);
	each_kind(tcase, MSG_WAITALL_has_one_deadline_for_all_its_waits, SOCKET | STREAM);
	each_kind(tcase, data_in_time_is_received, SOCKET);
	each_kind(tcase, a_send_returns_what_went_out_in_time, SOCKET | STREAM);
	each_kind(tcase, a_send_that_finds_no_room_ends_with_EAGAIN, SOCKET | AT_ONCE);
	each_kind(tcase, a_send_that_finds_no_room_ends_with_EAGAIN, MESSAGE | REFUSES);
	each_kind(tcase, the_limit_of_one_direction_is_not_the_other_s, SOCKET);
	tcase_add_test(tcase, accept_ends_with_EAGAIN);
	tcase_add_test(tcase, connect_ends_with_EINPROGRESS);
	tcase_add_test(tcase, connect_to_a_full_backlog_of_a_unix_socket_ends_with_EAGAIN);
	return suite;
}
