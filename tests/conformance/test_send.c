/* SPDX-License-Identifier: MIT */
/*
 * send, sendto, sendmsg, sendmmsg and their flags, and descriptors that travel with a message.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

enum { SIZE = 8 << 20, MANY = 1000 };

static char *data;
static size_t received;
static bool intact;
static int rights[4], n_rights;
static volatile sig_atomic_t sigpipes;

static void count_sigpipe(int sig)
{
	(void)sig;
	sigpipes++;
}

static void make_data(void)
{
	data = malloc(SIZE);
	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = i % 251;
	signal(SIGPIPE, count_sigpipe);
}

static void take_all(void)
{
	char piece[1 << 16];
	ssize_t n;

	intact = true;
	while (received < SIZE && (n = recv(fd[0], piece, sizeof(piece), 0)) > 0) {
		intact = intact && memcmp(piece, data + received, n) == 0;
		received += n;
	}
}

static void assert_arrived(void)
{
	other_side_join();
	ck_assert_uint_eq(received, SIZE);
	ck_assert(intact);
	assert_waited();
}

START_TEST(send_sends_all_of_it)
{
	make_data();
	open_kind(_i);
	other_side(_i, take_all);
	OK(SIZE, send(fd[1], data, SIZE, 0));
	assert_arrived();
}
END_TEST

START_TEST(sendto_sends_all_of_it)
{
	make_data();
	open_kind(_i);
	other_side(_i, take_all);
	OK(SIZE, sendto(fd[1], data, SIZE, 0, NULL, 0));
	assert_arrived();
}
END_TEST

START_TEST(sendmsg_sends_all_of_it)
{
	struct iovec iov[3];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };

	make_data();
	iov[0] = (struct iovec){ data, 77777 };
	iov[1] = (struct iovec){ data + 77777, 0 };
	iov[2] = (struct iovec){ data + 77777, SIZE - 77777 };
	open_kind(_i);
	other_side(_i, take_all);
	OK(SIZE, sendmsg(fd[1], &msg, 0));
	ck_assert_ptr_eq(iov[2].iov_base, data + 77777);
	ck_assert_uint_eq(msg.msg_iovlen, 3);
	assert_arrived();
}
END_TEST

START_TEST(MSG_DONTWAIT_sends_what_fits)
{
	ssize_t n;

	make_data();
	open_kind(_i);
	n = send(fd[1], data, SIZE, MSG_DONTWAIT);
	ck_assert(n > 0 && n < SIZE);
	fill(fd[1]);
	FAILS(EAGAIN, send(fd[1], data, 1, MSG_DONTWAIT));
	FAILS(EAGAIN, sendto(fd[1], data, 1, MSG_DONTWAIT, NULL, 0));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

static void take_some_and_go(void)
{
	char piece[1 << 16];

	ck_assert_int_gt(recv(fd[0], piece, sizeof(piece), 0), 0);
	settle();
	close(fd[0]);
}

START_TEST(partial_progress_is_returned_and_the_error_comes_next)
{
	ssize_t n;

	make_data();
	open_kind(_i);
	other_side(_i, take_some_and_go);
	n = send(fd[1], data, SIZE, 0);
	ck_assert(n > 0 && n < SIZE);
	ck_assert_int_eq(sigpipes, 0);
	assert_waited();
	/* The first send after a reset reports it; the one after that finds a closed pipe. */
	ck_assert_int_eq(send(fd[1], data, 5, 0), -1);
	if (errno == ECONNRESET)
		ck_assert_int_eq(send(fd[1], data, 5, 0), -1);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert_int_eq(sigpipes, 1);
}
END_TEST

START_TEST(MSG_NOSIGNAL_spares_the_SIGPIPE)
{
	make_data();
	open_kind(_i);
	close(fd[0]);
	FAILS(EPIPE, send(fd[1], data, 5, MSG_NOSIGNAL));
	FAILS(EPIPE, sendmsg(fd[1], &(struct msghdr){ 0 }, MSG_NOSIGNAL));
	ck_assert_int_eq(sigpipes, 0);
}
END_TEST

static void take_until_hello(void)
{
	char piece[1 << 16];

	while (recv(fd[0], piece, sizeof(piece), 0) != 5)
		continue;
}

START_TEST(a_message_waits_for_room)
{
	open_kind(_i);
	fill(fd[1]);
	FAILS(EAGAIN, send(fd[1], "hello", 5, MSG_DONTWAIT));
	other_side(_i, take_until_hello);
	OK(5, send(fd[1], "hello", 5, 0));
	assert_waited();
}
END_TEST

START_TEST(a_message_that_never_fits_fails_without_waiting)
{
	make_data();
	open_kind(_i);
	FAILS(EMSGSIZE, send(fd[1], data, SIZE, 0));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(sendto_reaches_an_address)
{
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);
	int stranger = socket(AF_INET, SOCK_DGRAM, 0);
	char buf[8];

	open_udp(fd);
	close(fd[0]);
	fd[0] = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(fd[0],
			      (struct sockaddr *)&(struct sockaddr_in){ .sin_family = AF_INET },
			      sizeof(struct sockaddr_in)),
			 0);
	ck_assert_int_eq(getsockname(fd[0], (struct sockaddr *)&to, &len), 0);
	OK(5, sendto(stranger, "hello", 5, 0, (struct sockaddr *)&to, len));
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
	FAILS(EDESTADDRREQ, send(stranger, "hello", 5, 0));
}
END_TEST

static struct mmsghdr *messages(unsigned n, char *text, size_t len)
{
	struct mmsghdr *list = calloc(n, sizeof(*list));
	struct iovec *iov = calloc(n, sizeof(*iov));

	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){ text, len };
		list[i].msg_hdr.msg_iov = &iov[i];
		list[i].msg_hdr.msg_iovlen = 1;
	}

	return list;
}

static void take_messages(void)
{
	char piece[1 << 16];

	while (received < MANY && recv(fd[0], piece, sizeof(piece), 0) == 5)
		received++;
}

START_TEST(sendmmsg_waits_until_every_message_is_sent)
{
	struct mmsghdr *list = messages(MANY, (char[]){ "hello" }, 5);

	open_kind(_i);
	other_side(_i, take_messages);
	OK(MANY, sendmmsg(fd[1], list, MANY, 0));
	ck_assert_uint_eq(list[MANY - 1].msg_len, 5);
	other_side_join();
	ck_assert_uint_eq(received, MANY);
	assert_waited();
}
END_TEST

START_TEST(sendmmsg_with_MSG_DONTWAIT_sends_what_fits)
{
	struct mmsghdr *list = messages(MANY, (char[]){ "hello" }, 5);
	int n;

	open_kind(_i);
	n = sendmmsg(fd[1], list, MANY, MSG_DONTWAIT);
	ck_assert(n > 0 && n < MANY);
	FAILS(EAGAIN, sendmmsg(fd[1], list, MANY, MSG_DONTWAIT));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(sendmmsg_writes_all_of_a_stream_s_messages)
{
	struct mmsghdr *list;

	make_data();
	list = messages(2, data, SIZE / 2);
	list[1].msg_hdr.msg_iov->iov_base = data + SIZE / 2;
	open_kind(_i);
	other_side(_i, take_all);
	OK(2, sendmmsg(fd[1], list, 2, 0));
	ck_assert_uint_eq(list[0].msg_len, SIZE / 2);
	assert_arrived();
}
END_TEST

START_TEST(sendmmsg_returns_the_count_before_an_error)
{
	struct mmsghdr *list = messages(3, (char[]){ "hello" }, 5);

	list[2].msg_hdr.msg_iov->iov_base = nowhere;
	open_kind(_i);
	OK(2, sendmmsg(fd[1], list, 3, 0));
	FAILS(EFAULT, sendmmsg(fd[1], list + 2, 1, 0));
	OK(0, sendmmsg(fd[1], list, 0, 0));
}
END_TEST

static struct msghdr *with_rights(struct iovec *iov, int passed)
{
	static union {
		char room[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr header;
	} control;
	static struct msghdr msg;

	memset(&control, 0, sizeof(control));
	msg = (struct msghdr){ .msg_iov = iov,
			       .msg_iovlen = 1,
			       .msg_control = &control,
			       .msg_controllen = sizeof(control) };
	if (passed < 0)
		return &msg;
	msg.msg_controllen = CMSG_SPACE(sizeof(int));
	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					   .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), &passed, sizeof(int));

	return &msg;
}

static void take_rights_of(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_type == SCM_RIGHTS) {
			ck_assert_int_lt(n_rights, 4);
			memcpy(&rights[n_rights++], CMSG_DATA(c), sizeof(int));
		}
}

static void take_all_with_rights(void)
{
	static char piece[1 << 16];
	ssize_t n;

	while (received < SIZE) {
		struct iovec iov = { piece, sizeof(piece) };
		union {
			char room[CMSG_SPACE(4 * sizeof(int))];
			struct cmsghdr header;
		} control;
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = &control,
				      .msg_controllen = sizeof(control) };

		n = recvmsg(fd[0], &msg, 0);
		ck_assert_int_gt(n, 0);
		take_rights_of(&msg);
		received += n;
	}
}

START_TEST(descriptors_travel_once_with_a_long_message)
{
	struct iovec iov;
	int ends[2];

	make_data();
	iov = (struct iovec){ data, SIZE };
	open_unix(fd);
	open_pipe(ends);
	other_side(_i, take_all_with_rights);
	OK(SIZE, sendmsg(fd[1], with_rights(&iov, ends[0]), 0));
	other_side_join();
	assert_waited();
	ck_assert_uint_eq(received, SIZE);
	ck_assert_int_eq(n_rights, 1);
}
END_TEST

static int received_ends[2];

static void write_to_it(void)
{
	ck_assert_int_eq(write(received_ends[1], "x", 1), 1);
}

START_TEST(a_read_from_a_received_descriptor_waits)
{
	char byte = 'b';
	struct iovec iov = { &byte, 1 };
	struct msghdr *msg;

	open_kind(_i);
	open_pipe(received_ends);
	OK(1, sendmsg(fd[1], with_rights(&iov, received_ends[0]), 0));
	/* The number that the descriptor will get was another kind of file before. */
	close(received_ends[0]);
	msg = with_rights(&iov, -1);
	OK(1, recvmsg(fd[0], msg, MSG_CMSG_CLOEXEC));
	take_rights_of(msg);
	ck_assert_int_eq(n_rights, 1);
	other_side(_i, write_to_it);
	OK(1, read(rights[0], &byte, 1));
	assert_waited();
}
END_TEST

Suite *send_suite(void)
{
	Suite *suite = suite_create("send");
	TCase *tcase = way_case(suite, "send");

	each_kind(tcase, send_sends_all_of_it, SOCKET | STREAM);
	each_kind(tcase, sendto_sends_all_of_it, SOCKET | STREAM);
	each_kind(tcase, sendmsg_sends_all_of_it, SOCKET | STREAM);
	each_kind(tcase, MSG_DONTWAIT_sends_what_fits, SOCKET | STREAM | AT_ONCE);
	each_kind(tcase, partial_progress_is_returned_and_the_error_comes_next, SOCKET | STREAM);
	each_kind(tcase, MSG_NOSIGNAL_spares_the_SIGPIPE, SOCKET | STREAM | AT_ONCE);
	each_kind(tcase, a_message_waits_for_room, MESSAGE | REFUSES);
	each_kind(tcase, a_message_that_never_fits_fails_without_waiting, MESSAGE);
	each_kind(tcase, sendmmsg_waits_until_every_message_is_sent, MESSAGE | REFUSES);
	each_kind(tcase, sendmmsg_with_MSG_DONTWAIT_sends_what_fits, MESSAGE | REFUSES);
	each_kind(tcase, sendmmsg_writes_all_of_a_stream_s_messages, SOCKET | STREAM);
	if (!is_emulated())
		each_kind(tcase, sendmmsg_returns_the_count_before_an_error, MESSAGE);
	each_side(tcase, descriptors_travel_once_with_a_long_message);
	each_kind(tcase, a_read_from_a_received_descriptor_waits, SOCKET | STREAM | AT_ONCE);
	tcase_add_test(tcase, sendto_reaches_an_address);
	return suite;
}
