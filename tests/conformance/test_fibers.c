/* SPDX-License-Identifier: MIT */
/*
 * Two at once: fibers of one thread in the FIBERS way, threads in the others.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static char notes[16];
static _Atomic int n_notes;
static int other[2];
static bool stop;

static void note(char c)
{
	notes[n_notes++] = c;
}

static char read_one(void)
{
	char byte;

	ck_assert_int_eq(read(fd[0], &byte, 1), 1);
	return byte;
}

static void read_second(void)
{
	note(read_one());
}

static void write_two(void)
{
	ck_assert_int_eq(write(fd[1], "1", 1), 1);
	settle();
	ck_assert_int_eq(write(fd[1], "2", 1), 1);
}

/* The fiber reads first, since it came first; then the one that was spawned after it. */
START_TEST(two_readers_of_one_fd_are_served_in_order)
{
	open_kind(_i);
	fibers_spawn(read_second);
	other_side(_i, write_two);
	note(read_one());
	other_side_join();
	ck_assert_str_eq(notes, "12");
	ck_assert_uint_ge(waits(), 2);
}
END_TEST

enum { BLOCK = 4096, BLOCKS = 64 };

static void write_blocks(char c)
{
	char block[BLOCK];

	memset(block, c, sizeof(block));
	for (int i = 0; i < BLOCKS; i++)
		ck_assert_int_eq(write(fd[1], block, sizeof(block)), sizeof(block));
}

static void write_other_blocks(void)
{
	write_blocks('b');
}

static int blocks[2];

static void read_blocks(void)
{
	char block[BLOCK];

	for (int i = 0; i < 2 * BLOCKS; i++) {
		for (size_t got = 0; got < sizeof(block);) {
			ssize_t n = read(fd[0], block + got, sizeof(block) - got);

			ck_assert_int_gt(n, 0);
			got += n;
		}
		ck_assert_mem_eq(block, block + 1, sizeof(block) - 1);
		blocks[block[0] == 'b']++;
	}
}

/* POSIX: up to PIPE_BUF bytes are written in one piece, or not yet. */
START_TEST(blocks_of_two_writers_are_not_mixed)
{
	open_kind(_i);
	other_side(other_sides() - 1, write_other_blocks);
	other_side(_i, read_blocks);
	write_blocks('a');
	other_side_join();
	ck_assert_int_eq(blocks[0], BLOCKS);
	ck_assert_int_eq(blocks[1], BLOCKS);
	assert_waited();
}
END_TEST

static void write_many(void)
{
	static char data[1 << 20];

	memset(data, 'b', sizeof(data));
	ck_assert_int_eq(write(fd[1], data, sizeof(data)), sizeof(data));
}

static size_t counts[2];

static void count_bytes(void)
{
	static char piece[1 << 16];

	while (counts[0] + counts[1] < 2 << 20) {
		ssize_t n = read(fd[0], piece, sizeof(piece));

		ck_assert_int_gt(n, 0);
		for (ssize_t i = 0; i < n; i++)
			counts[piece[i] == 'b']++;
	}
}

START_TEST(two_long_writes_to_one_fd_both_end)
{
	static char data[1 << 20];

	open_kind(_i);
	fibers_spawn(write_many);
	other_side(_i, count_bytes);
	OK(sizeof(data), write(fd[1], data, sizeof(data)));
	other_side_join();
	ck_assert_uint_eq(counts[0], sizeof(data));
	ck_assert_uint_eq(counts[1], sizeof(data));
}
END_TEST

static void write_back(void)
{
	ck_assert_int_eq(write(fd[0], "x", 1), 1);
	note(read_one());
}

START_TEST(a_reader_and_a_writer_share_one_socket)
{
	char byte;

	open_kind(_i);
	fibers_spawn(write_back);
	OK(1, read(fd[1], &byte, 1));
	OK(1, write(fd[1], "y", 1));
	other_side_join();
	ck_assert_str_eq(notes, "y");
}
END_TEST

static void pass_one_and_stop(void)
{
	char byte;

	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	ck_assert_int_eq(read(fd[0], &byte, 1), 1);
	stop = true;
}

/* Trap: the one that never waits must not keep the other from what is ready for it. */
START_TEST(an_fd_that_is_always_ready_does_not_starve_the_others)
{
	mpgreen_stats stats;
	char byte;

	open_kind(_i);
	other[0] = fd[0];
	other[1] = fd[1];
	open_pipe(fd);
	fibers_spawn(pass_one_and_stop);
	while (!stop) {
		OK(1, write(other[1], "x", 1));
		OK(1, read(other[0], &byte, 1));
	}
	mpgreen_stats_read(&stats, sizeof(stats));
	ck_assert_uint_ge(stats.yields, 1);
}
END_TEST

static void detach_beside_a_wait(void)
{
	ck_assert_int_eq(mpgreen_detach(), -EBUSY);
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
}

START_TEST(detach_is_refused_while_a_fiber_waits)
{
	open_pipe(fd);
	fibers_spawn(detach_beside_a_wait);
	ck_assert_int_eq(read_one(), 'x');
}
END_TEST

static void decline_and_read(void)
{
	fibers_decline(true);
	note(read_one());
	fibers_decline(false);
}

static void say_a(void)
{
	ck_assert_int_eq(write(fd[1], "a", 1), 1);
}

START_TEST(a_fiber_that_may_not_wait_blocks_the_thread)
{
	open_pipe(fd);
	other_side(0, say_a);
	decline_and_read();
	ck_assert_str_eq(notes, "a");
	ck_assert_uint_eq(fibers_waits(), 0);
}
END_TEST

static void sleep_and_note(void)
{
	usleep(20000);
	note('b');
}

START_TEST(sleeps_overlap)
{
	double began = now_ms();

	fibers_spawn(sleep_and_note);
	fibers_spawn(sleep_and_note);
	usleep(40000);
	note('a');
	other_side_join();
	ck_assert_str_eq(notes, "bba");
	ck_assert_double_lt(now_ms() - began, 75);
}
END_TEST

static void change_errno(void)
{
	char byte;

	ck_assert_int_eq(read(-1, &byte, 1), -1);
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	errno = ENOTTY;
}

START_TEST(errno_is_kept_while_another_fiber_runs)
{
	char byte;

	open_pipe(fd);
	fibers_spawn(change_errno);
	OK(1, read(fd[0], &byte, 1));
}
END_TEST

static void close_it(void)
{
	close(fd[0]);
}

START_TEST(the_scheduler_is_told_of_a_close_that_matters)
{
	char byte;
	int unused[2];
	unsigned before;

	open_pipe(fd);
	open_pipe(unused);
	fibers_spawn(close_it);
	before = fibers_closings();
	FAILS(EBADF, read(fd[0], &byte, 1));
	ck_assert_uint_eq(fibers_closings(), before + 1);
	close(unused[0]);
	ck_assert_uint_eq(fibers_closings(), before + 1);
}
END_TEST

static void poll_it(void)
{
	struct pollfd set[2] = { { fd[0], POLLIN, 0 }, { other[0], POLLIN, 0 } };

	ck_assert_int_eq(poll(set, 2, -1), 1);
	ck_assert_int_eq(set[1].revents, POLLIN);
	note('b');
}

static void write_to_other(void)
{
	ck_assert_int_eq(write(other[1], "x", 1), 1);
	settle();
	ck_assert_int_eq(write(fd[1], "a", 1), 1);
}

START_TEST(a_poll_of_many_and_a_read_wait_side_by_side)
{
	open_pipe(fd);
	open_pipe(other);
	fibers_spawn(poll_it);
	fibers_spawn(write_to_other);
	note(read_one());
	other_side_join();
	ck_assert_str_eq(notes, "ba");
}
END_TEST

static void add_of_many_fibers(TCase *tcase)
{
	tcase_add_test(tcase, detach_is_refused_while_a_fiber_waits);
	tcase_add_test(tcase, a_fiber_that_may_not_wait_blocks_the_thread);
	tcase_add_test(tcase, sleeps_overlap);
	tcase_add_test(tcase, errno_is_kept_while_another_fiber_runs);
	tcase_add_test(tcase, the_scheduler_is_told_of_a_close_that_matters);
	tcase_add_test(tcase, a_poll_of_many_and_a_read_wait_side_by_side);
	each_kind(tcase, an_fd_that_is_always_ready_does_not_starve_the_others, AT_ONCE);
	each_kind(tcase, two_long_writes_to_one_fd_both_end, STREAM);
	each_kind(tcase, two_readers_of_one_fd_are_served_in_order, 0);
	each_kind(tcase, a_reader_and_a_writer_share_one_socket, SOCKET);
}

Suite *fibers_suite(void)
{
	Suite *suite = suite_create("fibers");
	TCase *tcase = way_case(suite, "fibers");

	each_kind(tcase, blocks_of_two_writers_are_not_mixed, PIPE);
	if (way == FIBERS)
		add_of_many_fibers(tcase);
	return suite;
}
