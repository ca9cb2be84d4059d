/* SPDX-License-Identifier: MIT */
/*
 * Output to streams, by each of the calls that there are, into a pipe that is full.
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

#undef fwrite_unlocked

int _IO_putc(int byte, FILE *to);
int _IO_fputs(const char *what, FILE *to);
size_t _IO_fwrite(const void *from, size_t size, size_t n, FILE *to);
int _IO_puts(const char *what);
int _IO_fprintf(FILE *to, const char *format, ...);
int _IO_printf(const char *format, ...);
int _IO_vfprintf(FILE *to, const char *format, va_list arguments);
int _IO_fflush(FILE *to);
int __fprintf_chk(FILE *to, int flag, const char *format, ...);
int __printf_chk(int flag, const char *format, ...);
int __vfprintf_chk(FILE *to, int flag, const char *format, va_list arguments);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __dprintf_chk(int to, int flag, const char *format, ...);
int __vdprintf_chk(int to, int flag, const char *format, va_list arguments);

#define TEXT "12 abcd\n"
#define FORMAT "%d %s\n"
#define ARGUMENTS 12, "abcd"

enum { LEN = sizeof(TEXT) - 1 };

static FILE *stream;
static size_t filled;
static char got[64];

static void by_bytes(int put(int, FILE *))
{
	for (const char *byte = TEXT; *byte; byte++)
		ck_assert_int_eq(put(*byte, stream), *byte);
}

static void by_putc(void)
{
	by_bytes(putc);
}

static void by_fputc(void)
{
	by_bytes(fputc);
}

static void by_old_putc(void)
{
	by_bytes(_IO_putc);
}

static void by_putc_unlocked(void)
{
	by_bytes(putc_unlocked);
}

static void by_fputc_unlocked(void)
{
	by_bytes(fputc_unlocked);
}

static void by_overflow(void)
{
	for (const char *byte = TEXT; *byte; byte++)
		ck_assert_int_eq(__overflow(stream, *byte), *byte);
}

static void by_putw(void)
{
	for (int i = 0; i < 2; i++) {
		int word;

		memcpy(&word, &TEXT[i * sizeof(word)], sizeof(word));
		ck_assert_int_eq(putw(word, stream), 0);
	}
}

static void by_fputs(void)
{
	ck_assert_int_ge(fputs(TEXT, stream), 0);
}

static void by_old_fputs(void)
{
	ck_assert_int_ge(_IO_fputs(TEXT, stream), 0);
}

static void by_fputs_unlocked(void)
{
	ck_assert_int_ge(fputs_unlocked(TEXT, stream), 0);
}

static void by_fwrite(void)
{
	ck_assert_uint_eq(fwrite(TEXT, 4, 2, stream), 2);
}

static void by_old_fwrite(void)
{
	ck_assert_uint_eq(_IO_fwrite(TEXT, 1, LEN, stream), LEN);
}

static void by_fwrite_unlocked(void)
{
	ck_assert_uint_eq(fwrite_unlocked(TEXT, 2, 4, stream), 4);
}

static void by_fprintf(void)
{
	ck_assert_int_eq(fprintf(stream, FORMAT, ARGUMENTS), LEN);
}

static void by_old_fprintf(void)
{
	ck_assert_int_eq(_IO_fprintf(stream, FORMAT, ARGUMENTS), LEN);
}

static void by_fprintf_chk(void)
{
	ck_assert_int_eq(__fprintf_chk(stream, 1, FORMAT, ARGUMENTS), LEN);
}

static int with_list(int print(FILE *, const char *, va_list), const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = print(stream, format, arguments);
	va_end(arguments);
	return n;
}

static void by_vfprintf(void)
{
	ck_assert_int_eq(with_list(vfprintf, FORMAT, ARGUMENTS), LEN);
}

static void by_old_vfprintf(void)
{
	ck_assert_int_eq(with_list(_IO_vfprintf, FORMAT, ARGUMENTS), LEN);
}

static int vfprintf_chk(FILE *to, const char *format, va_list arguments)
{
	return __vfprintf_chk(to, 1, format, arguments);
}

static void by_vfprintf_chk(void)
{
	ck_assert_int_eq(with_list(vfprintf_chk, FORMAT, ARGUMENTS), LEN);
}

static void by_dprintf(void)
{
	ck_assert_int_eq(dprintf(fileno(stream), FORMAT, ARGUMENTS), LEN);
}

static void by_dprintf_chk(void)
{
	ck_assert_int_eq(__dprintf_chk(fileno(stream), 1, FORMAT, ARGUMENTS), LEN);
}

static int vdprintf_to(FILE *to, const char *format, va_list arguments)
{
	return vdprintf(fileno(to), format, arguments);
}

static void by_vdprintf(void)
{
	ck_assert_int_eq(with_list(vdprintf_to, FORMAT, ARGUMENTS), LEN);
}

static int vdprintf_chk(FILE *to, const char *format, va_list arguments)
{
	return __vdprintf_chk(fileno(to), 1, format, arguments);
}

static void by_vdprintf_chk(void)
{
	ck_assert_int_eq(with_list(vdprintf_chk, FORMAT, ARGUMENTS), LEN);
}

static void (*const ways_to_put[])(void) = {
	by_putc,	by_fputc,      by_old_putc,	   by_putc_unlocked, by_fputc_unlocked,
	by_overflow,	by_putw,       by_fputs,	   by_old_fputs,     by_fputs_unlocked,
	by_fwrite,	by_old_fwrite, by_fwrite_unlocked, by_fprintf,	     by_old_fprintf,
	by_fprintf_chk, by_vfprintf,   by_old_vfprintf,	   by_vfprintf_chk,  by_dprintf,
	by_dprintf_chk, by_vdprintf,   by_vdprintf_chk,
};
enum { WAYS_TO_PUT = sizeof(ways_to_put) / sizeof(ways_to_put[0]) };

/* A little at a time, so that a write() of more bytes goes in pieces. */
static void take_all(void)
{
	static char taken[1 << 20];
	size_t done = 0;
	ssize_t n = 1;

	while (n > 0 && done < filled + LEN) {
		n = read(fd[0], taken + done, 4096);
		done += n;
		settle();
	}
	ck_assert_uint_eq(done, filled + LEN);
	memcpy(got, taken + filled, LEN);
}

static void open_full(void open_ends(int *))
{
	open_ends(fd);
	filled = fill(fd[1]);
	stream = fdopen(fd[1], "w");
	ck_assert_ptr_nonnull(stream);
	count_waits_anew();
}

START_TEST(output_without_a_buffer_waits_for_room)
{
	open_full(open_pipe);
	setvbuf(stream, NULL, _IONBF, 0);
	other_side(_i, take_all);
	ways_to_put[_i / other_sides()]();
	other_side_join();
	ck_assert_str_eq(got, TEXT);
	assert_waited();
	ck_assert(!ferror(stream));
	fclose(stream);
}
END_TEST

START_TEST(the_end_of_a_line_waits_for_room)
{
	open_full(open_pipe);
	setvbuf(stream, NULL, _IOLBF, 4096);
	other_side(_i, take_all);
	ways_to_put[_i / other_sides()]();
	fflush(stream);		/* putw() and what the macro calls do not look for it */
	other_side_join();
	ck_assert_str_eq(got, TEXT);
	assert_waited();
}
END_TEST

static int (*const flushes[])(FILE *) = { fflush, _IO_fflush, fflush_unlocked, fclose };
enum { FLUSHES = sizeof(flushes) / sizeof(flushes[0]) };

START_TEST(a_buffer_is_flushed)
{
	open_full(open_pipe);
	by_fprintf();
	ck_assert_uint_eq(waits(), 0);
	other_side(_i, take_all);
	OK(0, flushes[_i / other_sides()](stream));
	other_side_join();
	ck_assert_str_eq(got, TEXT);
	assert_waited();
}
END_TEST

static void take_standard_output(void)
{
	open_full(open_pipe);
	fflush(stdout);
	ck_assert_int_eq(dup2(fd[1], STDOUT_FILENO), STDOUT_FILENO);
	setvbuf(stdout, NULL, _IONBF, 0);
}

#define WITHOUT_NEWLINE "12 abcd"

static void by_putchar(void)
{
	for (int i = 0; i < LEN; i++)
		ck_assert_int_eq((i % 2 ? putchar : putchar_unlocked)(TEXT[i]), TEXT[i]);
}

static void by_puts(void)
{
	ck_assert_int_ge(puts(WITHOUT_NEWLINE), 0);
}

static void by_old_puts(void)
{
	ck_assert_int_ge(_IO_puts(WITHOUT_NEWLINE), 0);
}

static void by_printf(void)
{
	ck_assert_int_eq(printf(FORMAT, ARGUMENTS), LEN);
}

static void by_old_printf(void)
{
	ck_assert_int_eq(_IO_printf(FORMAT, ARGUMENTS), LEN);
}

static void by_printf_chk(void)
{
	ck_assert_int_eq(__printf_chk(1, FORMAT, ARGUMENTS), LEN);
}

static int vprintf_to(FILE *to, const char *format, va_list arguments)
{
	(void)to;
	return vprintf(format, arguments);
}

static void by_vprintf(void)
{
	ck_assert_int_eq(with_list(vprintf_to, FORMAT, ARGUMENTS), LEN);
}

static int vprintf_chk(FILE *to, const char *format, va_list arguments)
{
	(void)to;
	return __vprintf_chk(1, format, arguments);
}

static void by_vprintf_chk(void)
{
	ck_assert_int_eq(with_list(vprintf_chk, FORMAT, ARGUMENTS), LEN);
}

static void (*const ways_to_stdout[])(void) = {
	by_putchar,    by_puts,	   by_old_puts,	  by_printf,
	by_old_printf, by_vprintf, by_printf_chk, by_vprintf_chk,
};
enum { WAYS_TO_STDOUT = sizeof(ways_to_stdout) / sizeof(ways_to_stdout[0]) };

/* As any write() to it, unless MPGREEN_STDIO says otherwise: the other side is a thread. */
START_TEST(standard_output_blocks_the_thread)
{
	take_standard_output();
	other_side(0, take_all);
	ways_to_stdout[_i]();
	ck_assert_uint_eq(waits(), 0);
	other_side_join();
	ck_assert_str_eq(got, TEXT);
}
END_TEST

Suite *stdio_put_suite(void)
{
	Suite *suite = suite_create("stdio_put");
	TCase *tcase = way_case(suite, "stdio_put");

	each_row(tcase, output_without_a_buffer_waits_for_room, WAYS_TO_PUT);
	each_row(tcase, the_end_of_a_line_waits_for_room, WAYS_TO_PUT);
	each_row(tcase, a_buffer_is_flushed, FLUSHES);
	tcase_add_loop_test(tcase, standard_output_blocks_the_thread, 0, WAYS_TO_STDOUT);
	return suite;
}
