/* SPDX-License-Identifier: MIT */
/*
 * Calls that flush a stream on their way to something else, and where a stream is.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kinds.h"
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

static FILE *stream;
static char got[1 << 17];
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
	flush_by_fseek,	     flush_by_fseeko,  flush_by_rewind,
	flush_by_setvbuf,    flush_by_setbuf,  flush_by_setbuffer,
	flush_by_setlinebuf, flush_by_fsetpos, flush_after_asking_where_it_is,
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

START_TEST(another_file_takes_the_place_of_the_first)
{
	char *path = scratch("file");
	FILE *(*reopen)(const char *, const char *, FILE *) =
		_i / other_sides() ? freopen64 : freopen;

	open_full();
	ck_assert_int_ge(fputs("hello", stream), 0);
	other_side(_i, take_until_end);
	ck_assert_ptr_eq(reopen(path, "w+", stream), stream);
	assert_waited();
	other_side_join();
	expect("hello", 5);
	ck_assert_int_ge(fputs("there", stream), 0);
	rewind(stream);
	ck_assert_int_eq(getc(stream), 't');
	fclose(stream);
}
END_TEST

Suite *stdio_state_suite(void)
{
	Suite *suite = suite_create("stdio_state");
	TCase *tcase = way_case(suite, "stdio_state");

	each_row(tcase, what_is_in_the_buffer_goes_first, WAYS_TO_FLUSH);
	each_row(tcase, another_file_takes_the_place_of_the_first, 2);
	tcase_add_test(tcase, positions_of_a_file_are_as_ever);
	return suite;
}
