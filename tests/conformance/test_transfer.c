/* SPDX-License-Identifier: MIT */
/*
 * sendfile, splice, tee: bytes that never come to user space.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "way.h"

enum { SIZE = 12 << 20 };	/* more than the buffers of a TCP connection grow to at once */

static char *data;
static size_t received;
static bool intact;
static int from[2];

static int make_file(void)
{
	int file = memfd_create("data", 0);

	data = malloc(SIZE);
	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = i % 251;
	ck_assert_int_eq(write(file, data, SIZE), SIZE);
	lseek(file, 0, SEEK_SET);

	return file;
}

static void take_all(void)
{
	char piece[1 << 16];
	ssize_t n;

	intact = true;
	while (received < SIZE && (n = read(fd[0], piece, sizeof(piece))) > 0) {
		intact = intact && memcmp(piece, data + received, n) == 0;
		received += n;
	}
}

START_TEST(sendfile_sends_all_of_it)
{
	int file = make_file();

	open_kind(_i);
	other_side(_i, take_all);
	OK(SIZE, sendfile(fd[1], file, NULL, SIZE));
	ck_assert_int_eq(lseek(file, 0, SEEK_CUR), SIZE);
	other_side_join();
	ck_assert_uint_eq(received, SIZE);
	ck_assert(intact);
	assert_waited();
}
END_TEST

START_TEST(sendfile_from_an_offset_moves_the_offset_alone)
{
	int file = make_file();
	off_t offset = 0;

	open_kind(_i);
	other_side(_i, take_all);
	OK(SIZE, sendfile(fd[1], file, &offset, SIZE + 100));
	ck_assert_int_eq(offset, SIZE);
	ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 0);
	OK(0, sendfile(fd[1], file, &offset, 1));
	other_side_join();
	ck_assert_uint_eq(received, SIZE);
	ck_assert(intact);
}
END_TEST

static void make_room(void)
{
	static char piece[1 << 20];

	ck_assert_int_gt(read(fd[0], piece, sizeof(piece)), 0);
}

START_TEST(sendfile_waits_for_room_in_a_pipe)
{
	int file = make_file();
	ssize_t n;

	open_kind(_i);
	fill(fd[1]);
	other_side(_i, make_room);
	n = sendfile(fd[1], file, NULL, SIZE);
	ck_assert(n > 0 && n < SIZE);
	ck_assert_int_eq(lseek(file, 0, SEEK_CUR), n);
	assert_waited();
}
END_TEST

START_TEST(sendfile_to_a_file_never_waits)
{
	int file = make_file(), copy = memfd_create("copy", 0);
	off64_t offset = SIZE - 7;

	OK(SIZE, sendfile(copy, file, NULL, SIZE));
	OK(7, sendfile64(copy, file, &offset, 100));
	FAILS(EBADF, sendfile(-1, file, NULL, 1));
	FAILS(EBADF, sendfile(copy, -1, NULL, 1));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(sendfile_respects_an_application_s_O_NONBLOCK)
{
	int file = make_file();
	ssize_t n;

	open_kind(_i);
	set_nonblocking(fd[1], true);
	n = sendfile(fd[1], file, NULL, SIZE);
	ck_assert(n > 0 && n < SIZE);
	while (sendfile(fd[1], file, NULL, SIZE) > 0)
		continue;
	FAILS(EAGAIN, sendfile(fd[1], file, NULL, SIZE));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

static void feed(void)
{
	ck_assert_int_eq(write(from[1], "hello", 5), 5);
}

START_TEST(splice_waits_for_input)
{
	char buf[8];

	open_pipe(from);
	open_kind(_i);
	other_side(_i, feed);
	OK(5, splice(from[0], NULL, fd[1], NULL, 100, 0));
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_mem_eq(buf, "hello", 5);
	assert_waited();
}
END_TEST

static void feed_the_socket(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

START_TEST(splice_waits_for_a_socket)
{
	char buf[8];

	open_pipe(from);
	open_kind(_i);
	other_side(_i, feed_the_socket);
	OK(5, splice(fd[0], NULL, from[1], NULL, 100, 0));
	OK(5, read(from[0], buf, sizeof(buf)));
	ck_assert_mem_eq(buf, "hello", 5);
	assert_waited();
}
END_TEST

START_TEST(splice_waits_for_room_in_a_pipe)
{
	open_pipe(from);
	open_pipe(fd);
	feed();
	fill(fd[1]);
	other_side(_i, make_room);
	OK(5, splice(from[0], NULL, fd[1], NULL, 5, 0));
	assert_waited();
}
END_TEST

START_TEST(splice_with_SPLICE_F_NONBLOCK_never_waits)
{
	open_pipe(from);
	open_pipe(fd);
	FAILS(EAGAIN, splice(from[0], NULL, fd[1], NULL, 5, SPLICE_F_NONBLOCK));
	FAILS(EAGAIN, tee(from[0], fd[1], 5, SPLICE_F_NONBLOCK));
	feed();
	fill(fd[1]);
	FAILS(EAGAIN, splice(from[0], NULL, fd[1], NULL, 5, SPLICE_F_NONBLOCK));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

static void close_the_input(void)
{
	close(from[1]);
}

START_TEST(splice_and_tee_end_when_the_writer_goes)
{
	open_pipe(from);
	open_pipe(fd);
	other_side(_i, close_the_input);
	OK(0, splice(from[0], NULL, fd[1], NULL, 5, 0));
	assert_waited();
	OK(0, tee(from[0], fd[1], 5, 0));
	OK(0, splice(from[0], NULL, fd[1], NULL, 0, 0));
}
END_TEST

START_TEST(splice_moves_between_a_file_and_a_pipe)
{
	int file = make_file();
	loff_t at = 251;
	char buf[8];

	open_pipe(fd);
	OK(5, splice(file, &at, fd[1], NULL, 5, 0));
	ck_assert_int_eq(at, 256);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_mem_eq(buf, data, 5);
	FAILS(EINVAL, splice(file, NULL, file, NULL, 5, 0));
	FAILS(EBADF, splice(-1, NULL, fd[1], NULL, 5, 0));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(tee_waits_for_input_and_leaves_it)
{
	char buf[8];

	open_pipe(from);
	open_pipe(fd);
	other_side(_i, feed);
	OK(5, tee(from[0], fd[1], 100, 0));
	assert_waited();
	OK(5, read(from[0], buf, sizeof(buf)));
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_mem_eq(buf, "hello", 5);
}
END_TEST

/* It fills the pipe once and does not wait for the reader, but for the first page it does. */
START_TEST(vmsplice_waits_for_room)
{
	struct iovec iov[2];
	ssize_t n;

	make_file();
	iov[0] = (struct iovec){ data, 4097 };
	iov[1] = (struct iovec){ data + 4097, SIZE - 4097 };
	open_kind(_i);
	fill(fd[1]);
	FAILS(EAGAIN, vmsplice(fd[1], iov, 1, SPLICE_F_NONBLOCK));
	FAILS(EBADF, vmsplice(-1, iov, 1, 0));
	ck_assert_uint_eq(waits(), 0);
	other_side(_i, make_room);
	n = vmsplice(fd[1], iov, 2, 0);
	ck_assert(n > 0 && n < SIZE);
	assert_waited();
}
END_TEST

START_TEST(vmsplice_out_of_a_pipe_waits_for_input)
{
	char buf[8];
	struct iovec iov = { buf, sizeof(buf) };

	open_pipe(from);
	other_side(_i, feed);
	OK(5, vmsplice(from[0], &iov, 1, 0));
	ck_assert_mem_eq(buf, "hello", 5);
	assert_waited();
}
END_TEST

Suite *transfer_suite(void)
{
	Suite *suite = suite_create("transfer");
	TCase *tcase = way_case(suite, "transfer");

	each_kind(tcase, sendfile_sends_all_of_it, STREAM | SOCKET);
	each_kind(tcase, sendfile_from_an_offset_moves_the_offset_alone, STREAM | SOCKET);
	each_kind(tcase, sendfile_waits_for_room_in_a_pipe, PIPE);
	each_kind(tcase, sendfile_respects_an_application_s_O_NONBLOCK, STREAM | AT_ONCE);
	each_kind(tcase, splice_waits_for_input, STREAM | HANGS_UP);
	each_kind(tcase, splice_waits_for_a_socket, STREAM | SOCKET);
	each_kind(tcase, vmsplice_waits_for_room, PIPE);
	each_side(tcase, vmsplice_out_of_a_pipe_waits_for_input);
	each_side(tcase, splice_waits_for_room_in_a_pipe);
	each_side(tcase, splice_and_tee_end_when_the_writer_goes);
	each_side(tcase, tee_waits_for_input_and_leaves_it);
	tcase_add_test(tcase, sendfile_to_a_file_never_waits);
	tcase_add_test(tcase, splice_with_SPLICE_F_NONBLOCK_never_waits);
	tcase_add_test(tcase, splice_moves_between_a_file_and_a_pipe);
	return suite;
}
