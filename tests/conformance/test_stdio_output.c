/* SPDX-License-Identifier: MIT */
/*
 * What output to a stream promises besides the bytes: large amounts, errors, and what becomes of
 * them when a call is interrupted.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

enum { LARGE = 1 << 20 };

static FILE *stream;
static char large[LARGE + 1], got[3 * LARGE];
static size_t filled, taken;

static void open_full(void)
{
	open_pipe(fd);
	filled = fill(fd[1]);
	stream = fdopen(fd[1], "w");
	ck_assert_ptr_nonnull(stream);
	count_waits_anew();
}

/* Until the end, in pieces; the stream is closed by then. */
static void take_until_end(void)
{
	ssize_t n;

	while ((n = read(fd[0], got + taken, 30000)) > 0) {
		taken += n;
		settle();
	}
}

static void expect(const char *text, size_t len)
{
	ck_assert_uint_eq(taken, filled + len);
	ck_assert_mem_eq(got + filled, text, len);
}

START_TEST(a_mebibyte_is_written)
{
	memset(large, 'x', LARGE);
	for (int i = 0; i < LARGE; i += 100)
		large[i] = 'a' + i % 23;
	open_full();
	if (_i / other_sides())
		setvbuf(stream, NULL, _IONBF, 0);
	other_side(_i, take_until_end);
	ck_assert_uint_eq(fwrite(large, 1, LARGE, stream), LARGE);
	ck_assert_int_ge(fprintf(stream, "%s", large), LARGE);
	OK(0, fclose(stream));
	assert_waited();
	other_side_join();
	ck_assert_uint_eq(taken, filled + 2 * LARGE);
	ck_assert_mem_eq(got + filled, large, LARGE);
	ck_assert_mem_eq(got + filled + LARGE, large, LARGE);
}
END_TEST

START_TEST(nobody_reads_any_more)
{
	open_pipe(fd);
	stream = fdopen(fd[1], "w");
	signal(SIGPIPE, SIG_IGN);
	close(fd[0]);
	ck_assert_int_ge(fputs("hello", stream), 0);
	errno = 0;
	ck_assert_int_eq(fflush(stream), EOF);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert(ferror(stream));
	clearerr(stream);
	ck_assert_int_eq(fputs("hello", stream) < 0 || fclose(stream) == EOF, 1);
}
END_TEST

static void hang_up(void)
{
	close(fd[0]);
}

START_TEST(the_reader_goes_in_the_middle)
{
	open_full();
	signal(SIGPIPE, SIG_IGN);
	other_side(_i, hang_up);
	ck_assert_int_ge(fputs("hello", stream), 0);
	errno = 0;
	ck_assert_int_eq(fclose(stream), EOF);
	ck_assert_int_eq(errno, EPIPE);
	assert_waited();
}
END_TEST

static void do_nothing(int sig)
{
	(void)sig;
}

static void interrupt(void)
{
	pthread_kill(test_thread(), SIGUSR1);
}

/* Here the bytes stay in the buffer, and none comes twice; plain libc forgets them. */
START_TEST(a_handler_ends_a_flush)
{
	struct sigaction act = { .sa_handler = do_nothing };

	open_full();
	sigaction(SIGUSR1, &act, NULL);
	ck_assert_int_ge(fputs("hello", stream), 0);
	other_side(0, interrupt);
	errno = 0;
	ck_assert_int_eq(fflush(stream), EOF);
	ck_assert_int_eq(errno, EINTR);
	ck_assert(ferror(stream));
	ck_assert_uint_eq(__fpending(stream), green() ? 5 : 0);
	other_side_join();
	other_side(_i, take_until_end);
	ck_assert_int_ge(fputs(" there", stream), 0);
	ck_assert_int_eq(fclose(stream), 0);
	other_side_join();
	if (green())
		expect("hello there", 11);
	else
		expect(" there", 6);
}
END_TEST

static const struct put_row {
	int mode;
	const char *before;
	int byte;
	const char *here, *plain;
} put_rows[] = {
	{ _IONBF, "", 'x', "x", "x" },
	{ _IOLBF, "hello", '\n', "hello\n", "\n" },
	{ _IOLBF, "", '\n', "\n", "\n" },
	{ _IOLBF, "1234567", '\n', "1234567\n", "\n" },
	{ _IOLBF, "12345678", '\n', "12345678\n", "\n" },
	{ _IOFBF, "12345678", 'x', "12345678x", "x" },
};
enum { PUT_ROWS = sizeof(put_rows) / sizeof(put_rows[0]) };

static int overflow(int byte, FILE *to)
{
	return __overflow(to, byte);
}

/* It is not there, and can be put again; what was there before is forgotten by plain libc. */
static void put_twice(const struct put_row *row, int put(int, FILE *))
{
	static char buffer[8];

	setvbuf(stream, buffer, row->mode, sizeof(buffer));
	for (const char *byte = row->before; *byte; byte++)
		ck_assert_int_eq(putc(*byte, stream), *byte);
	other_side(0, interrupt);
	errno = 0;
	ck_assert_int_eq(put(row->byte, stream), EOF);
	ck_assert_int_eq(errno, EINTR);
	ck_assert_uint_eq(__fpending(stream), green() ? strlen(row->before) : 0);
	other_side_join();
	other_side(0, take_until_end);
	ck_assert_int_eq(putc(row->byte, stream), row->byte);
	ck_assert_int_eq(fclose(stream), 0);
	other_side_join();
}

static int (*const puts_of_a_byte[])(int, FILE *) = { putc, putc_unlocked, overflow };
enum { PUTS_OF_A_BYTE = sizeof(puts_of_a_byte) / sizeof(puts_of_a_byte[0]) };

START_TEST(a_byte_that_could_not_be_put_is_put_again)
{
	struct sigaction act = { .sa_handler = do_nothing };
	const struct put_row *row = &put_rows[_i % PUT_ROWS];
	const char *expected = green() ? row->here : row->plain;

	open_full();
	sigaction(SIGUSR1, &act, NULL);
	put_twice(row, puts_of_a_byte[_i / PUT_ROWS]);
	expect(expected, strlen(expected));
}
END_TEST

/* One of several pieces has gone by then. */
START_TEST(a_cancelled_flush_can_be_made_again)
{
	static char buffer[3 * 4096];

	if (way != FIBERS)
		return;
	open_full();
	setvbuf(stream, buffer, _IOFBF, sizeof(buffer));
	memset(large, 'y', 3 * 4096);
	ck_assert_uint_eq(fwrite(large, 1, 3 * 4096 - 1, stream), 3 * 4096 - 1);
	taken = 4096;
	ck_assert_int_eq(read(fd[0], got, taken), taken);
	fibers_answer(MPGREEN_CANCELLED, ECANCELED);
	errno = 0;
	ck_assert_int_eq(fflush(stream), EOF);
	ck_assert_int_eq(errno, ECANCELED);
	fibers_answer(0, 0);
	ck_assert_uint_eq(__fpending(stream), 2 * 4096 - 1);
	other_side(_i, take_until_end);
	ck_assert_int_eq(fclose(stream), 0);
	other_side_join();
	expect(large, 3 * 4096 - 1);
}
END_TEST

static _Atomic bool cleaned_up;
static _Atomic pid_t victim_id;

static void note(void *unused)
{
	(void)unused;
	cleaned_up = true;
}

/* By their names, clang would take it that no thread ends in them, and leave the clean-up out. */
static int (*volatile put_line)(const char *, FILE *) = fputs;
static int (*volatile flush)(FILE *) = fflush;
static char *(*volatile get_line)(char *, int, FILE *) = fgets;

static void *flush_it(void *unused)
{
	victim_id = gettid();
	pthread_cleanup_push(note, NULL);
	put_line("hello", stream);
	flush(stream);
	pthread_cleanup_pop(0);
	return unused;
}

static void *get_it(void *unused)
{
	char text[8];

	victim_id = gettid();
	pthread_cleanup_push(note, NULL);
	get_line(text, sizeof(text), stream);
	pthread_cleanup_pop(0);
	return unused;
}

static void cancel(void *(*body)(void *))
{
	pthread_t victim;
	void *end;

	ck_assert_int_eq(pthread_create(&victim, NULL, body, NULL), 0);
	UNTIL(victim_id && is_blocked(victim_id));
	ck_assert_int_eq(pthread_cancel(victim), 0);
	ck_assert_int_eq(pthread_join(victim, &end), 0);
	ck_assert_ptr_eq(end, PTHREAD_CANCELED);
	ck_assert(cleaned_up);
}

START_TEST(a_cancelled_thread_leaves_the_stream_whole)
{
	open_full();
	cancel(flush_it);
	other_side(_i, take_until_end);
	ck_assert_int_ge(fputs(" there", stream), 0);
	ck_assert_int_eq(fclose(stream), 0);
	other_side_join();
	expect("hello there", 11);
}
END_TEST

START_TEST(a_cancelled_reader_leaves_the_stream_whole)
{
	open_pipe(fd);
	stream = fdopen(fd[0], "r");
	cancel(get_it);
	ck_assert_int_eq(write(fd[1], "ab", 2), 2);
	ck_assert_int_eq(getc(stream), 'a');
	ck_assert_int_eq(getc(stream), 'b');
}
END_TEST

static void put_it(void)
{
	fputs("hello", stream);
	fflush(stream);
}

/* In the midst of the write() of another fiber. */
static void exit_meanwhile(void)
{
	alarm(8);
	fibers_start();
	fibers_spawn(put_it);
	fibers_settle();
	exit(fibers_waits() ? 0 : 1);
}

START_TEST(exit_writes_what_a_fiber_was_about_to_write)
{
	int status;
	pid_t pid;

	if (way != FIBERS)
		return;
	open_full();
	pid = fork();
	if (pid == 0)
		exit_meanwhile();
	close(fd[1]);
	UNTIL(is_blocked(pid));
	for (ssize_t n = 1; n > 0; taken += n)
		n = read(fd[0], got + taken, 30000);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect("hello", 5);
}
END_TEST

Suite *stdio_output_suite(void)
{
	Suite *suite = suite_create("stdio_output");
	TCase *tcase = way_case(suite, "stdio_output");
	TCase *cancelled = way_case(suite, "cancelled");

	each_row(tcase, a_mebibyte_is_written, 2);
	tcase_add_test(tcase, nobody_reads_any_more);
	each_side(tcase, the_reader_goes_in_the_middle);
	each_side(tcase, a_handler_ends_a_flush);
	tcase_add_loop_test(tcase, a_byte_that_could_not_be_put_is_put_again, 0,
			    PUT_ROWS * PUTS_OF_A_BYTE);
	each_side(tcase, a_cancelled_flush_can_be_made_again);
	tcase_add_test(tcase, exit_writes_what_a_fiber_was_about_to_write);
	/* gcc 12's AddressSanitizer fails a check of its own when a cancelled thread unwinds. */
	tcase_set_tags(cancelled, "no-address");
	each_side(cancelled, a_cancelled_thread_leaves_the_stream_whole);
	tcase_add_test(cancelled, a_cancelled_reader_leaves_the_stream_whole);
	return suite;
}
