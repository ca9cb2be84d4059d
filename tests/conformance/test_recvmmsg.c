/* SPDX-License-Identifier: MIT */
/*
 * recvmmsg: several messages by one call.
 */
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "way.h"

static void say_hello(void)
{
	ck_assert_int_eq(send(fd[1], "hello", 5, 0), 5);
}

static void say_two_messages(void)
{
	ck_assert_int_eq(send(fd[1], "one", 3, 0), 3);
	settle();
	ck_assert_int_eq(send(fd[1], "three", 5, 0), 5);
}

static struct mmsghdr *two_messages(void)
{
	static char text[2][16];
	static struct iovec iov[2];
	static struct mmsghdr messages[2];

	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < 2; i++) {
		iov[i] = (struct iovec){ text[i], sizeof(text[i]) };
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}

	return messages;
}

START_TEST(recvmmsg_waits_for_every_message)
{
	struct mmsghdr *messages = two_messages();

	open_kind(_i);
	other_side(_i, say_two_messages);
	OK(2, recvmmsg(fd[0], messages, 2, 0, NULL));
	ck_assert_uint_eq(messages[0].msg_len, 3);
	ck_assert_uint_eq(messages[1].msg_len, 5);
	ck_assert_mem_eq(messages[1].msg_hdr.msg_iov->iov_base, "three", 5);
	assert_waited();
}
END_TEST

START_TEST(recvmmsg_with_MSG_WAITFORONE_waits_for_one)
{
	struct mmsghdr *messages = two_messages();

	open_kind(_i);
	other_side(_i, say_hello);
	OK(1, recvmmsg(fd[0], messages, 2, MSG_WAITFORONE, NULL));
	ck_assert_uint_eq(messages[0].msg_len, 5);
	assert_waited();
	say_hello();
	say_hello();
	OK(2, recvmmsg(fd[0], messages, 2, MSG_WAITFORONE, NULL));
}
END_TEST

static void say_it_late(void)
{
	usleep(30000);
	say_hello();
}

/* The kernel looks at the clock after each message, not while it waits for one. */
START_TEST(recvmmsg_looks_at_its_timeout_after_each_message)
{
	struct timespec timeout = { .tv_nsec = 10000000 };

	open_kind(_i);
	other_side(0, say_it_late);
	OK(1, recvmmsg(fd[0], two_messages(), 2, 0, &timeout));
	ck_assert(timeout.tv_sec == 0 && timeout.tv_nsec == 0);
	timeout = (struct timespec){ .tv_sec = 100 };
	say_hello();
	say_hello();
	OK(2, recvmmsg(fd[0], two_messages(), 2, 0, &timeout));
	ck_assert(timeout.tv_sec == 99);
	timeout.tv_nsec = 1000000000;
	FAILS(EINVAL, recvmmsg(fd[0], two_messages(), 2, 0, &timeout));
}
END_TEST

START_TEST(recvmmsg_never_waits_when_told_so)
{
	int ends[2];

	open_kind(_i);
	FAILS(EAGAIN, recvmmsg(fd[0], two_messages(), 2, MSG_DONTWAIT, NULL));
	set_nonblocking(fd[0], true);
	FAILS(EAGAIN, recvmmsg(fd[0], two_messages(), 2, 0, NULL));
	open_pipe(ends);
	FAILS(ENOTSOCK, recvmmsg(ends[0], two_messages(), 2, 0, NULL));
	FAILS(EBADF, recvmmsg(-1, two_messages(), 2, 0, NULL));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

Suite *recvmmsg_suite(void)
{
	Suite *suite = suite_create("recvmmsg");
	TCase *tcase = way_case(suite, "recvmmsg");

	each_kind(tcase, recvmmsg_waits_for_every_message, MESSAGE);
	each_kind(tcase, recvmmsg_with_MSG_WAITFORONE_waits_for_one, MESSAGE);
	each_kind(tcase, recvmmsg_looks_at_its_timeout_after_each_message, MESSAGE);
	each_kind(tcase, recvmmsg_never_waits_when_told_so, SOCKET);
	return suite;
}
