/* SPDX-License-Identifier: MIT */
/*
 * What input from a stream promises besides the bytes: its ends, its errors, what is pushed back,
 * and large amounts.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "way.h"

#define TEXT "12 abcd\n"

enum { LARGE = 1 << 20 };

static FILE *stream;
static char text[64];
static int number;

static void say(const char *what)
{
	ck_assert_int_eq(write(fd[1], what, strlen(what)), strlen(what));
}

static void say_in_pieces(void)
{
	say("12 ");
	settle();
	say("abcd\n");
}

static void open_stream(void open_ends(int *))
{
	open_ends(fd);
	stream = fdopen(fd[0], "r");
	ck_assert_ptr_nonnull(stream);
	count_waits_anew();
}

static void get_line(void)
{
	ck_assert_ptr_eq(fgets(text, sizeof(text), stream), text);
}

static void say_half_a_line(void)
{
	say("half");
	settle();
	close(fd[1]);
}

START_TEST(the_end_comes_in_the_middle_of_a_line)
{
	open_stream(open_pipe);
	other_side(_i, say_half_a_line);
	ck_assert_ptr_eq(fgets(text, sizeof(text), stream), text);
	ck_assert_str_eq(text, "half");
	ck_assert(feof(stream) && !ferror(stream));
	ck_assert_ptr_null(fgets(text, sizeof(text), stream));
	ck_assert_int_eq(getc(stream), EOF);
}
END_TEST

START_TEST(fread_tells_how_many_whole_items_there_were)
{
	open_stream(open_pipe);
	other_side(_i, say_half_a_line);
	ck_assert_uint_eq(fread(text, 3, 5, stream), 1);
	ck_assert(feof(stream) && !ferror(stream));
	ck_assert_uint_eq(fread(text, 1, 1, stream), 0);
	ck_assert_uint_eq(fread(text, 0, 1, stream), 0);
}
END_TEST

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static void raise_it(void)
{
	say("12 ");
	settle();
	pthread_kill(test_thread(), SIGUSR1);
}

static void raise_it_and_go_on(void)
{
	raise_it();
	settle();
	say("abcd\n");
}

static void catch_with(int flags)
{
	struct sigaction act = { .sa_handler = count_signal, .sa_flags = flags };

	ck_assert_int_eq(sigaction(SIGUSR1, &act, NULL), 0);
}

START_TEST(a_handler_ends_input)
{
	open_stream(open_pipe);
	catch_with(0);
	other_side(0, raise_it);
	errno = 0;
	ck_assert_ptr_null(fgets(text, sizeof(text), stream));
	ck_assert_int_eq(errno, EINTR);
	ck_assert_int_eq(signals, 1);
	ck_assert(ferror(stream) && !feof(stream));
	other_side_join();
	clearerr(stream);
	ck_assert(!ferror(stream));
	say(TEXT);
	get_line();
	ck_assert_str_eq(text, TEXT);
}
END_TEST

START_TEST(with_SA_RESTART_input_goes_on)
{
	open_stream(open_pipe);
	catch_with(SA_RESTART);
	other_side(0, raise_it_and_go_on);
	get_line();
	ck_assert_str_eq(text, TEXT);
	ck_assert_int_eq(signals, 1);
}
END_TEST

START_TEST(a_timeout_of_the_socket_ends_input)
{
	open_stream(open_unix);
	set_timeout(fd[0], SO_RCVTIMEO, 20);
	errno = 0;
	ck_assert_int_eq(getc(stream), EOF);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert(ferror(stream) && !feof(stream));
	assert_waited();
}
END_TEST

START_TEST(a_stream_on_what_does_not_block_does_not_wait)
{
	open_stream(open_pipe);
	set_nonblocking(fd[0], true);
	errno = 0;
	ck_assert_int_eq(getc(stream), EOF);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(waits(), 0);
	clearerr(stream);
	say("x");
	ck_assert_int_eq(getc(stream), 'x');
}
END_TEST

START_TEST(what_is_pushed_back_comes_first)
{
	open_stream(open_pipe);
	other_side(_i, say_in_pieces);
	ck_assert_int_eq(getc(stream), '1');
	ck_assert_int_eq(ungetc('x', stream), 'x');
	ck_assert_int_eq(ungetc('y', stream), 'y');
	get_line();
	ck_assert_str_eq(text, "yx2 abcd\n");
	ck_assert_int_eq(ungetc('z', stream), 'z');
	ck_assert_int_eq(getc(stream), 'z');
}
END_TEST

/* Newer libcs have one byte of it in the structure, and more elsewhere. */
START_TEST(a_single_byte_is_pushed_back)
{
	open_stream(open_pipe);
	other_side(_i, say_in_pieces);
	ck_assert_int_eq(getc(stream), '1');
	ck_assert_int_eq(ungetc('x', stream), 'x');
	get_line();
	ck_assert_str_eq(text, "x2 abcd\n");
	ck_assert_int_eq(ungetc('y', stream), 'y');
	ck_assert_int_eq(getc(stream), 'y');
	fclose(stream);
}
END_TEST

static void say_digits(void)
{
	for (const char *digit = "12345"; *digit; digit++) {
		ck_assert_int_eq(write(fd[1], digit, 1), 1);
		settle();
	}
	say("x");
}

START_TEST(scanf_gives_back_what_it_has_only_looked_at)
{
	open_stream(open_pipe);
	if (_i / other_sides())
		setvbuf(stream, NULL, _IONBF, 0);
	other_side(_i, say_digits);
	ck_assert_int_eq(fscanf(stream, "%d", &number), 1);
	ck_assert_int_eq(number, 12345);
	ck_assert_int_eq(getc(stream), 'x');
	other_side_join();
	close(fd[1]);
	ck_assert_int_eq(fscanf(stream, "%d", &number), EOF);
}
END_TEST

static char large[LARGE], got[LARGE + 1];

/* What the pipe holds is less, and the end comes later. */
static void say_much(void)
{
	static const size_t pieces[] = { 1, 4095, 4097, 100000, 65536, LARGE };
	size_t done = 0;

	for (int i = 0; done < LARGE; i++) {
		size_t len = pieces[i] < LARGE - done ? pieces[i] : LARGE - done;

		ck_assert_int_eq(write(fd[1], large + done, len), len);
		done += len;
		settle();
	}
	close(fd[1]);
}

static void make_much(void)
{
	for (int i = 0; i < LARGE; i++)
		large[i] = 'a' + i % 23;
	large[LARGE - 1] = '\n';
}

START_TEST(fread_reads_a_mebibyte)
{
	make_much();
	open_stream(open_pipe);
	if (_i / other_sides())
		setvbuf(stream, NULL, _IONBF, 0);
	other_side(_i, say_much);
	ck_assert_int_eq(getc(stream), large[0]);
	ck_assert_uint_eq(fread(got + 1, 1, LARGE, stream), LARGE - 1);
	ck_assert_mem_eq(got + 1, large + 1, LARGE - 1);
	ck_assert(feof(stream));
	assert_waited();
}
END_TEST

START_TEST(getline_reads_a_line_of_a_mebibyte)
{
	char *line = NULL;
	size_t size = 0;

	make_much();
	open_stream(open_pipe);
	other_side(_i, say_much);
	ck_assert_int_eq(getline(&line, &size, stream), LARGE);
	ck_assert_mem_eq(line, large, LARGE);
	ck_assert_int_eq(getline(&line, &size, stream), -1);
	ck_assert(feof(stream));
	free(line);
}
END_TEST

static void answer(void)
{
	char question[16];

	ck_assert_int_eq(read(fd[1], question, sizeof(question)), 4);
	ck_assert_mem_eq(question, "who?", 4);
	say("me\n");
}

START_TEST(a_stream_for_both_is_written_and_read)
{
	open_unix(fd);
	stream = fdopen(fd[0], "r+");
	other_side(_i, answer);
	ck_assert_int_eq(fputs("who?", stream) >= 0, 1);
	ck_assert_int_eq(fflush(stream), 0);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), stream));
	ck_assert_str_eq(text, "me\n");
	assert_waited();
}
END_TEST

START_TEST(a_stream_that_cannot_be_read_says_so)
{
	open_pipe(fd);
	stream = fdopen(fd[1], "w");
	errno = 0;
	ck_assert_int_eq(getc(stream), EOF);
	ck_assert_int_eq(errno, EBADF);
	ck_assert(ferror(stream));
}
END_TEST

Suite *stdio_input_suite(void)
{
	Suite *suite = suite_create("stdio_input");
	TCase *tcase = way_case(suite, "stdio_input");

	each_side(tcase, the_end_comes_in_the_middle_of_a_line);
	each_side(tcase, fread_tells_how_many_whole_items_there_were);
	tcase_add_test(tcase, a_handler_ends_input);
	tcase_add_test(tcase, with_SA_RESTART_input_goes_on);
	tcase_add_test(tcase, a_timeout_of_the_socket_ends_input);
	tcase_add_test(tcase, a_stream_on_what_does_not_block_does_not_wait);
	each_side(tcase, what_is_pushed_back_comes_first);
	each_side(tcase, a_single_byte_is_pushed_back);
	each_row(tcase, scanf_gives_back_what_it_has_only_looked_at, 2);
	each_row(tcase, fread_reads_a_mebibyte, 2);
	each_side(tcase, getline_reads_a_line_of_a_mebibyte);
	each_side(tcase, a_stream_for_both_is_written_and_read);
	tcase_add_test(tcase, a_stream_that_cannot_be_read_says_so);
	return suite;
}
