/* SPDX-License-Identifier: MIT */
/*
 * Opening a FIFO waits until somebody opens its other end.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fifos.h"
#include "kinds.h"
#include "signals.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

int __open(const char *path, int flags, ...);
int __open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);
FILE *_IO_fopen(const char *path, const char *mode);

static FILE *stream;

static int by_open(int flags)
{
	return open(fifo, flags);
}

static int by_open_with_mode(int flags)
{
	return open(fifo, flags | O_CREAT, 0600);
}

static int by_link(int flags)
{
	return open(link_to_it, flags);
}

static int by_openat(int flags)
{
	return openat(folder, "fifo", flags);
}

static int by_open64(int flags)
{
	return open64(fifo, flags);
}

static int by_openat64(int flags)
{
	return openat64(folder, "fifo", flags);
}

static int by_internal_open(int flags)
{
	return __open(fifo, flags);
}

static int by_internal_open64(int flags)
{
	return __open64(fifo, flags);
}

static int by_open_2(int flags)
{
	return __open_2(fifo, flags);
}

static int by_open64_2(int flags)
{
	return __open64_2(fifo, flags);
}

static int by_openat_2(int flags)
{
	return __openat_2(folder, "fifo", flags);
}

static int by_openat64_2(int flags)
{
	return __openat64_2(folder, "fifo", flags);
}

static int by_creat(int flags)
{
	return flags == O_WRONLY ? creat(fifo, 0600) : open(fifo, flags);
}

static int by_creat64(int flags)
{
	return flags == O_WRONLY ? creat64(fifo, 0600) : open(fifo, flags);
}

static int number_of(FILE *opened)
{
	stream = opened;
	return opened ? fileno(opened) : -1;
}

static const char *mode_for(int flags)
{
	return flags == O_WRONLY ? "w" : "r";
}

static int by_fopen(int flags)
{
	return number_of(fopen(fifo, mode_for(flags)));
}

static int by_fopen_to_append(int flags)
{
	return number_of(fopen(fifo, flags == O_WRONLY ? "a" : "rm"));
}

static int by_fopen64(int flags)
{
	return number_of(fopen64(fifo, mode_for(flags)));
}

static int by_internal_fopen(int flags)
{
	return number_of(_IO_fopen(fifo, mode_for(flags)));
}

static FILE *any_stream(void)
{
	FILE *any = fopen("/dev/null", "r");

	ck_assert_ptr_nonnull(any);
	return any;
}

static int by_freopen(int flags)
{
	return number_of(freopen(fifo, mode_for(flags), any_stream()));
}

static int by_freopen64(int flags)
{
	return number_of(freopen64(fifo, mode_for(flags), any_stream()));
}

/* Those first that take all flags. */
static int (*const calls[])(int flags) = {
	by_open,	  by_open_with_mode,  by_link,
	by_openat,	  by_open64,	      by_openat64,
	by_internal_open, by_internal_open64, by_open_2,
	by_open64_2,	  by_openat_2,	      by_openat64_2,
	by_creat,	  by_creat64,	      by_fopen,
	by_fopen64,	  by_fopen_to_append, by_internal_fopen,
	by_freopen,	  by_freopen64,
};
enum { CALLS = sizeof(calls) / sizeof(calls[0]), CALLS_FOR_FDS = 14 };

/* Calls `call`, which succeeds. errno is left alone; by fopen() to append it is not. */
static int opened_by(int (*call)(int), int flags)
{
	int end, error;

	errno = ESTALE;
	end = call(flags);
	error = errno;
	ck_assert_int_ge(end, 0);
	if (!stream)
		ck_assert_int_eq(error, ESTALE);
	return end;
}

static void say_hello(void)
{
	ck_assert_int_eq(syscall(SYS_write, other_end, "hello", 5), 5);
}

/* What was opened is green like any other. */
static void assert_reads(int end)
{
	char buf[16];

	count_waits_anew();
	other_side(0, say_hello);
	OK(5, read(end, buf, sizeof(buf)));
	assert_waited();
}

START_TEST(a_reader_waits_for_a_writer)
{
	int end;

	other_side(_i, open_to_write);
	end = opened_by(calls[_i / other_sides()], O_RDONLY);
	assert_waited();
	other_side_join();
	ck_assert_int_eq(fcntl(end, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
	assert_reads(end);
}
END_TEST

START_TEST(a_writer_waits_for_a_reader)
{
	char buf[16];
	int end;

	other_side(_i, open_to_read);
	end = opened_by(calls[_i / other_sides()], O_WRONLY);
	assert_waited();
	other_side_join();
	ck_assert_int_eq(fcntl(end, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY);
	if (stream) {
		ck_assert_int_eq(fputs("hello", stream), 1);
		ck_assert_int_eq(fflush(stream), 0);
	} else {
		OK(5, write(end, "hello", 5));
	}
	ck_assert_int_eq(syscall(SYS_read, other_end, buf, sizeof(buf)), 5);
}
END_TEST

START_TEST(nobody_waits_without_need)
{
	int end;

	FAILS(ENXIO, open(fifo, O_WRONLY | O_NONBLOCK));
	ck_assert_int_ge(open(fifo, O_PATH), 0);
	end = open(fifo, O_RDWR);
	ck_assert_int_ge(end, 0);
	close(end);
	ck_assert_ptr_nonnull(fopen(fifo, "r+"));
	for (int i = 0; i < CALLS_FOR_FDS; i++)
		opened_by(calls[i], O_RDONLY | O_NONBLOCK);
	ck_assert_int_ge(open("/dev/null", O_RDONLY), 0);
	ck_assert_ptr_nonnull(fopen("/dev/null", "r"));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(errors_are_the_kernel_s)
{
	char too_long[5000];

	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	FAILS(ENOENT, open("/nowhere", O_RDONLY));
	FAILS(ENOENT, open("", O_RDONLY));
	FAILS(ENAMETOOLONG, open(too_long, O_RDONLY));
	if (!is_emulated())
		FAILS(EFAULT, open(nowhere, O_RDONLY));
	FAILS(EBADF, openat(minus_one, "fifo", O_RDONLY));
	FAILS(ENOTDIR, open(fifo, O_RDONLY | O_DIRECTORY));
	FAILS(EEXIST, open(fifo, O_RDONLY | O_CREAT | O_EXCL, 0600));
	FAILS(ELOOP, open(link_to_it, O_RDONLY | O_NOFOLLOW));
	ck_assert(!fopen(fifo, "wx") && errno == EEXIST);
	ck_assert(!fopen(fifo, "?") && errno == EINVAL);
	ck_assert(!fopen("/nowhere", "r") && errno == ENOENT);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(who_has_no_right_does_not_wait_for_long)
{
	if (geteuid() == 0) {
		*strrchr(fifo, '/') = '\0';
		ck_assert_int_eq(chmod(fifo, 0755), 0);
		fifo[strlen(fifo)] = '/';
		ck_assert_int_eq(seteuid(65534), 0);
	} else {
		ck_assert_int_eq(chmod(fifo, 0), 0);
	}
	FAILS(EACCES, open(fifo, O_RDONLY));
	FAILS(EACCES, open(fifo, O_WRONLY));
	ck_assert(!fopen(fifo, "r") && errno == EACCES);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(the_lowest_number_is_taken)
{
	int low = (int)syscall(SYS_dup, 0);
	pid_t pid = fork();

	if (pid == 0)
		_exit(native_fifo(O_WRONLY) < 0);
	close(low);
	ck_assert_int_eq(open(fifo, O_RDONLY), low);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(a_handler_ends_a_wait)
{
	int before = (int)syscall(SYS_dup, 0);

	close(before);
	catch_with(0);
	other_side(0, raise_it);
	FAILS(EINTR, calls[_i](O_RDONLY));
	assert_waited();
	other_side_join();
	ck_assert_int_eq(signals, 1);
	/* Nobody reads any more. */
	FAILS(ENXIO, native_fifo(O_WRONLY | O_NONBLOCK));
	ck_assert_int_eq(syscall(SYS_dup, 0), before);
}
END_TEST

static void raise_and_open(void)
{
	raise_it();
	UNTIL(signals == 1);
	settle();
	open_to_write();
}

START_TEST(a_wait_goes_on_after_a_handler_with_SA_RESTART)
{
	catch_with(SA_RESTART);
	other_side(0, raise_and_open);
	opened_by(calls[_i], O_RDONLY);
	assert_waited();
	ck_assert_int_eq(signals, 1);
}
END_TEST

static void go_away_and_open(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	close(folder);
	open_to_write();
}

static int by_relative_path(int flags)
{
	return open("fifo", flags);
}

START_TEST(a_path_begins_where_it_did_when_the_call_began)
{
	ck_assert_int_eq(fchdir(folder), 0);
	other_side(_i, go_away_and_open);
	opened_by(_i / other_sides() ? by_openat : by_relative_path, O_RDONLY);
	assert_waited();
}
END_TEST

static int result_in_handler;

static void open_in_handler(int sig)
{
	(void)sig;
	result_in_handler = open(fifo, O_RDONLY);
}

START_TEST(a_signal_handler_waits_natively)
{
	result_in_handler = -1;
	signal(SIGUSR1, open_in_handler);
	other_side(0, open_to_write);
	raise(SIGUSR1);
	ck_assert_int_ge(result_in_handler, 0);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

/* Each of them waits for the other. */
static void open_the_other_end(void)
{
	other_end = open(fifo, O_WRONLY);
	ck_assert_int_ge(other_end, 0);
}

START_TEST(two_fibers_open_both_ends)
{
	other_side(1, open_the_other_end);
	opened_by(by_open, O_RDONLY);
	other_side_join();
	ck_assert_int_ge(other_end, 0);
}
END_TEST

static int open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

static _Atomic bool over;

static void *disturb(void *unused)
{
	while (!over) {
		pthread_kill(test_thread(), SIGUSR1);
		breathe();
	}
	return unused;
}

enum { MEETINGS = 100 };

/* A writer that comes and goes while readers give up. */
START_TEST(nothing_stays_open_when_openers_give_up)
{
	int before, end, status, met = 0;
	pthread_t disturber;
	pid_t pid;

	catch_with(0);
	before = open_fds();
	pid = fork();
	if (pid == 0) {
		alarm(20);
		for (int i = 0; i < MEETINGS; i++) {
			end = native_fifo(O_WRONLY);
			if (end < 0)
				_exit(1);
			syscall(SYS_close, end);
			breathe();
		}
		_exit(0);
	}
	ck_assert_int_eq(pthread_create(&disturber, NULL, disturb, NULL), 0);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		end = calls[_i](O_RDONLY);
		ck_assert(end >= 0 || errno == EINTR);
		if (end < 0)
			continue;
		met++;
		if (stream)
			fclose(stream);
		else
			close(end);
	}
	over = true;
	pthread_join(disturber, NULL);
	ck_assert_int_eq(status, 0);
	ck_assert_int_gt(met, 0);
	UNTIL(open_fds() <= before + (green() ? 2 : 0));
}
END_TEST

Suite *open_suite(void)
{
	Suite *suite = suite_create("open");
	TCase *tcase = way_case(suite, "open");

	tcase_add_checked_fixture(tcase, make_fifo, remove_fifo);
	each_row(tcase, a_reader_waits_for_a_writer, CALLS);
	each_row(tcase, a_writer_waits_for_a_reader, CALLS);
	each_row(tcase, a_path_begins_where_it_did_when_the_call_began, 2);
	tcase_add_test(tcase, the_lowest_number_is_taken);
	tcase_add_test(tcase, nobody_waits_without_need);
	tcase_add_test(tcase, errors_are_the_kernel_s);
	tcase_add_test(tcase, who_has_no_right_does_not_wait_for_long);
	tcase_add_loop_test(tcase, a_handler_ends_a_wait, 0, CALLS);
	tcase_add_loop_test(tcase, a_wait_goes_on_after_a_handler_with_SA_RESTART, 0, CALLS);
	tcase_add_test(tcase, a_signal_handler_waits_natively);
	tcase_add_test(tcase, two_fibers_open_both_ends);
	tcase_add_loop_test(tcase, nothing_stays_open_when_openers_give_up, 0, CALLS);
	return suite;
}
