/* SPDX-License-Identifier: MIT */
/* src/calls/control.c: fds that arrive in a message begin anew. */
#include "calls/control.h"
#include "real.h"
#include "support.h"

/* Numbers that stand for fds: known from before, of files that were closed where nobody saw it. */
static const int stale[] = { 501, 502, 503, 504 };

static union {
	struct cmsghdr header;
	char room[256];
} control;

static void know_all(void)
{
	mpg_fds_activate();
	for (int i = 0; i < 4; i++)
		atomic_store(&mpg_fd_entry(stale[i])->state, MPG_FD_KNOWN);
}

static int known(void)
{
	int n = 0;

	for (int i = 0; i < 4; i++)
		n += mpg_fd_is_entered(stale[i]);
	return n;
}

/* Appends a control message that holds the first n of the stale numbers. */
static struct cmsghdr *append(struct msghdr *message, int level, int type, int n)
{
	struct cmsghdr *c = (struct cmsghdr *)(control.room + message->msg_controllen);

	message->msg_control = control.room;
	message->msg_controllen += CMSG_SPACE((size_t)n * sizeof(int));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
	memcpy(CMSG_DATA(c), stale, (size_t)n * sizeof(int));
	return c;
}

START_TEST(a_message_without_control_data_brings_no_fd)
{
	struct msghdr message = { 0 };

	know_all();
	mpg_control_arrived(&message);
	ck_assert_int_eq(known(), 4);
}
END_TEST

START_TEST(every_fd_that_arrives_begins_anew)
{
	struct msghdr message = { 0 };

	know_all();
	append(&message, SOL_SOCKET, SCM_RIGHTS, 3);
	mpg_control_arrived(&message);
	ck_assert_int_eq(known(), 1);
	ck_assert(mpg_fd_is_entered(stale[3]));
}
END_TEST

START_TEST(other_control_data_brings_none)
{
	struct msghdr message = { 0 };

	know_all();
	append(&message, SOL_SOCKET, SCM_CREDENTIALS, 4);
	append(&message, SOL_SOCKET + 1, SCM_RIGHTS, 4);
	mpg_control_arrived(&message);
	ck_assert_int_eq(known(), 4);
}
END_TEST

START_TEST(fds_are_found_behind_other_control_data)
{
	struct msghdr message = { 0 };

	know_all();
	append(&message, SOL_SOCKET, SCM_CREDENTIALS, 3);
	append(&message, SOL_SOCKET, SCM_RIGHTS, 2);
	mpg_control_arrived(&message);
	ck_assert_int_eq(known(), 2);
}
END_TEST

START_TEST(a_list_that_was_cut_off_ends_where_it_ends)
{
	struct msghdr message = { 0 };

	know_all();
	append(&message, SOL_SOCKET, SCM_RIGHTS, 4)->cmsg_len -= 2 * sizeof(int) + 1;
	mpg_control_arrived(&message);
	ck_assert_int_eq(known(), 3);
}
END_TEST

START_TEST(of_several_messages_only_those_received_count)
{
	struct mmsghdr messages[2] = { 0 };

	know_all();
	append(&messages[1].msg_hdr, SOL_SOCKET, SCM_RIGHTS, 4);
	ck_assert_int_eq(mpg_control_arrived_in(messages, 1), 1);
	ck_assert_int_eq(mpg_control_arrived_in(messages, -1), -1);
	ck_assert_int_eq(known(), 4);
	ck_assert_int_eq(mpg_control_arrived_in(messages, 2), 2);
	ck_assert_int_eq(known(), 0);
}
END_TEST

static void send_fd(int socket, int fd)
{
	struct msghdr message = {
		.msg_iov = &(struct iovec){ (char[]){ 'x' }, 1 },
		.msg_iovlen = 1,
	};

	memcpy(CMSG_DATA(append(&message, SOL_SOCKET, SCM_RIGHTS, 1)), &fd, sizeof(fd));
	ck_assert_int_eq(REAL(sendmsg)(socket, &message, 0), 1);
}

START_TEST(recvmsg_forgets_what_was_known_of_the_number_that_arrives)
{
	int pair[2], pipe[2], number;
	char byte;
	struct msghdr message = {
		.msg_iov = &(struct iovec){ &byte, 1 },
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};

	open_unix(pair);
	open_pipe(pipe);
	send_fd(pair[1], pipe[0]);
	mpg_fds_activate();
	number = REAL(dup)(0);
	REAL(close)(number);
	atomic_store(&mpg_fd_entry(number)->state, MPG_FD_KNOWN);
	ck_assert_int_eq(recvmsg(pair[0], &message, 0), 1);
	ck_assert(is_open(number) && !mpg_fd_is_entered(number));
}
END_TEST

SUITE_OF(control, { a_message_without_control_data_brings_no_fd, 0 },
	 { every_fd_that_arrives_begins_anew, 0 }, { other_control_data_brings_none, 0 },
	 { fds_are_found_behind_other_control_data, 0 },
	 { a_list_that_was_cut_off_ends_where_it_ends, 0 },
	 { of_several_messages_only_those_received_count, 0 },
	 { recvmsg_forgets_what_was_known_of_the_number_that_arrives, 0 })
