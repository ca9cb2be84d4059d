/* SPDX-License-Identifier: MIT */
/*
 * Other names of the same calls: those that libraries import instead of the plain ones.
 */
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "kinds.h"
#include "signals.h"
#include "suites.h"
#include "way.h"

ssize_t __read(int end, void *to, size_t len);
ssize_t __write(int end, const void *from, size_t len);
ssize_t __send(int end, const void *from, size_t len, int flags);
int __connect(int end, const struct sockaddr *addr, socklen_t len);
int __poll(struct pollfd *set, nfds_t n, int timeout);
int __select(int n, fd_set *in, fd_set *out, fd_set *exceptional, struct timeval *timeout);
int __close(int end);
int __open(const char *path, int flags, ...);
int __open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);
int _IO_fclose(FILE *stream);
int __dup2(int from, int to);
int __fcntl(int end, int command, ...);
int __pipe(int ends[2]);
int __nanosleep(const struct timespec *time, struct timespec *left);
int __sigsuspend(const sigset_t *mask);

static char buf[16];

static void say_hello(void)
{
	ck_assert_int_eq(__write(fd[1], "hello", 5), 5);
}

START_TEST(aliases_of_read_wait)
{
	struct iovec iov = { buf, sizeof(buf) };

	open_unix(fd);
	other_side(_i, say_hello);
	OK(5, __read(fd[0], buf, sizeof(buf)));
	assert_waited();
	other_side(_i, say_hello);
	OK(5, preadv64v2(fd[0], &iov, 1, -1, 0));
	ck_assert_mem_eq(buf, "hello", 5);
	if (green())
		ck_assert_uint_ge(waits(), 2);
}
END_TEST

static void drain(void)
{
	static char piece[1 << 20];

	set_nonblocking(fd[0], true);
	while (read(fd[0], piece, sizeof(piece)) > 0)
		continue;
}

static void refill(void)
{
	other_side_join();
	fill(fd[1]);
	other_side(0, drain);
}

START_TEST(aliases_of_write_and_send_wait)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };

	open_unix(fd);
	refill();
	OK(1, __write(fd[1], "x", 1));
	refill();
	OK(1, __send(fd[1], "x", 1, 0));
	refill();
	OK(1, pwritev64v2(fd[1], &iov, 1, -1, 0));
	if (green())
		ck_assert_uint_ge(waits(), 3);
}
END_TEST

START_TEST(aliases_of_poll_and_select_wait)
{
	struct pollfd set = { .events = POLLIN };
	fd_set in;

	open_unix(fd);
	set.fd = fd[0];
	other_side(_i, say_hello);
	OK(1, __poll(&set, 1, -1));
	assert_waited();
	OK(5, read(fd[0], buf, sizeof(buf)));
	FD_ZERO(&in);
	FD_SET(fd[0], &in);
	other_side(_i, say_hello);
	OK(1, __select(fd[0] + 1, &in, NULL, NULL, NULL));
	if (green())
		ck_assert_uint_ge(waits(), 2);
}
END_TEST

START_TEST(aliases_of_the_calls_that_make_fds_work)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int listener = listen_tcp(&addr, &len, 1), end = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(listener, 0);
	OK(0, __connect(end, (struct sockaddr *)&addr, len));
	OK(0, __pipe(fd));
	OK(70, __dup2(fd[0], 70));
	OK(71, __fcntl(70, F_DUPFD, 71));
	OK(0, fcntl64(71, F_SETFL, O_NONBLOCK));
	FAILS(EAGAIN, read(70, buf, 1));
	OK(0, __fcntl(71, F_SETFL, 0));
	other_side(_i, say_hello);
	OK(5, read(71, buf, sizeof(buf)));
	assert_waited();
	OK(0, __close(71));
	FAILS(EBADF, __close(71));
}
END_TEST

static const char exe[] = "/proc/self/exe";

/* Each takes the number that was a pipe's a moment ago. */
static void assert_is_file(int end)
{
	ck_assert_int_eq(end, fd[0]);
	OK(4, read(end, buf, 4));
	ck_assert_mem_eq(buf, "\177ELF", 4);
	close(end);
}

START_TEST(aliases_of_open_make_fds_that_are_what_they_are)
{
	open_pipe(fd);
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	other_side_join();
	close(fd[0]);
	assert_is_file(open(exe, O_RDONLY));
	assert_is_file(open64(exe, O_RDONLY));
	assert_is_file(openat(AT_FDCWD, exe, O_RDONLY));
	assert_is_file(openat64(AT_FDCWD, exe, O_RDONLY));
	assert_is_file(__open(exe, O_RDONLY));
	assert_is_file(__open64(exe, O_RDONLY));
	assert_is_file(__open_2(exe, O_RDONLY));
	assert_is_file(__open64_2(exe, O_RDONLY));
	assert_is_file(__openat_2(AT_FDCWD, exe, O_RDONLY));
	assert_is_file(__openat64_2(AT_FDCWD, exe, O_RDONLY));
	FAILS(ENOENT, open("/nowhere", O_RDONLY));
}
END_TEST

static void assert_has_mode(int end, mode_t mode)
{
	struct stat status;

	ck_assert_int_ge(end, 0);
	ck_assert_int_eq(fstat(end, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, mode);
	ck_assert_int_eq(close(end), 0);
	ck_assert_int_eq(unlink(scratch("made")), 0);
}

START_TEST(a_file_is_made_with_its_mode)
{
	char *path = scratch("made");

	umask(0);
	assert_has_mode(creat(path, 0641), 0641);
	assert_has_mode(creat64(path, 0642), 0642);
	assert_has_mode(open(path, O_CREAT | O_WRONLY, 0643), 0643);
	assert_has_mode(openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0644), 0644);
}
END_TEST

START_TEST(_IO_fclose_frees_the_number)
{
	open_pipe(fd);
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	other_side_join();
	OK(0, _IO_fclose(fdopen(fd[0], "r")));
	assert_is_file(open(exe, O_RDONLY));
}
END_TEST

START_TEST(closedir_frees_the_number)
{
	DIR *folder;
	int old;

	open_pipe(fd);
	folder = opendir("/");
	ck_assert_ptr_nonnull(folder);
	old = dirfd(folder);
	OK(0, closedir(folder));
	close(fd[0]);
	ck_assert_int_eq(dup2(fd[1], old), old);
	ck_assert_int_eq(close(fd[1]), 0);
	FAILS(EBADF, read(old, buf, 1));
}
END_TEST

static void ignore(int sig)
{
	(void)sig;
}

START_TEST(aliases_of_the_sleeps_wait)
{
	struct timespec moment = { .tv_nsec = 20000000 };
	sigset_t set, before;
	double began = now_ms();

	OK(0, __nanosleep(&moment, NULL));
	ck_assert_double_ge(now_ms() - began, 20);
	assert_waited();
	signal(SIGUSR1, ignore);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	other_side(0, raise_it);
	FAILS(EINTR, __sigsuspend(&before));
	if (green())
		ck_assert_uint_ge(waits(), 2);
}
END_TEST

Suite *names_suite(void)
{
	Suite *suite = suite_create("names");
	TCase *tcase = way_case(suite, "names");

	each_side(tcase, aliases_of_read_wait);
	each_side(tcase, aliases_of_open_make_fds_that_are_what_they_are);
	each_side(tcase, _IO_fclose_frees_the_number);
	tcase_add_test(tcase, a_file_is_made_with_its_mode);
	tcase_add_test(tcase, closedir_frees_the_number);
	each_side(tcase, aliases_of_poll_and_select_wait);
	each_side(tcase, aliases_of_the_calls_that_make_fds_work);
	tcase_add_test(tcase, aliases_of_write_and_send_wait);
	tcase_add_test(tcase, aliases_of_the_sleeps_wait);
	return suite;
}
