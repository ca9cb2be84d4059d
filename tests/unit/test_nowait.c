/* SPDX-License-Identifier: MIT */
/* src/os/linux/nowait.c: tries that never block, on every stream, with and without RWF_NOWAIT. */
#include "os/linux/nowait.h"
#include "real.h"
#include "support.h"

#include <netinet/in.h>

static void open_pty_upward(int both[2])
{
	int down[2];

	open_pty(down);
	both[0] = down[1];
	both[1] = down[0];
}

static void (*const streams[])(int ends[2]) = {
	open_pipe, open_fifo, open_unix, open_tcp, open_pty, open_pty_upward,
};

/* Each as the kernel does it, and as if it refused RWF_NOWAIT. A terminal breaks in no way. */
enum { STREAMS = 2 * sizeof(streams) / sizeof(streams[0]), BREAKABLE = 2 * 4 };

static int ends[2];

static struct mpg_fd *entry_of(int fd)
{
	mpg_fd_examine(fd, mpg_fd_entry(fd));
	return mpg_fd_entry(fd);
}

static void open_stream(int i)
{
	streams[i / 2](ends);
	for (int end = 0; end < 2; end++)
		if (i % 2)
			atomic_fetch_or(&entry_of(ends[end])->state,
					MPG_FD_NO_NOWAIT_READ | MPG_FD_NO_NOWAIT_WRITE);
		else
			entry_of(ends[end]);
}

static ssize_t try_read(int fd, void *buf, size_t len)
{
	const struct iovec iov = { buf, len };

	errno = 0;
	return mpg_nowait_readv(mpg_fd_entry(fd), fd, &iov, 1, 0);
}

static ssize_t try_write(int fd, const void *buf, size_t len, bool more)
{
	const struct iovec iov = { (void *)buf, len };

	errno = 0;
	return mpg_nowait_writev(mpg_fd_entry(fd), fd, &iov, 1, 0, more);
}

START_TEST(reading_where_nothing_is_there_says_eagain)
{
	char byte;

	open_stream(_i);
	ck_assert_int_eq(try_read(ends[0], &byte, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert(!(REAL(fcntl)(ends[0], F_GETFL) & O_NONBLOCK));
}
END_TEST

START_TEST(reading_gives_what_is_there)
{
	char bytes[8];

	open_stream(_i);
	ck_assert_int_eq(REAL(write)(ends[1], "abc", 3), 3);
	ck_assert_int_eq(poll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, -1), 1);
	ck_assert_int_eq(try_read(ends[0], bytes, sizeof(bytes)), 3);
	ck_assert_mem_eq(bytes, "abc", 3);
}
END_TEST

START_TEST(reading_scatters_over_the_whole_vector)
{
	char a[2], b[4];
	const struct iovec iov[] = { { a, 2 }, { NULL, 0 }, { b, 4 } };

	open_stream(_i);
	ck_assert_int_eq(REAL(write)(ends[1], "abcd", 4), 4);
	ck_assert_int_eq(poll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, -1), 1);
	ck_assert_int_eq(mpg_nowait_readv(mpg_fd_entry(ends[0]), ends[0], iov, 3, 0), 4);
	ck_assert_mem_eq(a, "ab", 2);
	ck_assert_mem_eq(b, "cd", 2);
}
END_TEST

START_TEST(reading_nothing_from_an_empty_stream_is_done_at_once)
{
	char byte;

	open_stream(_i);
	ck_assert_int_eq(try_read(ends[0], &byte, 0), 0);
}
END_TEST

START_TEST(writing_where_no_room_is_left_says_eagain)
{
	open_stream(_i);
	fill_up(ends[1]);
	ck_assert_int_eq(try_write(ends[1], "x", 1, false), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert(!(REAL(fcntl)(ends[1], F_GETFL) & O_NONBLOCK));
}
END_TEST

START_TEST(writing_more_than_fits_writes_what_fits)
{
	static const char much[8 << 20];
	ssize_t n;

	open_stream(_i);
	n = try_write(ends[1], much, sizeof(much), false);
	ck_assert_int_gt(n, 0);
	ck_assert_int_lt(n, (ssize_t)sizeof(much));
}
END_TEST

START_TEST(writing_gathers_from_the_whole_vector_in_order)
{
	const struct iovec iov[] = { { (char[]){ 'a', 'b' }, 2 },
				     { NULL, 0 },
				     { (char[]){ 'c' }, 1 } };
	char bytes[3];

	open_stream(_i);
	ck_assert_int_eq(mpg_nowait_writev(mpg_fd_entry(ends[1]), ends[1], iov, 3, 0, false), 3);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(REAL(read)(ends[0], bytes + i, 1), 1);
	ck_assert_mem_eq(bytes, "abc", 3);
}
END_TEST

START_TEST(writing_nothing_is_done_at_once_even_without_room)
{
	open_stream(_i);
	fill_up(ends[1]);
	ck_assert_int_eq(try_write(ends[1], "", 0, false), 0);
}
END_TEST

START_TEST(a_short_write_to_a_fifo_is_whole_or_not_at_all)
{
	char page[PIPE_BUF] = { 0 };

	open_stream(2 + 1);
	fill_up(ends[1]);
	read_a_byte(ends[0]);
	ck_assert_int_eq(try_write(ends[1], page, sizeof(page), false), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(REAL(read)(ends[0], page, sizeof(page)), (ssize_t)sizeof(page));
	ck_assert_int_eq(try_write(ends[1], page, sizeof(page), false), (ssize_t)sizeof(page));
}
END_TEST

START_TEST(a_refusal_of_rwf_nowait_is_remembered)
{
	char byte;
	struct mpg_fd *entry;

	open_pty(ends);
	entry = entry_of(ends[0]);
	try_read(ends[0], &byte, 1);
	ck_assert(mpg_fd_state(entry) & (MPG_FD_NO_NOWAIT_READ | MPG_FD_NO_NOWAIT_WRITE));
}
END_TEST

START_TEST(a_terminal_with_no_minimum_reads_nothing_at_once)
{
	struct termios t;
	char byte;

	open_pty(ends);
	entry_of(ends[0]);
	tcgetattr(ends[0], &t);
	t.c_cc[VMIN] = t.c_cc[VTIME] = 0;
	tcsetattr(ends[0], TCSANOW, &t);
	ck_assert_int_eq(try_read(ends[0], &byte, 1), 0);
}
END_TEST

START_TEST(an_fd_that_is_not_green_is_read_and_written_as_libc_does)
{
	int fd = memfd_create("file", 0);
	char bytes[4];

	entry_of(fd);
	ck_assert_int_eq(try_write(fd, "abc", 3, false), 3);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(try_read(fd, bytes, sizeof(bytes)), 3);
	ck_assert_int_eq(try_read(fd, bytes, sizeof(bytes)), 0);
}
END_TEST

START_TEST(errors_are_those_of_libc)
{
	char byte;

	open_pipe(ends);
	entry_of(ends[0]);
	entry_of(ends[1]);
	ck_assert(try_write(ends[0], "x", 1, false) == -1 && errno == EBADF);
	ck_assert(try_read(ends[1], &byte, 1) == -1 && errno == EBADF);
	REAL(close)(ends[1]);
	ck_assert_int_eq(try_read(ends[0], &byte, 1), 0);
}
END_TEST

static volatile sig_atomic_t broken_pipes;

static void count_broken_pipe(int sig)
{
	(void)sig;
	broken_pipes++;
}

START_TEST(writing_where_nobody_reads_raises_sigpipe)
{
	open_stream(_i);
	signal(SIGPIPE, count_broken_pipe);
	REAL(close)(ends[0]);
	for (int i = 0; i < 1000 && errno != EPIPE && errno != ECONNRESET; i++)
		try_write(ends[1], "x", 1, false);
	if (errno == ECONNRESET)
		try_write(ends[1], "x", 1, false);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert_int_eq(broken_pipes, 1);
}
END_TEST

START_TEST(a_socket_raises_none_in_a_call_that_has_written_before)
{
	open_unix(ends);
	entry_of(ends[1]);
	signal(SIGPIPE, count_broken_pipe);
	REAL(close)(ends[0]);
	ck_assert(try_write(ends[1], "x", 1, true) == -1 && errno == EPIPE);
	ck_assert_int_eq(broken_pipes, 0);
}
END_TEST

SUITE_OF(nowait, { reading_where_nothing_is_there_says_eagain, STREAMS },
	 { reading_gives_what_is_there, STREAMS },
	 { reading_scatters_over_the_whole_vector, STREAMS },
	 { reading_nothing_from_an_empty_stream_is_done_at_once, STREAMS },
	 { writing_where_no_room_is_left_says_eagain, STREAMS },
	 { writing_more_than_fits_writes_what_fits, STREAMS },
	 { writing_gathers_from_the_whole_vector_in_order, STREAMS },
	 { writing_nothing_is_done_at_once_even_without_room, STREAMS },
	 { a_short_write_to_a_fifo_is_whole_or_not_at_all, 0 },
	 { a_refusal_of_rwf_nowait_is_remembered, 0 },
	 { a_terminal_with_no_minimum_reads_nothing_at_once, 0 },
	 { an_fd_that_is_not_green_is_read_and_written_as_libc_does, 0 },
	 { errors_are_those_of_libc, 0 }, { writing_where_nobody_reads_raises_sigpipe, BREAKABLE },
	 { a_socket_raises_none_in_a_call_that_has_written_before, 0 })
