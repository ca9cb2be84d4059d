/* SPDX-License-Identifier: MIT */
/*
 * What output to a stream promises besides the bytes: large amounts, errors, and the calls that
 * flush on their way to something else.
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

int _IO_fgetpos(FILE *of, fpos_t *position);
int _IO_fgetpos64(FILE *of, fpos64_t *position);
int _IO_fsetpos(FILE *of, const fpos_t *position);
int _IO_fsetpos64(FILE *of, const fpos64_t *position);
long _IO_ftell(FILE *of);
int _IO_ungetc(int byte, FILE *to);
void _IO_setbuffer(FILE *of, char *buffer, size_t size);
int _IO_setvbuf(FILE *of, char *buffer, int mode, size_t size);

enum { LARGE = 1 << 20 };

static FILE *stream;
static char large[LARGE + 1], got[3 * LARGE];
static size_t filled, taken;
static fpos_t position;
static fpos64_t position64;

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

/* Calls that have libc flush the stream; a pipe has no place to seek to. */

static void flush_by_fseek(void)
{
	FAILS(ESPIPE, fseek(stream, 0, SEEK_SET));
}

static void flush_by_fseeko(void)
{
	FAILS(ESPIPE, fseeko(stream, 0, SEEK_SET));
	FAILS(ESPIPE, fseeko64(stream, 0, SEEK_SET));
}

static void flush_by_rewind(void)
{
	rewind(stream);
}

static void flush_by_setvbuf(void)
{
	ck_assert_int_eq(setvbuf(stream, NULL, _IONBF, 0), 0);
	ck_assert_int_eq(_IO_setvbuf(stream, NULL, _IONBF, 0), 0);
}

static void flush_by_setbuf(void)
{
	setbuf(stream, NULL);
}

static void flush_by_setbuffer(void)
{
	setbuffer(stream, NULL, 0);
	_IO_setbuffer(stream, NULL, 0);
}

static void flush_by_setlinebuf(void)
{
	setlinebuf(stream);
	fflush(stream);
}

static void flush_by_fsetpos(void)
{
	memset(&position, 0, sizeof(position));
	memset(&position64, 0, sizeof(position64));
	FAILS(ESPIPE, fsetpos(stream, &position));
	FAILS(ESPIPE, fsetpos64(stream, &position64));
	FAILS(ESPIPE, _IO_fsetpos(stream, &position));
	FAILS(ESPIPE, _IO_fsetpos64(stream, &position64));
}

static void flush_after_asking_where_it_is(void)
{
	FAILS(ESPIPE, ftell(stream));
	FAILS(ESPIPE, ftello(stream));
	FAILS(ESPIPE, ftello64(stream));
	FAILS(ESPIPE, _IO_ftell(stream));
	FAILS(ESPIPE, fgetpos(stream, &position));
	FAILS(ESPIPE, fgetpos64(stream, &position64));
	FAILS(ESPIPE, _IO_fgetpos(stream, &position));
	FAILS(ESPIPE, _IO_fgetpos64(stream, &position64));
	ck_assert_int_eq(fflush(stream), 0);
}

static void (*const ways_to_flush[])(void) = {
	flush_by_fseek,	     flush_by_fseeko,	  flush_by_rewind,
	flush_by_setvbuf,    flush_by_setbuf,	  flush_by_setbuffer,
	flush_by_setlinebuf, flush_by_fsetpos,	  flush_after_asking_where_it_is,
};
enum { WAYS_TO_FLUSH = sizeof(ways_to_flush) / sizeof(ways_to_flush[0]) };

START_TEST(what_is_in_the_buffer_goes_first)
{
	open_full();
	ck_assert_int_ge(fputs("hello", stream), 0);
	other_side(_i, take_until_end);
	ways_to_flush[_i / other_sides()]();
	assert_waited();
	ck_assert_int_eq(fputs(" there", stream) < 0, 0);
	ck_assert_int_eq(fclose(stream), 0);
	other_side_join();
	expect("hello there", 11);
}
END_TEST

START_TEST(positions_of_a_file_are_as_ever)
{
	FILE *file = tmpfile();

	ck_assert_int_ge(fputs("hello", file), 0);
	ck_assert_int_eq(ftell(file), 5);
	ck_assert_int_eq(fgetpos(file, &position), 0);
	rewind(file);
	ck_assert_int_eq(getc(file), 'h');
	ck_assert_int_eq(_IO_ungetc('j', file), 'j');
	ck_assert_int_eq(getc(file), 'j');
	ck_assert_int_eq(fsetpos(file, &position), 0);
	ck_assert_int_eq(fputs(" there", file) < 0, 0);
	ck_assert_int_eq(fseek(file, -2, SEEK_END), 0);
	ck_assert_int_eq(getc(file), 'r');
	ck_assert_uint_eq(waits(), 0);
	fclose(file);
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

/* What becomes of the bytes POSIX leaves open; here they stay in the buffer, and none comes twice. */
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

static void *flush_it(void *unused)
{
	victim_id = gettid();
	pthread_cleanup_push(note, NULL);
	fputs("hello", stream);
	fflush(stream);
	pthread_cleanup_pop(0);
	return unused;
}

static void *get_it(void *unused)
{
	char text[8];

	victim_id = gettid();
	pthread_cleanup_push(note, NULL);
	fgets(text, sizeof(text), stream);
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
	each_row(tcase, what_is_in_the_buffer_goes_first, WAYS_TO_FLUSH);
	tcase_add_test(tcase, positions_of_a_file_are_as_ever);
	each_side(tcase, a_handler_ends_a_flush);
	each_side(tcase, a_cancelled_flush_can_be_made_again);
	tcase_add_test(tcase, exit_writes_what_a_fiber_was_about_to_write);
	/* gcc 12's AddressSanitizer fails a check of its own when a cancelled thread unwinds. */
	tcase_set_tags(cancelled, "no-address");
	each_side(cancelled, a_cancelled_thread_leaves_the_stream_whole);
	tcase_add_test(cancelled, a_cancelled_reader_leaves_the_stream_whole);
	return suite;
}
