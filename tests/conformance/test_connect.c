/* SPDX-License-Identifier: MIT */
/*
 * connect, accept, accept4: how connections come about, among competitors too.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static struct sockaddr_storage addr;
static socklen_t len;
static int listener, end, accepted;

static struct sockaddr *where(void)
{
	return (struct sockaddr *)&addr;
}

/* Row 0 is TCP, row 1 a UNIX socket. */
static int listen_row(int i, int backlog)
{
	if (i / other_sides() == 0) {
		listener = listen_tcp(&addr, &len, backlog);
		return socket(AF_INET, SOCK_STREAM, 0);
	}
	listener = listen_unix(&addr, &len, backlog);
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static void come(void)
{
	ck_assert_int_eq(connect(end, where(), len), 0);
}

static void assert_connected(int a, int b)
{
	char byte;

	ck_assert(!is_nonblocking(a));
	ck_assert(!is_nonblocking(b));
	ck_assert_int_eq(send(a, "x", 1, 0), 1);
	OK(1, recv(b, &byte, 1, 0));
}

START_TEST(connect_connects)
{
	end = listen_row(_i, 4);
	OK(0, connect(end, where(), len));
	FAILS(EISCONN, connect(end, where(), len));
	accepted = accept(listener, NULL, NULL);
	assert_connected(end, accepted);
	assert_connected(accepted, end);
}
END_TEST

START_TEST(accept_waits_for_a_connection)
{
	struct sockaddr_storage peer = { 0 }, own;
	socklen_t peer_len = sizeof(peer), own_len = sizeof(own);

	end = listen_row(_i, 4);
	other_side(_i, come);
	errno = ESTALE;
	accepted = accept(listener, (struct sockaddr *)&peer, &peer_len);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_ge(accepted, 0);
	assert_waited();
	other_side_join();
	ck_assert_int_eq(getsockname(end, (struct sockaddr *)&own, &own_len), 0);
	ck_assert_uint_eq(peer_len, own_len);
	ck_assert_mem_eq(&peer, &own, own_len);
	assert_connected(end, accepted);
}
END_TEST

START_TEST(accept4_sets_the_flags_it_is_given)
{
	end = listen_row(_i, 4);
	other_side(_i, come);
	accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ck_assert_int_ge(accepted, 0);
	ck_assert(is_nonblocking(accepted));
	ck_assert_int_eq(fcntl(accepted, F_GETFD), FD_CLOEXEC);
	ck_assert(!is_nonblocking(listener));
	assert_waited();
	FAILS(EINVAL, accept4(listener, NULL, NULL, 1));
}
END_TEST

START_TEST(a_non_blocking_listener_does_not_wait)
{
	end = listen_row(_i, 4);
	set_nonblocking(listener, true);
	FAILS(EAGAIN, accept(listener, NULL, NULL));
	FAILS(EAGAIN, accept4(listener, NULL, NULL, 0));
	come();
	count_waits_anew();
	ck_assert_int_ge(accept(listener, NULL, NULL), 0);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

static void shut_down(void)
{
	ck_assert_int_eq(shutdown(listener, SHUT_RDWR), 0);
}

START_TEST(shutdown_ends_an_accept)
{
	end = listen_row(_i, 4);
	other_side(_i, shut_down);
	FAILS(EINVAL, accept(listener, NULL, NULL));
	assert_waited();
}
END_TEST

static void see_that_it_blocks(void)
{
	ck_assert(!is_nonblocking(listener));
	come();
}

START_TEST(O_NONBLOCK_is_not_set_while_an_accept_waits)
{
	end = listen_row(_i, 4);
	other_side(_i, see_that_it_blocks);
	accepted = accept(listener, NULL, NULL);
	ck_assert_int_ge(accepted, 0);
	ck_assert(!is_nonblocking(listener));
	assert_connected(end, accepted);
}
END_TEST

START_TEST(a_refusal_is_reported)
{
	end = listen_row(_i, 4);
	close(listener);
	FAILS(ECONNREFUSED, connect(end, where(), len));
	ck_assert(!is_nonblocking(end));
}
END_TEST

START_TEST(a_non_blocking_connect_is_in_progress)
{
	listen_tcp(&addr, &len, 4);
	end = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	FAILS(EINPROGRESS, connect(end, where(), len));
	ck_assert(is_nonblocking(end));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_datagram_socket_connects_at_once)
{
	open_udp(fd);
	len = sizeof(addr);
	getsockname(fd[0], where(), &len);
	OK(0, connect(fd[1], where(), len));
	OK(0,
	   connect(fd[1], &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

static void accept_all(void)
{
	for (int i = 0; i < 2; i++)
		ck_assert_int_ge(accept(listener, NULL, NULL), 0);
}

static void accept_until_it_is_in(void)
{
	ck_assert(!is_nonblocking(end));
	accept_all();
}

START_TEST(connect_waits_for_room_in_a_backlog)
{
	int first;

	end = listen_row(other_sides(), 0);
	first = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(first, where(), len), 0);
	other_side(_i, accept_until_it_is_in);
	OK(0, connect(end, where(), len));
	ck_assert(!is_nonblocking(end));
	assert_waited();
}
END_TEST

START_TEST(wrong_calls_fail_as_ever)
{
	end = listen_row(0, 4);
	open_pipe(fd);
	FAILS(EINVAL, accept(end, NULL, NULL));
	FAILS(ENOTSOCK, accept(fd[0], NULL, NULL));
	FAILS(ENOTSOCK, connect(fd[0], where(), len));
	FAILS(EBADF, accept(-1, NULL, NULL));
	FAILS(EBADF, connect(-1, where(), len));
	FAILS(EINVAL, connect(end, where(), 1));
	FAILS(EFAULT, connect(end, nowhere, len));
	open_udp(fd);
	FAILS(EOPNOTSUPP, accept(fd[0], NULL, NULL));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

enum { RACERS = 4, ROUNDS = 50 };

static void race(int started)
{
	alarm(20);
	ck_assert_int_eq(write(started, "", 1), 1);
	for (;;) {
		int one = accept(listener, NULL, NULL);
		char byte;

		if (one < 0 || recv(one, &byte, 1, 0) != 1)
			_exit(1);
		close(one);
		if (byte == 'q')
			_exit(0);
	}
}

static void visit(char byte)
{
	int one = socket(addr.ss_family, SOCK_STREAM, 0);
	char rest;

	ck_assert_int_eq(connect(one, where(), len), 0);
	ck_assert_int_eq(send(one, &byte, 1, 0), 1);
	ck_assert_int_eq(recv(one, &rest, 1, 0), 0);
	close(one);
}

/* The test is the racer that must not hang: each visit is answered although it races on. */
static void accept_until_quit(void)
{
	for (int i = 0; i < ROUNDS; i++)
		visit('x');
	for (int i = 0; i < RACERS + 1; i++)
		visit('q');
}

START_TEST(several_processes_race_for_each_connection)
{
	int started[2], status;
	char byte = 0;

	listen_row(_i, 64);
	open_pipe(started);
	for (int i = 0; i < RACERS; i++)
		if (fork() == 0)
			race(started[1]);
	for (int i = 0; i < RACERS; i++)
		ck_assert_int_eq(read(started[0], &byte, 1), 1);
	other_side(0, accept_until_quit);
	while (byte != 'q') {
		int one = accept(listener, NULL, NULL);

		ck_assert_int_ge(one, 0);
		OK(1, recv(one, &byte, 1, 0));
		close(one);
	}
	for (int i = 0; i < RACERS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	assert_waited();
}
END_TEST

Suite *connect_suite(void)
{
	Suite *suite = suite_create("connect");
	TCase *tcase = way_case(suite, "connect");

	each_row(tcase, connect_connects, 2);
	each_row(tcase, accept_waits_for_a_connection, 2);
	each_row(tcase, accept4_sets_the_flags_it_is_given, 2);
	each_row(tcase, a_non_blocking_listener_does_not_wait, 2);
	each_row(tcase, O_NONBLOCK_is_not_set_while_an_accept_waits, 2);
	each_row(tcase, a_refusal_is_reported, 2);
	each_row(tcase, several_processes_race_for_each_connection, 2);
	each_side(tcase, shutdown_ends_an_accept);
	each_side(tcase, connect_waits_for_room_in_a_backlog);
	tcase_add_test(tcase, a_non_blocking_connect_is_in_progress);
	tcase_add_test(tcase, a_datagram_socket_connects_at_once);
	if (!is_emulated())
		tcase_add_test(tcase, wrong_calls_fail_as_ever);
	return suite;
}
