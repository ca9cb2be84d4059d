/* SPDX-License-Identifier: MIT */
/*
 * What happens to a call when its fd goes away under it. Linux lets the blocked call of plain libc
 * sleep on, on a file that no number leads to any more; a green call ends with EBADF.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static char buf[16];
static FILE *stream;
static int other[2];

static void wake_up_the_native_reader(void)
{
	if (!green())
		ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static void close_it(void)
{
	ck_assert_int_eq(close(fd[0]), 0);
	wake_up_the_native_reader();
}

static void replace_it(void)
{
	ck_assert_int_eq(dup2(other[0], fd[0]), fd[0]);
	wake_up_the_native_reader();
}

static void replace_it_by_dup3(void)
{
	ck_assert_int_eq(dup3(other[0], fd[0], O_CLOEXEC), fd[0]);
	wake_up_the_native_reader();
}

static void close_the_range(void)
{
	ck_assert_int_eq(close_range(fd[0], fd[0], 0), 0);
	wake_up_the_native_reader();
}

static void close_the_stream(void)
{
	ck_assert_int_eq(fclose(stream), 0);
	wake_up_the_native_reader();
}

static void close_and_reuse_it(void)
{
	close_it();
	ck_assert_int_eq(dup2(other[0], fd[0]), fd[0]);
}

static void (*const ways_to_go[])(void) = {
	close_it,	 replace_it,	   replace_it_by_dup3,
	close_the_range, close_the_stream, close_and_reuse_it,
};
enum { WAYS_TO_GO = sizeof(ways_to_go) / sizeof(ways_to_go[0]) };

static void assert_ended(ssize_t n)
{
	int error = errno;

	if (green()) {
		ck_assert_int_eq(n, -1);
		ck_assert_int_eq(error, EBADF);
	} else {
		ck_assert_int_eq(n, 5);
	}
	assert_waited();
}

START_TEST(a_read_ends_when_its_fd_goes)
{
	open_pipe(fd);
	open_pipe(other);
	ck_assert_int_eq(write(other[1], "other", 5), 5);
	stream = fdopen(fd[0], "r");
	other_side(_i, ways_to_go[_i / other_sides()]);
	assert_ended(read(fd[0], buf, sizeof(buf)));
	if (!green())
		ck_assert_mem_eq(buf, "hello", 5);
}
END_TEST

START_TEST(a_recv_ends_when_its_fd_is_closed)
{
	open_kind(_i);
	other_side(_i, close_it);
	assert_ended(recv(fd[0], buf, sizeof(buf), 0));
}
END_TEST

static void close_the_listener(void)
{
	close(fd[0]);
	if (!green())
		ck_assert_int_eq(shutdown(other[0], SHUT_RDWR), 0);
}

START_TEST(an_accept_ends_when_its_fd_is_closed)
{
	struct sockaddr_storage addr;
	socklen_t len;

	fd[0] = listen_tcp(&addr, &len, 1);
	other[0] = dup(fd[0]);
	other_side(_i, close_the_listener);
	FAILS(green() ? EBADF : EINVAL, accept(fd[0], NULL, NULL));
	assert_waited();
}
END_TEST

static void close_the_writer(void)
{
	static char piece[1 << 20];

	close(fd[1]);
	if (!green())
		ck_assert_int_gt(read(fd[0], piece, sizeof(piece)), 0);
}

START_TEST(a_write_ends_when_its_fd_is_closed)
{
	open_kind(_i);
	fill(fd[1]);
	other_side(_i, close_the_writer);
	if (green())
		FAILS(EBADF, write(fd[1], "x", 1));
	else
		OK(1, write(fd[1], "x", 1));
	assert_waited();
}
END_TEST

static void close_a_member(void)
{
	close(fd[0]);
	if (!green())
		ck_assert_int_eq(write(other[1], "x", 1), 1);
}

/* The kernel looks at the set again only when another fd wakes it. */
START_TEST(a_poll_notices_that_an_fd_was_closed)
{
	struct pollfd set[2];

	open_pipe(fd);
	open_pipe(other);
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	set[1] = (struct pollfd){ other[0], POLLIN, 0 };
	other_side(_i, close_a_member);
	OK(green() ? 1 : 2, poll(set, 2, -1));
	ck_assert_int_eq(set[0].revents, POLLNVAL);
	ck_assert_int_eq(set[1].revents, green() ? 0 : POLLIN);
	assert_waited();
}
END_TEST

START_TEST(a_reused_number_is_a_new_fd)
{
	char more[16];

	open_pipe(fd);
	for (int i = 0; i < 20; i++) {
		int old = fd[0];

		other_side(_i, close_it);
		assert_ended(read(fd[0], buf, sizeof(buf)));
		other_side_join();
		close(fd[1]);
		open_pipe(fd);
		ck_assert_int_eq(fd[0], old);
		ck_assert_int_eq(write(fd[1], "fresh", 5), 5);
		OK(5, read(fd[0], more, sizeof(more)));
		ck_assert_mem_eq(more, "fresh", 5);
	}
}
END_TEST

/* A file of another kind under the same number is treated as what it is. */
START_TEST(a_number_reused_behind_our_back_does_no_harm)
{
	int file;

	open_pipe(fd);
	other_side(_i, wake_up_the_native_reader);
	if (!green())
		OK(5, read(fd[0], buf, sizeof(buf)));
	other_side_join();
	ck_assert_int_eq(syscall(SYS_close, fd[0]), 0);
	file = syscall(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY);
	ck_assert_int_eq(file, fd[0]);
	OK(4, read(file, buf, 4));
	ck_assert_mem_eq(buf, "\177ELF", 4);
	OK(4, read(file, buf, 4));
	ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 8);
	ck_assert_int_eq(lseek(file, 0, SEEK_END) > 0, true);
	OK(0, read(file, buf, 4));
}
END_TEST

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

START_TEST(a_file_number_reused_behind_our_back_by_a_pipe_waits)
{
	int file = open("/proc/self/exe", O_RDONLY), ends[2];

	OK(4, read(file, buf, 4));
	ck_assert_int_eq(syscall(SYS_close, file), 0);
	ck_assert_int_eq(syscall(SYS_pipe2, ends, 0), 0);
	ck_assert_int_eq(ends[0], file);
	fd[0] = ends[0];
	fd[1] = ends[1];
	other_side(0, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_mem_eq(buf, "hello", 5);
}
END_TEST

static void wake_with_an_error(void)
{
	int n = mpgreen_wake(fd[0], EIO);

	ck_assert_int_eq(n, green() ? 1 : 0);
	wake_up_the_native_reader();
}

START_TEST(mpgreen_wake_ends_a_wait_with_its_error)
{
	open_kind(_i);
	other_side(_i, wake_with_an_error);
	if (green())
		FAILS(EIO, read(fd[0], buf, sizeof(buf)));
	else
		OK(5, read(fd[0], buf, sizeof(buf)));
	assert_waited();
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
}
END_TEST

Suite *close_suite(void)
{
	Suite *suite = suite_create("close");
	TCase *tcase = way_case(suite, "close");

	each_row(tcase, a_read_ends_when_its_fd_goes, WAYS_TO_GO);
	each_kind(tcase, a_recv_ends_when_its_fd_is_closed, SOCKET);
	each_kind(tcase, a_write_ends_when_its_fd_is_closed, PIPE);
	each_kind(tcase, mpgreen_wake_ends_a_wait_with_its_error, 0);
	each_side(tcase, an_accept_ends_when_its_fd_is_closed);
	each_side(tcase, a_poll_notices_that_an_fd_was_closed);
	each_side(tcase, a_reused_number_is_a_new_fd);
	each_side(tcase, a_number_reused_behind_our_back_does_no_harm);
	tcase_add_test(tcase, a_file_number_reused_behind_our_back_by_a_pipe_waits);
	return suite;
}
