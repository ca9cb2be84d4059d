/* SPDX-License-Identifier: MIT */
/*
 * The life of an fd: however it came about, reading from it waits; however it goes, it is gone.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static char buf[16];

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static void assert_read_waits(int i, int end)
{
	uint64_t before = waits();

	other_side(i, say_hello);
	OK(5, read(end, buf, sizeof(buf)));
	other_side_join();
	ck_assert_uint_eq(waits() > before, green());
}

START_TEST(every_copy_of_an_fd_waits)
{
	int copy;

	open_kind(_i);
	copy = dup(fd[0]);
	assert_read_waits(_i, copy);
	ck_assert_int_eq(dup2(fd[0], 60), 60);
	assert_read_waits(_i, 60);
	ck_assert_int_eq(dup2(60, 60), 60);
	assert_read_waits(_i, 60);
	ck_assert_int_eq(dup3(fd[0], 61, O_CLOEXEC), 61);
	assert_read_waits(_i, 61);
	copy = fcntl(fd[0], F_DUPFD, 70);
	ck_assert_int_ge(copy, 70);
	assert_read_waits(_i, copy);
	copy = fcntl64(fd[0], F_DUPFD_CLOEXEC, 80);
	ck_assert_int_ge(copy, 80);
	ck_assert_int_eq(fcntl(copy, F_GETFD), FD_CLOEXEC);
	assert_read_waits(_i, copy);
}
END_TEST

START_TEST(a_copy_takes_the_place_of_another_kind_of_file)
{
	int file = open("/proc/self/exe", O_RDONLY);

	open_pipe(fd);
	OK(4, read(file, buf, 4));
	ck_assert_int_eq(dup2(fd[0], file), file);
	assert_read_waits(_i, file);
	ck_assert_int_eq(close(file), 0);
	ck_assert_int_eq(open("/proc/self/exe", O_RDONLY), file);
	OK(4, read(file, buf, 4));
}
END_TEST

START_TEST(an_fd_that_was_there_before_waits)
{
	open_pipe(fd);
	ck_assert_int_eq(syscall(SYS_dup3, fd[0], 77, 0), 77);
	assert_read_waits(_i, 77);
}
END_TEST

START_TEST(pipe2_and_socket_take_their_flags)
{
	int ends[2], end;

	ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	FAILS(EAGAIN, read(ends[0], buf, 1));
	ck_assert_int_eq(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	FAILS(EAGAIN, read(ends[0], buf, 1));
	end = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	FAILS(EAGAIN, recv(end, buf, 1, 0));
	FAILS(EINVAL, pipe2(ends, 1));
	FAILS(EAFNOSUPPORT, socket(4711, SOCK_STREAM, 0));
	FAILS(EOPNOTSUPP, socketpair(AF_INET, SOCK_STREAM, 0, ends));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(O_NONBLOCK_is_the_application_s)
{
	int on = 1, off = 0;

	open_kind(_i);
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	FAILS(EAGAIN, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_eq(ioctl(fd[0], FIONBIO, &off), 0);
	ck_assert(!is_nonblocking(fd[0]));
	assert_read_waits(_i, fd[0]);
	ck_assert_int_eq(ioctl(fd[0], FIONBIO, &on), 0);
	ck_assert(is_nonblocking(fd[0]));
	FAILS(EAGAIN, read(fd[0], buf, sizeof(buf)));
}
END_TEST

START_TEST(ioctl_and_fcntl_pass_their_arguments)
{
	int n = 0;

	open_pipe(fd);
	say_hello();
	OK(0, ioctl(fd[0], FIONREAD, &n));
	ck_assert_int_eq(n, 5);
	OK(FD_CLOEXEC, (fcntl(fd[0], F_SETFD, FD_CLOEXEC), fcntl(fd[0], F_GETFD)));
	ck_assert_int_ge(fcntl(fd[0], F_SETPIPE_SZ, 8192), 8192);
	ck_assert_int_ge(fcntl(fd[0], F_GETPIPE_SZ), 8192);
	FAILS(EBADF, fcntl(-1, F_GETFL));
	FAILS(ENOTTY, ioctl(fd[0], TIOCGWINSZ, buf));
	FAILS(EINVAL, fcntl(fd[0], 4711));
}
END_TEST

static bool is_open(int end)
{
	return syscall(SYS_fcntl, end, F_GETFD) >= 0;
}

START_TEST(closed_means_closed)
{
	int ends[2];

	open_pipe(fd);
	OK(0, close(fd[0]));
	FAILS(EBADF, close(fd[0]));
	FAILS(EBADF, close(-1));
	FAILS(EBADF, dup(fd[0]));
	FAILS(EBADF, dup2(fd[0], 60));
	FAILS(EINVAL, dup3(fd[1], fd[1], 0));
	FAILS(EBADF, read(fd[0], buf, 1));
	ck_assert_int_eq(dup2(fd[1], 200), 200);
	ck_assert_int_eq(dup2(fd[1], 201), 201);
	OK(0, close_range(200, 201, CLOSE_RANGE_CLOEXEC));
	ck_assert(is_open(200) && is_open(201));
	OK(0, close_range(200, 200, 0));
	ck_assert(!is_open(200) && is_open(201));
	FAILS(EINVAL, close_range(201, 200, 0));
	closefrom(201);
	ck_assert(!is_open(201) && is_open(fd[1]));
	open_pipe(ends);
	ck_assert_int_eq(ends[0], fd[0]);
}
END_TEST

START_TEST(fclose_frees_the_number)
{
	FILE *stream;
	int old;

	open_pipe(fd);
	assert_read_waits(_i, fd[0]);
	stream = fdopen(fd[0], "r");
	old = fd[0];
	OK(0, fclose(stream));
	ck_assert(!is_open(old));
	ck_assert_int_eq(open("/proc/self/exe", O_RDONLY), old);
	OK(4, read(old, buf, 4));
	ck_assert_mem_eq(buf, "\177ELF", 4);
}
END_TEST

START_TEST(a_high_number_is_like_any_other)
{
	static const int numbers[] = { 1023, 1024, 65535, 65536, 200000 };
	int high = numbers[_i / other_sides()];
	struct rlimit limit = { high + 10, high + 10 };

	open_pipe(fd);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if ((rlim_t)high >= limit.rlim_cur) {
		FAILS(EBADF, dup2(fd[0], high));
		return;
	}
	ck_assert_int_eq(dup2(fd[0], high), high);
	assert_read_waits(_i, high);
	OK(0, close(high));
	FAILS(EBADF, read(high, buf, 1));
}
END_TEST

START_TEST(marks_follow_the_kind_of_file)
{
	int file = open("/proc/self/exe", O_RDONLY);

	open_kind(_i);
	if (way == FIBERS) {
		ck_assert_int_eq(mpgreen_marks(fd[0]), MPGREEN_GREEN);
		ck_assert_int_eq(mpgreen_marks(file), 0);
	}
	ck_assert_int_eq(mpgreen_unmark(fd[0]), 0);
	ck_assert_int_eq(mpgreen_marks(fd[0]), 0);
	other_side(0, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_uint_eq(waits(), 0);
	ck_assert_int_eq(mpgreen_mark(fd[0], 0), 0);
	ck_assert_int_eq(mpgreen_marks(fd[0]), MPGREEN_GREEN);
	assert_read_waits(_i, fd[0]);
	ck_assert_int_eq(mpgreen_mark(file, 0), -EPERM);
}
END_TEST

START_TEST(MPGREEN_ALWAYS_waits_in_spite_of_O_NONBLOCK)
{
	open_kind(_i);
	set_nonblocking(fd[0], true);
	ck_assert_int_eq(mpgreen_mark(fd[0], MPGREEN_ALWAYS), 0);
	ck_assert_int_eq(mpgreen_marks(fd[0]), MPGREEN_GREEN | MPGREEN_ALWAYS);
	if (green())
		assert_read_waits(_i, fd[0]);
	else
		FAILS(EAGAIN, read(fd[0], buf, sizeof(buf)));
	ck_assert(is_nonblocking(fd[0]));
}
END_TEST

START_TEST(marks_end_with_the_fd)
{
	open_pipe(fd);
	ck_assert_int_eq(mpgreen_unmark(fd[0]), 0);
	close(fd[0]);
	ck_assert_int_eq(mpgreen_marks(fd[0]), -EBADF);
	close(fd[1]);
	open_pipe(fd);
	assert_read_waits(_i, fd[0]);
}
END_TEST

Suite *fd_suite(void)
{
	Suite *suite = suite_create("fd");
	TCase *tcase = way_case(suite, "fd");

	each_kind(tcase, every_copy_of_an_fd_waits, 0);
	each_kind(tcase, O_NONBLOCK_is_the_application_s, 0);
	each_kind(tcase, marks_follow_the_kind_of_file, 0);
	each_kind(tcase, MPGREEN_ALWAYS_waits_in_spite_of_O_NONBLOCK, 0);
	each_row(tcase, a_high_number_is_like_any_other, 5);
	each_side(tcase, a_copy_takes_the_place_of_another_kind_of_file);
	each_side(tcase, an_fd_that_was_there_before_waits);
	each_side(tcase, fclose_frees_the_number);
	each_side(tcase, marks_end_with_the_fd);
	tcase_add_test(tcase, pipe2_and_socket_take_their_flags);
	tcase_add_test(tcase, ioctl_and_fcntl_pass_their_arguments);
	tcase_add_test(tcase, closed_means_closed);
	return suite;
}
