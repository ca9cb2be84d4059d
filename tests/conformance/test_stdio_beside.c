/* SPDX-License-Identifier: MIT */
/*
 * Calls that block the thread, whatever the scheduler says, on a stream in the midst of another
 * fiber's call; and exit(). With threads libc's lock makes them wait. No byte is lost or doubled.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

enum { LEN = 20000, ROOM = 32768, PAGES = 8192 };

static FILE *stream, *unbuffered;
static char text[LEN + 1], word[LEN], buffer[ROOM], got[1 << 18];
static size_t filled, taken;
static _Atomic bool begun, done;
static void (*act)(void);

static void open_full(int mode, size_t size)
{
	open_pipe(fd);
	filled = fill(fd[1]);
	stream = fdopen(fd[1], "w");
	ck_assert_int_eq(setvbuf(stream, buffer, mode, size), 0);
	memset(text, 'x', LEN);
	count_waits_anew();
}

/* Not before what goes on beside has begun: the pipe is full until then. */
static void take_until_end(void)
{
	ssize_t n;

	UNTIL(begun);
	settle();
	while ((n = read(fd[0], got + taken, sizeof(got) - taken)) > 0)
		taken += (size_t)n;
}

static size_t count(char letter)
{
	size_t n = 0;

	for (size_t i = filled; i < taken; i++)
		n += got[i] == letter;
	return n;
}

static void act_beside(void)
{
	begun = true;
	act();
	done = true;
}

static void act_natively(void)
{
	int outer = mpgreen_native_enter();

	act_beside();
	mpgreen_native_leave(outer);
}

static void act_where_declined(void)
{
	fibers_decline(true);
	act_beside();
	fibers_decline(false);
}

static void (*const sides[])(void) = { act_natively, act_where_declined };

static void beside(int side, int how)
{
	if (side % other_sides() == 0)
		other_side(0, act_beside);
	else
		other_side(1, sides[how]);
}

static void until_done(void)
{
	while (!done) {
		if (way == FIBERS)
			fibers_settle();
		breathe();
	}
}

static void put_a_word(void)
{
	ck_assert_int_ge(fputs("hello\n", stream), 0);
}

static void put_and_flush(void)
{
	put_a_word();
	ck_assert_int_eq(fflush(stream), 0);
}

static void put_a_byte(void)
{
	ck_assert_int_eq(putc('h', stream), 'h');
}

/* In the place of what was shown there: as long, and longer. */
static void put_as_much(void)
{
	ck_assert_uint_eq(fwrite(memset(word, 'h', LEN), 1, LEN, stream), LEN);
}

static void put_more(void)
{
	put_as_much();
	put_a_byte();
}

static const struct beside_row {
	void (*act)(void);
	size_t n;
} beside_rows[] = {
	{ put_a_word, 1 },    { put_and_flush, 1 },  { put_a_byte, 1 },
	{ put_as_much, LEN }, { put_more, LEN + 1 },
};
enum { BESIDE_ROWS = sizeof(beside_rows) / sizeof(beside_rows[0]) };

/* What is flushed is in the buffer; so that lines can be put behind it; in the caller's memory. */
static const struct mode {
	int mode;
	size_t size;
} modes[] = { { _IOFBF, ROOM }, { _IOLBF, ROOM }, { _IOFBF, LEN }, { _IOFBF, 1000 } };
enum { MODES = sizeof(modes) / sizeof(modes[0]) };

/* act() is made while it waits. */
static void write_text(void)
{
	ck_assert_int_ge(fputs(text, stream), 0);
	ck_assert_int_eq(fflush(stream), 0);
	assert_waited();
	until_done();
	ck_assert_int_eq(fclose(stream), 0);
}

START_TEST(what_is_put_beside_a_flush_is_written_once)
{
	int row = _i / other_sides();
	const struct mode *mode = &modes[row % MODES];
	const struct beside_row *what = &beside_rows[row / MODES % BESIDE_ROWS];

	act = what->act;
	open_full(mode->mode, mode->size);
	beside(_i, row / MODES / BESIDE_ROWS);
	other_side(0, take_until_end);
	write_text();
	other_side_join();
	ck_assert_uint_eq(count('x'), LEN);
	ck_assert_uint_eq(count('h'), what->n);
}
END_TEST

static void get_unbuffered(void)
{
	ck_assert_int_eq(getc(unbuffered), 'y');
}

/* libc flushes a stdout of lines before it reads where there is no buffer. */
START_TEST(what_libc_flushes_beside_is_written_once)
{
	FILE *was = stdout;
	int ends[2];

	open_full(_IOLBF, ROOM);
	open_pipe(ends);
	unbuffered = fdopen(ends[0], "r");
	setvbuf(unbuffered, NULL, _IONBF, 0);
	ck_assert_int_eq(write(ends[1], "y", 1), 1);
	stdout = stream;
	act = get_unbuffered;
	begun = true;
	other_side(_i, act_beside);
	other_side(0, take_until_end);
	write_text();
	stdout = was;
	other_side_join();
	ck_assert_uint_eq(count('x'), LEN);
}
END_TEST

static int first_byte;

static void get_a_byte(void)
{
	first_byte = getc(stream);
}

static void say_lines(void)
{
	UNTIL(begun);
	settle();
	ck_assert_int_eq(write(fd[1], "abc\ndef\n", 8), 8);
	close(fd[1]);
}

/* Which of the two gets which byte is theirs. */
START_TEST(what_is_read_beside_is_read_once)
{
	char line[16];
	int sum = 0, c;

	open_pipe(fd);
	stream = fdopen(fd[0], "r");
	act = get_a_byte;
	beside(_i, _i / other_sides());
	other_side(0, say_lines);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), stream));
	assert_waited();
	until_done();
	for (const char *byte = line; *byte; byte++)
		sum += *byte;
	while ((c = getc(stream)) != EOF)
		sum += c;
	ck_assert_int_eq(sum + first_byte, 'a' + 'b' + 'c' + 'd' + 'e' + 'f' + 2 * '\n');
	fclose(stream);
}
END_TEST

static void put_text(void)
{
	fputs(text, stream);
	fflush(stream);
}

/* In the midst of the write() of another fiber, a part of which has been taken. */
static void exit_meanwhile(void)
{
	alarm(8);
	fibers_start();
	fibers_spawn(put_text);
	fibers_settle();
	if (read(fd[0], got, PAGES) != PAGES)
		exit(2);
	fibers_settle();
	exit(fibers_waits() > 1 ? 0 : 1);
}

START_TEST(exit_writes_the_rest_of_what_has_been_written_in_part)
{
	int status;
	pid_t pid;

	if (way != FIBERS)
		return;
	open_full(_IOFBF, ROOM);
	pid = fork();
	if (pid == 0)
		exit_meanwhile();
	close(fd[1]);
	UNTIL(is_blocked(pid));
	for (ssize_t n = 1; n > 0; taken += (size_t)n)
		n = read(fd[0], got + taken, sizeof(got) - taken);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	filled -= PAGES;
	ck_assert_uint_eq(taken, filled + LEN);
	ck_assert_uint_eq(count('x'), LEN);
}
END_TEST

Suite *stdio_beside_suite(void)
{
	Suite *suite = suite_create("stdio_beside");
	TCase *tcase = way_case(suite, "stdio_beside");

	each_row(tcase, what_is_put_beside_a_flush_is_written_once, 2 * MODES * BESIDE_ROWS);
	each_side(tcase, what_libc_flushes_beside_is_written_once);
	each_row(tcase, what_is_read_beside_is_read_once, 2);
	tcase_add_test(tcase, exit_writes_the_rest_of_what_has_been_written_in_part);
	return suite;
}
