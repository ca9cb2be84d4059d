/* SPDX-License-Identifier: MIT */
/*
 * write, writev, pwritev2: all of it is written, on every kind of fd.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static char *data;
static size_t size, received;
static bool intact;
static volatile sig_atomic_t sigpipes;

static void count_sigpipe(int sig)
{
	(void)sig;
	sigpipes++;
}

/* 8 MiB through a reader; the kernel moves what goes through a terminal in small pieces. */
static void make_data(const struct kind *kind)
{
	size = kind->is & TTY ? 256 << 10 : 8 << 20;
	data = malloc(size);
	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < size; i++)
		data[i] = i % 251;
	signal(SIGPIPE, count_sigpipe);
}

static void take(size_t most)
{
	char piece[1 << 16];
	ssize_t n;

	intact = true;
	while (received < most) {
		n = read(fd[0], piece, sizeof(piece));
		if (n <= 0)
			return;
		intact = intact && memcmp(piece, data + received, n) == 0;
		received += n;
	}
}

static void take_all(void)
{
	take(size);
}

static void take_some_and_go(void)
{
	take(100000);
	settle();
	close(fd[0]);
}

static void take_until_hello(void)
{
	char piece[1 << 16];

	while (read(fd[0], piece, sizeof(piece)) != 5)
		continue;
}

static void assert_arrived(void)
{
	other_side_join();
	ck_assert_uint_eq(received, size);
	ck_assert(intact);
	assert_waited();
}

START_TEST(write_writes_all_of_it)
{
	make_data(open_kind(_i));
	other_side(_i, take_all);
	OK(size, write(fd[1], data, size));
	assert_arrived();
}
END_TEST

START_TEST(writev_writes_all_of_it)
{
	struct iovec iov[5];

	make_data(open_kind(_i));
	iov[0] = (struct iovec){ data, 1 };
	iov[1] = (struct iovec){ data + 1, 0 };
	iov[2] = (struct iovec){ data + 1, 99998 };
	iov[3] = (struct iovec){ data + 99999, size / 2 };
	iov[4] = (struct iovec){ data + 99999 + size / 2, size - size / 2 - 99999 };
	other_side(_i, take_all);
	OK(size, writev(fd[1], iov, 5));
	ck_assert_ptr_eq(iov[3].iov_base, data + 99999);
	ck_assert_uint_eq(iov[3].iov_len, size / 2);
	assert_arrived();
}
END_TEST

START_TEST(pwritev2_at_the_current_position_writes_all_of_it)
{
	struct iovec iov[2];

	make_data(open_kind(_i));
	iov[0] = (struct iovec){ data, size / 3 };
	iov[1] = (struct iovec){ data + size / 3, size - size / 3 };
	other_side(_i, take_all);
	OK(size, pwritev2(fd[1], iov, 2, -1, 0));
	assert_arrived();
}
END_TEST

START_TEST(pwritev2_with_RWF_NOWAIT_never_waits)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	ssize_t n;

	open_kind(_i);
	fill(fd[1]);
	n = pwritev2(fd[1], &iov, 1, -1, RWF_NOWAIT);
	ck_assert_int_eq(n, -1);
	ck_assert(errno == EAGAIN || errno == EOPNOTSUPP);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_message_waits_for_room)
{
	open_kind(_i);
	fill(fd[1]);
	other_side(_i, take_until_hello);
	OK(5, write(fd[1], "hello", 5));
	assert_waited();
}
END_TEST

/* A pipe signals as soon as it notices; a socket only if nothing at all was sent. */
static int sigpipes_of_partial_write(const struct kind *kind)
{
	return kind->is & PIPE ? 1 : 0;
}

START_TEST(partial_progress_is_returned_and_the_error_comes_next)
{
	const struct kind *kind = open_kind(_i);
	ssize_t n;

	make_data(kind);
	other_side(_i, take_some_and_go);
	n = write(fd[1], data, size);
	ck_assert_int_ge(n, 100000);
	ck_assert_int_lt(n, size);
	assert_waited();
	ck_assert_int_eq(sigpipes, sigpipes_of_partial_write(kind));
	sigpipes = 0;
	/* The first send after a reset reports it; the one after that finds a closed pipe. */
	ck_assert_int_eq(write(fd[1], data, 5), -1);
	if (errno == ECONNRESET)
		ck_assert_int_eq(write(fd[1], data, 5), -1);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert_int_eq(sigpipes, 1);
}
END_TEST

static void go(void)
{
	close(fd[0]);
}

START_TEST(a_writer_that_waits_sees_the_reader_go)
{
	const struct kind *kind = open_kind(_i);
	ssize_t n;

	make_data(kind);
	fill(fd[1]);
	other_side(_i, go);
	n = write(fd[1], data, 1);
	ck_assert_int_eq(n, -1);
	ck_assert(errno == EPIPE || errno == ECONNRESET);
	ck_assert_int_eq(sigpipes, errno == EPIPE && kind->is & STREAM ? 1 : 0);
	assert_waited();
}
END_TEST

START_TEST(a_write_to_nobody_fails_with_EPIPE_and_one_SIGPIPE)
{
	const struct kind *kind = open_kind(_i);

	make_data(kind);
	close(fd[0]);
	FAILS(EPIPE, write(fd[1], data, 5));
	ck_assert_int_eq(sigpipes, kind->is & STREAM ? 1 : 0);
	FAILS(EPIPE, writev(fd[1], &(struct iovec){ data, 5 }, 1));
	ck_assert_int_eq(sigpipes, kind->is & STREAM ? 2 : 0);
	signal(SIGPIPE, SIG_IGN);
	FAILS(EPIPE, write(fd[1], data, 5));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_write_of_nothing_returns_at_once)
{
	const struct kind *kind = open_kind(_i);
	char byte;

	OK(0, write(fd[1], "", 0));
	if (kind->is & SOCKET && !(kind->is & STREAM))
		OK(0, read(fd[0], &byte, 1));
	if (kind->is & STREAM && kind->is & (AT_ONCE | TTY)) {
		fill(fd[1]);
		OK(0, write(fd[1], "", 0));
	}
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_bad_buffer_fails_with_EFAULT)
{
	open_kind(_i);
	FAILS(EFAULT, write(fd[1], nowhere, 5));
}
END_TEST

START_TEST(a_fd_that_is_not_open_fails_with_EBADF)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };

	open_pipe(fd);
	close(fd[1]);
	FAILS(EBADF, write(fd[1], "x", 1));
	FAILS(EBADF, writev(fd[1], &iov, 1));
	FAILS(EBADF, pwritev2(fd[1], &iov, 1, -1, 0));
	FAILS(EBADF, write(-1, "x", 1));
	FAILS(EBADF, write(fd[0], "x", 1));
}
END_TEST

START_TEST(an_application_s_O_NONBLOCK_is_respected)
{
	const struct kind *kind = open_kind(_i);
	ssize_t n;

	make_data(kind);
	if (kind->is & STREAM) {
		set_nonblocking(fd[1], true);
		n = write(fd[1], data, size);
		ck_assert(n > 0 && (size_t)n < size);
	}
	fill(fd[1]);
	set_nonblocking(fd[1], true);
	FAILS(EAGAIN, write(fd[1], data, 1));
	FAILS(EAGAIN, writev(fd[1], &(struct iovec){ data, 1 }, 1));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

static void see_that_it_blocks(void)
{
	ck_assert(!is_nonblocking(fd[0]));
	ck_assert(!is_nonblocking(fd[1]));
	take_all();
}

START_TEST(O_NONBLOCK_is_not_set_while_a_write_waits)
{
	make_data(open_kind(_i));
	other_side(_i, see_that_it_blocks);
	OK(size, write(fd[1], data, size));
	assert_arrived();
}
END_TEST

Suite *write_suite(void)
{
	Suite *suite = suite_create("write");
	TCase *tcase = way_case(suite, "write");

	each_kind(tcase, write_writes_all_of_it, STREAM);
	each_kind(tcase, writev_writes_all_of_it, STREAM);
	each_kind(tcase, pwritev2_at_the_current_position_writes_all_of_it, STREAM);
	each_kind(tcase, pwritev2_with_RWF_NOWAIT_never_waits, AT_ONCE);
	each_kind(tcase, a_message_waits_for_room, MESSAGE | REFUSES);
	each_kind(tcase, partial_progress_is_returned_and_the_error_comes_next, STREAM | HANGS_UP);
	each_kind(tcase, a_writer_that_waits_sees_the_reader_go, AT_ONCE);
	each_kind(tcase, a_write_to_nobody_fails_with_EPIPE_and_one_SIGPIPE, AT_ONCE);
	each_kind(tcase, a_write_of_nothing_returns_at_once, 0);
	if (!is_emulated())
		each_kind(tcase, a_bad_buffer_fails_with_EFAULT, 0);
	each_kind(tcase, an_application_s_O_NONBLOCK_is_respected, AT_ONCE);
	each_kind(tcase, O_NONBLOCK_is_not_set_while_a_write_waits, STREAM);
	tcase_add_test(tcase, a_fd_that_is_not_open_fails_with_EBADF);
	return suite;
}
