/* SPDX-License-Identifier: MIT */
/*
 * Two at once on one stream: fibers of one thread in the FIBERS way, threads in the others. They
 * exclude each other as libc's lock has threads do.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

void _IO_flockfile(FILE *file);
int _IO_ftrylockfile(FILE *file);
void _IO_funlockfile(FILE *file);

static FILE *stream;
static char lines[4][64];
static _Atomic int n_lines, order, n_others;
static size_t filled;

static void say(const char *what)
{
	ck_assert_int_eq(write(fd[1], what, strlen(what)), strlen(what));
}

static void get_line(void)
{
	char line[64];

	ck_assert_ptr_nonnull(fgets(line, sizeof(line), stream));
	strcpy(lines[n_lines++], line);
}

static void say_two_lines(void)
{
	say("on");
	settle();
	say("e\ntw");
	settle();
	say("o\n");
}

static bool has_line(const char *line)
{
	return strcmp(lines[0], line) == 0 || strcmp(lines[1], line) == 0;
}

/* Which of them comes first is theirs; each has a whole line. */
START_TEST(two_readers_have_a_line_each)
{
	open_pipe(fd);
	stream = fdopen(fd[0], "r");
	other_side(_i, get_line);
	other_side(_i, say_two_lines);
	get_line();
	other_side_join();
	ck_assert_int_eq(n_lines, 2);
	ck_assert(has_line("one\n") && has_line("two\n"));
}
END_TEST

static void put_lines(char letter)
{
	char line[1002];

	memset(line, letter, 1000);
	strcpy(line + 1000, "\n");
	for (int i = 0; i < 100; i++)
		ck_assert_int_ge(fputs(line, stream), 0);
	ck_assert_int_eq(fflush(stream), 0);
}

static void put_lines_of_b(void)
{
	put_lines('b');
}

static void take_lines(void)
{
	static char taken[400000];
	size_t done = 0, len = filled + 2 * 100 * 1001;

	while (done < len) {
		ssize_t n = read(fd[0], taken + done, 5000);

		ck_assert_int_gt(n, 0);
		done += n;
	}
	for (size_t i = filled; i < len; i += 1001) {
		char line[1001];

		memset(line, taken[i], 1000);
		line[1000] = '\n';
		ck_assert_mem_eq(taken + i, line, 1001);
	}
}

START_TEST(lines_of_two_writers_do_not_mix)
{
	open_pipe(fd);
	filled = fill(fd[1]);
	stream = fdopen(fd[1], "w");
	other_side(_i, put_lines_of_b);
	other_side(_i, take_lines);
	put_lines('a');
	other_side_join();
}
END_TEST

static void (*const locks[])(FILE *) = { flockfile, _IO_flockfile };
static int (*const tries[])(FILE *) = { ftrylockfile, _IO_ftrylockfile };
static void (*const unlocks[])(FILE *) = { funlockfile, _IO_funlockfile };

static void come_second(void)
{
	ck_assert_int_ne(ftrylockfile(stream), 0);
	say("x");
	flockfile(stream);
	ck_assert_int_eq(order++, 1);
	funlockfile(stream);
}

/* It has the lock while it waits for something else. */
static void hold_and_wait(int i)
{
	char byte;

	locks[i](stream);
	ck_assert_int_eq(tries[i](stream), 0);
	unlocks[i](stream);
	ck_assert_int_eq(read(fd[0], &byte, 1), 1);
	ck_assert_int_eq(order++, 0);
	unlocks[i](stream);
}

START_TEST(flockfile_keeps_others_out)
{
	open_pipe(fd);
	stream = tmpfile();
	other_side(_i, come_second);
	hold_and_wait(_i / other_sides());
	other_side_join();
	ck_assert_int_eq(order, 2);
	ck_assert_int_eq(ftrylockfile(stream), 0);
	funlockfile(stream);
	fclose(stream);
}
END_TEST

static void put_second(void)
{
	say("x");
	ck_assert_int_ge(fputs("second", stream), 0);
}

/* A stream on a file, which nothing waits for. */
START_TEST(calls_keep_out_of_a_stream_that_another_has_locked)
{
	char byte, text[16];

	open_pipe(fd);
	stream = tmpfile();
	flockfile(stream);
	other_side(_i, put_second);
	ck_assert_int_eq(read(fd[0], &byte, 1), 1);
	if (way == FIBERS)
		fibers_settle();
	ck_assert_int_ge(fputs("first ", stream), 0);
	funlockfile(stream);
	other_side_join();
	rewind(stream);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), stream));
	ck_assert_str_eq(text, "first second");
}
END_TEST

static void close_it(void)
{
	ck_assert_int_eq(fclose(stream), 0);
	n_others++;
}

static void say_a_line(void)
{
	say("line\n");
}

START_TEST(fclose_comes_after_a_call_that_is_under_way)
{
	open_pipe(fd);
	stream = fdopen(fd[0], "r");
	other_side(_i, close_it);
	other_side(_i, say_a_line);
	get_line();
	ck_assert_str_eq(lines[0], "line\n");
	other_side_join();
	ck_assert_int_eq(n_others, 1);
}
END_TEST

static void close_in_vain(void)
{
	fibers_answer(MPGREEN_CANCELLED, ECANCELED);
	close_it();
	fibers_answer(0, 0);
}

static void say_a_line_after_all(void)
{
	/* The one that closes waits, for nothing ends that. */
	fibers_settle();
	ck_assert_int_eq(n_others, 0);
	fibers_answer(0, 0);
	say_a_line();
}

START_TEST(nothing_ends_the_wait_of_fclose)
{
	if (way != FIBERS)
		return;
	open_pipe(fd);
	stream = fdopen(fd[0], "r");
	fibers_spawn(close_in_vain);
	fibers_spawn(say_a_line_after_all);
	get_line();
	ck_assert_str_eq(lines[0], "line\n");
	fibers_join();
	ck_assert_int_eq(n_others, 1);
}
END_TEST

static void push_back(void)
{
	ck_assert_int_eq(ungetc('x', stream), 'x');
	n_others++;
}

START_TEST(ungetc_comes_after_a_call_that_is_under_way)
{
	open_pipe(fd);
	stream = fdopen(fd[0], "r");
	other_side(_i, push_back);
	other_side(_i, say_a_line);
	get_line();
	ck_assert_str_eq(lines[0], "line\n");
	other_side_join();
	ck_assert_int_eq(getc(stream), 'x');
}
END_TEST

static void flush_all(void)
{
	ck_assert_int_eq(fflush(NULL), 0);
	n_others++;
}

static void take_hello(void)
{
	static char taken[100000];
	size_t done = 0;

	while (done < filled + 5) {
		ssize_t n = read(fd[0], taken + done, sizeof(taken) - done);

		ck_assert_int_gt(n, 0);
		done += n;
	}
	ck_assert_mem_eq(taken + filled, "hello", 5);
	ck_assert_uint_eq(done, filled + 5);
}

START_TEST(a_flush_of_all_streams_writes_nothing_twice)
{
	open_pipe(fd);
	filled = fill(fd[1]);
	stream = fdopen(fd[1], "w");
	ck_assert_int_ge(fputs("hello", stream), 0);
	other_side(_i, flush_all);
	other_side(_i, take_hello);
	ck_assert_int_eq(fflush(stream), 0);
	other_side_join();
	ck_assert_int_eq(n_others, 1);
	set_nonblocking(fd[0], true);
	ck_assert_int_eq(getc(fdopen(fd[0], "r")), EOF);
}
END_TEST

static int numbers[2];

static void scan_number(void)
{
	ck_assert_int_eq(fscanf(stream, "%d", &numbers[1]), 1);
}

static void say_numbers(void)
{
	say("1");
	settle();
	say("2 3");
	settle();
	say("4 ");
}

START_TEST(two_that_scan_have_a_number_each)
{
	open_pipe(fd);
	stream = fdopen(fd[0], "r");
	other_side(_i, scan_number);
	other_side(_i, say_numbers);
	ck_assert_int_eq(fscanf(stream, "%d", &numbers[0]), 1);
	other_side_join();
	ck_assert_int_eq(numbers[0] + numbers[1], 12 + 34);
}
END_TEST

Suite *stdio_fibers_suite(void)
{
	Suite *suite = suite_create("stdio_fibers");
	TCase *tcase = way_case(suite, "stdio_fibers");

	each_side(tcase, two_readers_have_a_line_each);
	each_side(tcase, lines_of_two_writers_do_not_mix);
	each_row(tcase, flockfile_keeps_others_out, 2);
	each_side(tcase, calls_keep_out_of_a_stream_that_another_has_locked);
	each_side(tcase, fclose_comes_after_a_call_that_is_under_way);
	tcase_add_test(tcase, nothing_ends_the_wait_of_fclose);
	each_side(tcase, ungetc_comes_after_a_call_that_is_under_way);
	each_side(tcase, a_flush_of_all_streams_writes_nothing_twice);
	each_side(tcase, two_that_scan_have_a_number_each);
	return suite;
}
