/* SPDX-License-Identifier: MIT */
/*
 * Input from streams, by each of the calls that there are, from what comes in pieces.
 */
/* Calls by their own names, not by what the headers make of them. */
#define __NO_INLINE__ 1

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "way.h"

#undef fread_unlocked

/* Names that the headers hide, or give other symbols. */
int _IO_getc(FILE *from);
char *_IO_fgets(char *to, int n, FILE *from);
size_t _IO_fread(void *to, size_t size, size_t n, FILE *from);
int __underflow(FILE *from);
int old_fscanf(FILE *from, const char *format, ...) __asm__("fscanf");
int old_scanf(const char *format, ...) __asm__("scanf");
int old_vfscanf(FILE *from, const char *format, va_list arguments) __asm__("vfscanf");
int old_vscanf(const char *format, va_list arguments) __asm__("vscanf");
int __vfscanf(FILE *from, const char *format, va_list arguments);
int new_fscanf(FILE *from, const char *format, ...) __asm__("__isoc99_fscanf");
int new_scanf(const char *format, ...) __asm__("__isoc99_scanf");
int new_vfscanf(FILE *from, const char *format, va_list arguments) __asm__("__isoc99_vfscanf");
int new_vscanf(const char *format, va_list arguments) __asm__("__isoc99_vscanf");

/* NULL before glibc 2.38. */
#define C23(name) __asm__("__isoc23_" name) __attribute__((weak))
int c23_fscanf(FILE *from, const char *format, ...) C23("fscanf");
int c23_scanf(const char *format, ...) C23("scanf");
int c23_vfscanf(FILE *from, const char *format, va_list arguments) C23("vfscanf");
int c23_vscanf(const char *format, va_list arguments) C23("vscanf");

#define TEXT "12 abcd\n"

enum { SIZE = sizeof(TEXT) };

static FILE *stream;
static char text[64];
static int number;

static void by_bytes(int get(FILE *))
{
	for (int i = 0; i < SIZE - 1; i++)
		text[i] = get(stream);
}

static void by_getc(void)
{
	by_bytes(getc);
}

static void by_fgetc(void)
{
	by_bytes(fgetc);
}

static void by_old_getc(void)
{
	by_bytes(_IO_getc);
}

static void by_getc_unlocked(void)
{
	by_bytes(getc_unlocked);
}

static void by_fgetc_unlocked(void)
{
	by_bytes(fgetc_unlocked);
}

static void by_uflow(void)
{
	text[0] = __uflow(stream);
	for (int i = 1; i < SIZE - 1; i++)
		text[i] = getc(stream);
}

static void by_underflow(void)
{
	for (int i = 0; i < SIZE - 1; i++) {
		text[i] = __underflow(stream);
		ck_assert_int_eq(getc(stream), text[i]);
	}
}

static void by_getw(void)
{
	for (int i = 0; i < 2; i++) {
		int word = getw(stream);

		memcpy(text + i * sizeof(word), &word, sizeof(word));
	}
}

static void by_fgets(void)
{
	ck_assert_ptr_eq(fgets(text, sizeof(text), stream), text);
}

static void by_old_fgets(void)
{
	ck_assert_ptr_eq(_IO_fgets(text, sizeof(text), stream), text);
}

static void by_fgets_unlocked(void)
{
	ck_assert_ptr_eq(fgets_unlocked(text, sizeof(text), stream), text);
}

static void by_fread(void)
{
	ck_assert_uint_eq(fread(text, 4, 2, stream), 2);
}

static void by_old_fread(void)
{
	ck_assert_uint_eq(_IO_fread(text, 1, 8, stream), 8);
}

static void by_fread_unlocked(void)
{
	ck_assert_uint_eq(fread_unlocked(text, 2, 4, stream), 4);
}

static void keep(char *line, ssize_t len)
{
	ck_assert_int_eq(len, SIZE - 1);
	memcpy(text, line, SIZE);
	free(line);
}

static void by_getline(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len = getline(&line, &size, stream);

	keep(line, len);
}

static void by_getdelim(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len = getdelim(&line, &size, '\n', stream);

	keep(line, len);
}

static void by_old_getdelim(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len = __getdelim(&line, &size, '\n', stream);

	keep(line, len);
}

#define FORMAT "%d %s"
#define PLACES &number, text

static void scanned(int n)
{
	ck_assert_int_eq(n, 2);
	ck_assert_int_eq(number, 12);
	memmove(text + 3, text, 5);
	memcpy(text, "12 ", 3);
	text[7] = getc(stream);
}

static void by_fscanf(void)
{
	scanned(old_fscanf(stream, FORMAT, PLACES));
}

static void by_isoc99_fscanf(void)
{
	scanned(new_fscanf(stream, FORMAT, PLACES));
}

static void by_isoc23_fscanf(void)
{
	scanned((c23_fscanf ? c23_fscanf : new_fscanf)(stream, FORMAT, PLACES));
}

static int with_list(int scan(FILE *, const char *, va_list), const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = scan(stream, format, arguments);
	va_end(arguments);
	return n;
}

static void by_vfscanf(void)
{
	scanned(with_list(old_vfscanf, FORMAT, PLACES));
}

static void by_old_vfscanf(void)
{
	scanned(with_list(__vfscanf, FORMAT, PLACES));
}

static void by_isoc99_vfscanf(void)
{
	scanned(with_list(new_vfscanf, FORMAT, PLACES));
}

static void by_isoc23_vfscanf(void)
{
	scanned(with_list(c23_vfscanf ? c23_vfscanf : new_vfscanf, FORMAT, PLACES));
}

static void (*const ways_to_get[])(void) = {
	by_getc,	   by_fgetc,	      by_old_getc,	 by_getc_unlocked,
	by_fgetc_unlocked, by_uflow,	      by_underflow,	 by_getw,
	by_fgets,	   by_old_fgets,      by_fgets_unlocked, by_fread,
	by_old_fread,	   by_fread_unlocked, by_getline,	 by_getdelim,
	by_old_getdelim,   by_fscanf,	      by_isoc99_fscanf,	 by_vfscanf,
	by_old_vfscanf,	   by_isoc99_vfscanf, by_isoc23_fscanf,	 by_isoc23_vfscanf,
};
enum { WAYS_TO_GET = sizeof(ways_to_get) / sizeof(ways_to_get[0]) };

static void say(const char *what)
{
	ck_assert_int_eq(write(fd[1], what, strlen(what)), strlen(what));
}

static void say_in_pieces(void)
{
	say("12 ");
	settle();
	say("ab");
	settle();
	say("cd\n");
}

static FILE *open_stream(void open_ends(int *))
{
	open_ends(fd);
	stream = fdopen(fd[0], "r");
	ck_assert_ptr_nonnull(stream);
	count_waits_anew();
	return stream;
}

START_TEST(input_comes_in_pieces)
{
	open_stream(open_pipe);
	other_side(_i, say_in_pieces);
	ways_to_get[_i / other_sides()]();
	ck_assert_str_eq(text, TEXT);
	assert_waited();
	ck_assert(!ferror(stream) && !feof(stream));
	fclose(stream);
}
END_TEST

START_TEST(a_stream_without_a_buffer_takes_no_more_than_it_needs)
{
	open_stream(open_pipe);
	setvbuf(stream, NULL, _IONBF, 0);
	other_side(_i, say_in_pieces);
	ways_to_get[_i / other_sides()]();
	ck_assert_str_eq(text, TEXT);
	say("next");
	OK(4, read(fd[0], text, sizeof(text)));
}
END_TEST

START_TEST(errno_stays_when_input_is_had)
{
	open_stream(open_pipe);
	other_side(_i, say_in_pieces);
	errno = ESTALE;
	by_fgets();
	ck_assert_int_eq(errno, ESTALE);
}
END_TEST

static const struct kind *open_kind_of_stream(int i)
{
	const struct kind *kind = open_kind(i);

	stream = fdopen(fd[0], "r");
	ck_assert_ptr_nonnull(stream);
	return kind;
}

START_TEST(a_line_is_waited_for_on_each_kind)
{
	open_kind_of_stream(_i);
	other_side(_i, say_in_pieces);
	by_getline();
	ck_assert_str_eq(text, TEXT);
	assert_waited();
}
END_TEST

static void take_standard_input(void)
{
	open_pipe(fd);
	ck_assert_int_eq(dup2(fd[0], STDIN_FILENO), STDIN_FILENO);
	stream = stdin;
}

static void by_getchar(void)
{
	for (int i = 0; i < SIZE - 1; i++)
		text[i] = i % 2 ? getchar() : getchar_unlocked();
}

static void by_scanf(void)
{
	scanned(old_scanf(FORMAT, PLACES));
}

static void by_isoc99_scanf(void)
{
	scanned(new_scanf(FORMAT, PLACES));
}

static void by_isoc23_scanf(void)
{
	scanned((c23_scanf ? c23_scanf : new_scanf)(FORMAT, PLACES));
}

static int vscanf_with(int scan(const char *, va_list), const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = scan(format, arguments);
	va_end(arguments);
	return n;
}

static void by_vscanf(void)
{
	scanned(vscanf_with(old_vscanf, FORMAT, PLACES));
}

static void by_isoc99_vscanf(void)
{
	scanned(vscanf_with(new_vscanf, FORMAT, PLACES));
}

static void by_isoc23_vscanf(void)
{
	scanned(vscanf_with(c23_vscanf ? c23_vscanf : new_vscanf, FORMAT, PLACES));
}

static void (*const ways_from_stdin[])(void) = {
	by_getchar,	  by_scanf,	   by_isoc99_scanf,  by_vscanf,
	by_isoc99_vscanf, by_isoc23_scanf, by_isoc23_vscanf,
};
enum { WAYS_FROM_STDIN = sizeof(ways_from_stdin) / sizeof(ways_from_stdin[0]) };

START_TEST(standard_input_comes_in_pieces)
{
	take_standard_input();
	other_side(_i, say_in_pieces);
	ways_from_stdin[_i / other_sides()]();
	ck_assert_str_eq(text, TEXT);
	assert_waited();
}
END_TEST

Suite *stdio_get_suite(void)
{
	Suite *suite = suite_create("stdio_get");
	TCase *tcase = way_case(suite, "stdio_get");

	each_row(tcase, input_comes_in_pieces, WAYS_TO_GET);
	each_row(tcase, a_stream_without_a_buffer_takes_no_more_than_it_needs, WAYS_TO_GET);
	each_side(tcase, errno_stays_when_input_is_had);
	each_kind(tcase, a_line_is_waited_for_on_each_kind, STREAM);
	each_row(tcase, standard_input_comes_in_pieces, WAYS_FROM_STDIN);
	return suite;
}
