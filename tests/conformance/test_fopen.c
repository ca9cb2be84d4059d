/* SPDX-License-Identifier: MIT */
/*
 * Streams that are opened: their flags, their numbers, what becomes of one that is opened anew.
 * That they wait for the other end of a FIFO is in test_open.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <wchar.h>

#include "fifos.h"
#include "kinds.h"
#include "signals.h"
#include "suites.h"
#include "way.h"

static FILE *stream;

static int number_of(FILE *opened)
{
	stream = opened;
	return opened ? fileno(opened) : -1;
}

static FILE *any_stream(void)
{
	FILE *any = fopen("/dev/null", "r");

	ck_assert_ptr_nonnull(any);
	return any;
}

static void say_hello(void)
{
	ck_assert_int_eq(syscall(SYS_write, other_end, "hello", 5), 5);
}

static void assert_flags(int end, int status, int descriptor)
{
	ck_assert_int_ge(end, 0);
	ck_assert_int_eq(fcntl(end, F_GETFL) & (O_APPEND | O_NONBLOCK | O_SYNC), status);
	ck_assert_int_eq(fcntl(end, F_GETFD), descriptor);
}

static const struct flags_row {
	const char *mode;
	int flags, status, descriptor;
} flags_rows[] = {
	{ NULL, O_WRONLY, 0, 0 },
	{ NULL, O_WRONLY | O_APPEND | O_CLOEXEC, O_APPEND, FD_CLOEXEC },
	{ NULL, O_WRONLY | O_SYNC, O_SYNC, 0 },
	{ "w", 0, 0, 0 },
	{ "we", 0, 0, FD_CLOEXEC },
	{ "a", 0, O_APPEND, 0 },
	{ "abe", 0, O_APPEND, FD_CLOEXEC },
};
enum { FLAGS_ROWS = sizeof(flags_rows) / sizeof(flags_rows[0]) };

START_TEST(flags_and_modes_are_what_was_asked_for)
{
	const struct flags_row *row = &flags_rows[_i];

	other_side(0, open_to_read);
	assert_flags(row->mode ? number_of(fopen(fifo, row->mode)) : open(fifo, row->flags),
		     row->status, row->descriptor);
	assert_waited();
	if (!row->mode)
		return;
	other_side_join();
	other_side(0, open_to_read);
	close(other_end);
	fclose(stream);
	assert_flags(number_of(freopen(fifo, row->mode, any_stream())), row->status,
		     row->descriptor);
}
END_TEST

START_TEST(a_stream_has_the_encoding_asked_for)
{
	other_side(0, open_to_write);
	stream = fopen(fifo, "r,ccs=UTF-8");
	ck_assert_ptr_nonnull(stream);
	other_side_join();
	ck_assert_int_gt(fwide(stream, 0), 0);
	ck_assert_int_eq(syscall(SYS_write, other_end, "\xc3\xa9\n", 3), 3);
	ck_assert_int_eq(fgetwc(stream), 0xe9);
}
END_TEST

START_TEST(freopen_keeps_the_number)
{
	FILE *any = any_stream();
	int number = fileno(any);
	char buf[16];

	other_side(_i, open_to_write);
	ck_assert_ptr_eq(freopen(fifo, "r", any), any);
	assert_waited();
	ck_assert_int_eq(fileno(any), number);
	other_side_join();
	count_waits_anew();
	other_side(0, say_hello);
	OK(5, read(number, buf, sizeof(buf)));
	assert_waited();
	ck_assert_int_eq(fclose(any), 0);
	FAILS(EBADF, fcntl(number, F_GETFD));
}
END_TEST

START_TEST(a_stream_that_cannot_be_reopened_is_closed)
{
	FILE *any = any_stream();
	int number = fileno(any);

	catch_with(0);
	other_side(0, raise_it);
	ck_assert_ptr_null(freopen(fifo, "r", any));
	ck_assert_int_eq(errno, EINTR);
	FAILS(EBADF, fcntl(number, F_GETFD));
}
END_TEST

static const char exe[] = "/proc/self/exe";

START_TEST(a_stream_s_number_begins_anew)
{
	int ends[2], number;
	char byte;

	open_pipe(ends);
	FAILS(EINTR, (catch_with(0), other_side(0, raise_it), read(ends[0], &byte, 1)));
	number = ends[0];
	/* Behind the library's back, as libc does it. */
	syscall(SYS_close, number);
	stream = fopen(exe, "r");
	ck_assert_int_eq(fileno(stream), number);
	count_waits_anew();
	OK(1, read(number, &byte, 1));
	ck_assert_ptr_eq(freopen(exe, "re", stream), stream);
	ck_assert_int_eq(fcntl(fileno(stream), F_GETFD), FD_CLOEXEC);
	OK(1, read(fileno(stream), &byte, 1));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

Suite *fopen_suite(void)
{
	Suite *suite = suite_create("fopen");
	TCase *tcase = way_case(suite, "fopen");

	tcase_add_checked_fixture(tcase, make_fifo, remove_fifo);
	tcase_add_loop_test(tcase, flags_and_modes_are_what_was_asked_for, 0, FLAGS_ROWS);
	tcase_add_test(tcase, a_stream_has_the_encoding_asked_for);
	each_side(tcase, freopen_keeps_the_number);
	tcase_add_test(tcase, a_stream_that_cannot_be_reopened_is_closed);
	tcase_add_test(tcase, a_stream_s_number_begins_anew);
	return suite;
}
