/* SPDX-License-Identifier: MIT */
/*
 * recv, recvfrom, recvmsg and their flags, on every kind of socket.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static char buf[16];

static void say_hello(void)
{
	ck_assert_int_eq(send(fd[1], "hello", 5, 0), 5);
}

static void say_it_in_pieces(void)
{
	ck_assert_int_eq(send(fd[1], "he", 2, 0), 2);
	settle();
	ck_assert_int_eq(send(fd[1], "l", 1, 0), 1);
	settle();
	ck_assert_int_eq(send(fd[1], "lo", 2, 0), 2);
}

static void say_half_and_go(void)
{
	ck_assert_int_eq(send(fd[1], "he", 2, 0), 2);
	settle();
	close(fd[1]);
}

START_TEST(recv_waits)
{
	open_kind(_i);
	other_side(_i, say_hello);
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
	ck_assert_mem_eq(buf, "hello", 5);
	assert_waited();
}
END_TEST

START_TEST(recvfrom_waits_and_tells_who_sent_it)
{
	struct sockaddr_storage from, peer;
	socklen_t from_len = sizeof(from), peer_len = sizeof(peer);
	const struct kind *kind = open_kind(_i);

	other_side(_i, say_hello);
	OK(5, recvfrom(fd[0], buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_len));
	ck_assert_mem_eq(buf, "hello", 5);
	assert_waited();
	if (kind->open != open_udp)
		return;
	getsockname(fd[1], (struct sockaddr *)&peer, &peer_len);
	ck_assert_uint_eq(from_len, sizeof(struct sockaddr_in));
	ck_assert_mem_eq(&from, &peer, from_len);
}
END_TEST

START_TEST(recvmsg_waits_and_scatters)
{
	struct iovec iov[] = { { buf, 2 }, { buf + 8, 8 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	open_kind(_i);
	other_side(_i, say_hello);
	OK(5, recvmsg(fd[0], &msg, 0));
	ck_assert_mem_eq(buf, "he", 2);
	ck_assert_mem_eq(buf + 8, "llo", 3);
	assert_waited();
}
END_TEST

START_TEST(MSG_DONTWAIT_never_waits)
{
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	open_kind(_i);
	FAILS(EAGAIN, recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	FAILS(EAGAIN, recvfrom(fd[0], buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL));
	FAILS(EAGAIN, recvmsg(fd[0], &msg, MSG_DONTWAIT));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(an_application_s_O_NONBLOCK_is_respected)
{
	open_kind(_i);
	set_nonblocking(fd[0], true);
	FAILS(EAGAIN, recv(fd[0], buf, sizeof(buf), 0));
	FAILS(EAGAIN, recv(fd[0], buf, sizeof(buf), MSG_WAITALL));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(MSG_PEEK_waits_and_leaves_the_data)
{
	open_kind(_i);
	other_side(_i, say_hello);
	OK(5, recv(fd[0], buf, sizeof(buf), MSG_PEEK));
	assert_waited();
	memset(buf, 0, sizeof(buf));
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
	ck_assert_mem_eq(buf, "hello", 5);
}
END_TEST

START_TEST(MSG_WAITALL_waits_for_all_of_it)
{
	open_kind(_i);
	other_side(_i, say_it_in_pieces);
	OK(5, recv(fd[0], buf, 5, MSG_WAITALL));
	ck_assert_mem_eq(buf, "hello", 5);
	assert_waited();
}
END_TEST

START_TEST(MSG_WAITALL_fills_a_vector)
{
	struct iovec iov[] = { { buf, 1 }, { buf + 8, 3 }, { buf + 12, 1 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };

	open_kind(_i);
	other_side(_i, say_it_in_pieces);
	OK(5, recvmsg(fd[0], &msg, MSG_WAITALL));
	ck_assert(buf[0] == 'h' && !memcmp(buf + 8, "ell", 3) && buf[12] == 'o');
	ck_assert_ptr_eq(iov[1].iov_base, buf + 8);
	ck_assert_uint_eq(iov[1].iov_len, 3);
	assert_waited();
}
END_TEST

/* So TCP does; a UNIX socket is content with what is there when it wakes up. */
START_TEST(MSG_WAITALL_with_MSG_PEEK_waits_for_all_and_leaves_it)
{
	int least = open_kind(_i)->open == open_tcp ? 5 : 2;
	ssize_t n;

	other_side(_i, say_it_in_pieces);
	n = recv(fd[0], buf, 5, MSG_WAITALL | MSG_PEEK);
	ck_assert_int_ge(n, least);
	ck_assert_mem_eq(buf, "hello", n);
	assert_waited();
	other_side_join();
	OK(5, recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	ck_assert_mem_eq(buf, "hello", 5);
}
END_TEST

START_TEST(MSG_WAITALL_returns_what_came_before_the_end)
{
	open_kind(_i);
	other_side(_i, say_half_and_go);
	OK(2, recv(fd[0], buf, 5, MSG_WAITALL));
	OK(0, recv(fd[0], buf, 5, MSG_WAITALL));
}
END_TEST

START_TEST(MSG_WAITALL_returns_the_first_message)
{
	open_kind(_i);
	other_side(_i, say_it_in_pieces);
	OK(2, recv(fd[0], buf, 5, MSG_WAITALL));
	other_side_join();
}
END_TEST

START_TEST(MSG_TRUNC_tells_the_real_length)
{
	struct iovec iov = { buf, 2 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	open_kind(_i);
	other_side(_i, say_hello);
	OK(5, recv(fd[0], buf, 2, MSG_TRUNC));
	say_hello();
	OK(2, recvmsg(fd[0], &msg, 0));
	ck_assert_int_eq(msg.msg_flags & MSG_TRUNC, MSG_TRUNC);
}
END_TEST

START_TEST(an_empty_message_is_received)
{
	open_kind(_i);
	ck_assert_int_eq(send(fd[1], "", 0, 0), 0);
	say_hello();
	OK(0, recv(fd[0], buf, sizeof(buf), 0));
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
}
END_TEST

START_TEST(a_recv_of_nothing_from_a_stream_is_what_the_kernel_says)
{
	open_kind(_i);
	say_hello();
	OK(0, recv(fd[0], buf, 0, 0));
	OK(0, recv(fd[0], NULL, 0, MSG_WAITALL));
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
}
END_TEST

START_TEST(a_recv_ends_when_the_peer_goes)
{
	open_kind(_i);
	other_side(_i, say_half_and_go);
	OK(2, recv(fd[0], buf, sizeof(buf), 0));
	OK(0, recv(fd[0], buf, sizeof(buf), 0));
	assert_waited();
}
END_TEST

static void shut_down(void)
{
	ck_assert_int_eq(shutdown(fd[0], SHUT_RD), 0);
}

START_TEST(shutdown_ends_a_recv)
{
	open_kind(_i);
	other_side(_i, shut_down);
	OK(0, recv(fd[0], buf, sizeof(buf), 0));
	assert_waited();
}
END_TEST

static void reset(void)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd[1]);
}

START_TEST(a_reset_ends_a_recv_with_its_error)
{
	open_tcp(fd);
	other_side(_i, reset);
	FAILS(ECONNRESET, recv(fd[0], buf, sizeof(buf), 0));
	assert_waited();
	OK(0, recv(fd[0], buf, sizeof(buf), 0));
}
END_TEST

static void provoke_a_refusal(void)
{
	close(fd[1]);
	ck_assert_int_eq(send(fd[0], "x", 1, 0), 1);
}

START_TEST(readiness_that_is_only_an_error_ends_a_recv)
{
	open_udp(fd);
	other_side(_i, provoke_a_refusal);
	FAILS(ECONNREFUSED, recv(fd[0], buf, sizeof(buf), 0));
	assert_waited();
}
END_TEST

START_TEST(an_empty_error_queue_never_waits)
{
	struct msghdr msg = { 0 };

	open_udp(fd);
	FAILS(EAGAIN, recvmsg(fd[0], &msg, MSG_ERRQUEUE));
	FAILS(EAGAIN, recv(fd[0], buf, sizeof(buf), MSG_ERRQUEUE));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(MSG_OOB_never_waits)
{
	open_tcp(fd);
	count_waits_anew();
	FAILS(EINVAL, recv(fd[0], buf, 1, MSG_OOB));
	ck_assert_int_eq(send(fd[1], "ab!", 3, MSG_OOB), 3);
	UNTIL(recv(fd[0], buf, 1, MSG_OOB) == 1);
	ck_assert_int_eq(buf[0], '!');
	OK(2, recv(fd[0], buf, sizeof(buf), 0));
	ck_assert_mem_eq(buf, "ab", 2);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(wrong_calls_fail_as_ever)
{
	int stranger = socket(AF_INET, SOCK_STREAM, 0), ends[2];

	open_pipe(ends);
	FAILS(ENOTCONN, recv(stranger, buf, 1, 0));
	FAILS(ENOTSOCK, recv(ends[0], buf, 1, 0));
	FAILS(EBADF, recv(-1, buf, 1, 0));
	FAILS(EFAULT, recvmsg(stranger, nowhere, 0));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

Suite *receive_suite(void)
{
	Suite *suite = suite_create("receive");
	TCase *tcase = way_case(suite, "receive");

	each_kind(tcase, recv_waits, SOCKET);
	each_kind(tcase, recvfrom_waits_and_tells_who_sent_it, SOCKET);
	each_kind(tcase, recvmsg_waits_and_scatters, SOCKET);
	each_kind(tcase, MSG_DONTWAIT_never_waits, SOCKET);
	each_kind(tcase, an_application_s_O_NONBLOCK_is_respected, SOCKET);
	each_kind(tcase, MSG_PEEK_waits_and_leaves_the_data, SOCKET);
	each_kind(tcase, MSG_WAITALL_waits_for_all_of_it, SOCKET | STREAM);
	each_kind(tcase, MSG_WAITALL_fills_a_vector, SOCKET | STREAM);
	each_kind(tcase, MSG_WAITALL_with_MSG_PEEK_waits_for_all_and_leaves_it, SOCKET | STREAM);
	each_kind(tcase, MSG_WAITALL_returns_what_came_before_the_end, SOCKET | STREAM);
	each_kind(tcase, MSG_WAITALL_returns_the_first_message, MESSAGE);
	each_kind(tcase, MSG_TRUNC_tells_the_real_length, MESSAGE);
	each_kind(tcase, an_empty_message_is_received, MESSAGE);
	each_kind(tcase, a_recv_of_nothing_from_a_stream_is_what_the_kernel_says, SOCKET | STREAM);
	each_kind(tcase, a_recv_ends_when_the_peer_goes, SOCKET | HANGS_UP);
	each_kind(tcase, shutdown_ends_a_recv, SOCKET | HANGS_UP);
	each_side(tcase, a_reset_ends_a_recv_with_its_error);
	each_side(tcase, readiness_that_is_only_an_error_ends_a_recv);
	tcase_add_test(tcase, an_empty_error_queue_never_waits);
	tcase_add_test(tcase, MSG_OOB_never_waits);
	if (!is_emulated())
		tcase_add_test(tcase, wrong_calls_fail_as_ever);
	return suite;
}
