/* SPDX-License-Identifier: MIT */
/*
 * read, readv, preadv2: what a reader gets, from every kind of fd.
 */
#include <fcntl.h>
#include <stdlib.h>
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
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static void hang_up(void)
{
	close(fd[1]);
}

START_TEST(read_waits_for_data)
{
	open_kind(_i);
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_mem_eq(buf, "hello", 5);
	assert_waited();
}
END_TEST

START_TEST(readv_waits_and_scatters)
{
	char tail[8];
	struct iovec iov[] = { { buf, 2 }, { NULL, 0 }, { tail, sizeof(tail) } };

	open_kind(_i);
	other_side(_i, say_hello);
	OK(5, readv(fd[0], iov, 3));
	ck_assert_mem_eq(buf, "he", 2);
	ck_assert_mem_eq(tail, "llo", 3);
	assert_waited();
}
END_TEST

START_TEST(preadv2_at_the_current_position_waits)
{
	struct iovec iov = { buf, sizeof(buf) };

	open_kind(_i);
	other_side(_i, say_hello);
	OK(5, preadv2(fd[0], &iov, 1, -1, 0));
	ck_assert_mem_eq(buf, "hello", 5);
	assert_waited();
}
END_TEST

START_TEST(preadv2_with_RWF_NOWAIT_never_waits)
{
	struct iovec iov = { buf, sizeof(buf) };
	ssize_t n;

	open_kind(_i);
	n = preadv2(fd[0], &iov, 1, -1, RWF_NOWAIT);
	ck_assert_int_eq(n, -1);
	ck_assert(errno == EAGAIN || errno == EOPNOTSUPP);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(preadv2_at_a_position_of_a_stream_fails)
{
	struct iovec iov = { buf, sizeof(buf) };

	open_kind(_i);
	FAILS(ESPIPE, preadv2(fd[0], &iov, 1, 0, 0));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_read_takes_what_is_there_without_waiting)
{
	const struct kind *kind = open_kind(_i);

	say_hello();
	OK(5, read(fd[0], buf, sizeof(buf)));
	/* A terminal hands its input over a little later. */
	if (!(kind->is & TTY))
		ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_short_read_leaves_the_rest_of_a_stream)
{
	const struct kind *kind = open_kind(_i);

	other_side(_i, say_hello);
	OK(2, read(fd[0], buf, 2));
	if (kind->is & STREAM)
		OK(3, read(fd[0], buf + 2, sizeof(buf) - 2));
	ck_assert_mem_eq(buf, "hello", kind->is & STREAM ? 5 : 2);
}
END_TEST

START_TEST(a_read_of_nothing_returns_at_once)
{
	struct iovec none = { buf, 0 };

	open_kind(_i);
	OK(0, read(fd[0], buf, 0));
	OK(0, readv(fd[0], &none, 1));
	OK(0, readv(fd[0], NULL, 0));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_read_ends_when_the_writer_goes)
{
	open_kind(_i);
	other_side(_i, hang_up);
	OK(0, read(fd[0], buf, sizeof(buf)));
	assert_waited();
	OK(0, read(fd[0], buf, sizeof(buf)));
}
END_TEST

/* A read that begins after the master went finds the end; one that was blocked is told EIO. */
START_TEST(a_read_from_a_terminal_ends_when_the_other_end_goes)
{
	bool from_slave = open_kind(_i)->open == open_pty;
	ssize_t n;

	other_side(_i, hang_up);
	n = read(fd[0], buf, sizeof(buf));
	ck_assert((n == -1 && errno == EIO) || (n == 0 && green() && from_slave));
	assert_waited();
}
END_TEST

START_TEST(a_bad_buffer_fails_with_EFAULT)
{
	open_kind(_i);
	say_hello();
	FAILS(EFAULT, read(fd[0], nowhere, 5));
}
END_TEST

START_TEST(a_fd_that_is_not_open_fails_with_EBADF)
{
	struct iovec iov = { buf, sizeof(buf) };

	open_pipe(fd);
	close(fd[0]);
	FAILS(EBADF, read(fd[0], buf, 1));
	FAILS(EBADF, readv(fd[0], &iov, 1));
	FAILS(EBADF, preadv2(fd[0], &iov, 1, -1, 0));
	FAILS(EBADF, read(-1, buf, 1));
	FAILS(EBADF, read(1 << 30, buf, 1));
	FAILS(EBADF, read(fd[1], buf, 1));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_bad_vector_fails_with_EINVAL)
{
	struct iovec iov = { buf, (size_t)-1 };

	open_pipe(fd);
	FAILS(EINVAL, readv(fd[0], &iov, 1));
	FAILS(EINVAL, readv(fd[0], &iov, minus_one));
	FAILS(EINVAL, readv(fd[0], &iov, too_many));
	FAILS(EOPNOTSUPP, preadv2(fd[0], &(struct iovec){ buf, 1 }, 1, -1, 1 << 20));
}
END_TEST

START_TEST(an_application_s_O_NONBLOCK_is_respected)
{
	struct iovec iov = { buf, sizeof(buf) };

	open_kind(_i);
	set_nonblocking(fd[0], true);
	FAILS(EAGAIN, read(fd[0], buf, sizeof(buf)));
	FAILS(EAGAIN, readv(fd[0], &iov, 1));
	FAILS(EAGAIN, preadv2(fd[0], &iov, 1, -1, 0));
	ck_assert_uint_eq(waits(), 0);
	set_nonblocking(fd[0], false);
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	assert_waited();
}
END_TEST

static void see_that_it_blocks(void)
{
	ck_assert(!is_nonblocking(fd[0]));
	ck_assert(!is_nonblocking(fd[1]));
	say_hello();
}

START_TEST(O_NONBLOCK_is_not_set_while_a_read_waits)
{
	open_kind(_i);
	other_side(_i, see_that_it_blocks);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert(!is_nonblocking(fd[0]));
	ck_assert(!is_nonblocking(fd[1]));
}
END_TEST

START_TEST(regular_files_are_read_as_ever)
{
	int file = open("/proc/self/exe", O_RDONLY);
	struct iovec iov = { buf, 4 };

	ck_assert_int_ge(file, 0);
	OK(4, read(file, buf, 4));
	ck_assert_mem_eq(buf, "\177ELF", 4);
	OK(4, preadv2(file, &iov, 1, 0, 0));
	ck_assert_mem_eq(buf, "\177ELF", 4);
	OK(4, preadv2(file, &iov, 1, -1, 0));
	ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 8);
	lseek(file, 0, SEEK_END);
	OK(0, read(file, buf, 4));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

Suite *read_suite(void)
{
	Suite *suite = suite_create("read");
	TCase *tcase = way_case(suite, "read");

	each_kind(tcase, read_waits_for_data, 0);
	each_kind(tcase, readv_waits_and_scatters, 0);
	each_kind(tcase, preadv2_at_the_current_position_waits, 0);
	each_kind(tcase, preadv2_with_RWF_NOWAIT_never_waits, 0);
	each_kind(tcase, preadv2_at_a_position_of_a_stream_fails, 0);
	each_kind(tcase, a_read_takes_what_is_there_without_waiting, 0);
	each_kind(tcase, a_short_read_leaves_the_rest_of_a_stream, 0);
	each_kind(tcase, a_read_of_nothing_returns_at_once, 0);
	each_kind(tcase, a_read_ends_when_the_writer_goes, HANGS_UP);
	each_kind(tcase, a_read_from_a_terminal_ends_when_the_other_end_goes, TTY);
	if (!is_emulated())
		each_kind(tcase, a_bad_buffer_fails_with_EFAULT, 0);
	each_kind(tcase, an_application_s_O_NONBLOCK_is_respected, 0);
	each_kind(tcase, O_NONBLOCK_is_not_set_while_a_read_waits, 0);
	tcase_add_test(tcase, a_fd_that_is_not_open_fails_with_EBADF);
	if (!is_emulated())
		tcase_add_test(tcase, a_bad_vector_fails_with_EINVAL);
	tcase_add_test(tcase, regular_files_are_read_as_ever);
	return suite;
}
