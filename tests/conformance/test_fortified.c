/* SPDX-License-Identifier: MIT */
/*
 * Calls as a program makes them that was built with -O2 -D_FORTIFY_SOURCE=2, as most are: the
 * headers turn them into __read_chk() and its kin where the compiler knows the buffer but not the
 * length. A sanitizer switches that off, so they are called by name as well.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "way.h"

ssize_t __read_chk(int end, void *to, size_t len, size_t room);
ssize_t __recv_chk(int end, void *to, size_t len, size_t room, int flags);
ssize_t __recvfrom_chk(int end, void *to, size_t len, size_t room, int flags, struct sockaddr *addr,
		       socklen_t *addr_len);
int __poll_chk(struct pollfd *set, nfds_t n, int timeout, size_t room);
int __ppoll_chk(struct pollfd *set, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t room);
size_t __fread_chk(void *to, size_t room, size_t size, size_t n, FILE *file);
size_t __fread_unlocked_chk(void *to, size_t room, size_t size, size_t n, FILE *file);
char *__fgets_chk(char *to, size_t room, int n, FILE *file);
char *__fgets_unlocked_chk(char *to, size_t room, int n, FILE *file);

static char buf[16];
static FILE *stream;
static struct pollfd set[2];

/* The compiler must not know. */
static volatile size_t length = sizeof(buf);
static volatile size_t too_long = sizeof(buf) + 1;
static volatile nfds_t one = 1, three = 3;
static volatile ssize_t result;

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static void expect_hello(int i)
{
	other_side_join();
	other_side(i, say_hello);
}

START_TEST(fortified_calls_wait)
{
	open_kind(_i);
	expect_hello(_i);
	OK(5, read(fd[0], buf, length));
	expect_hello(_i);
	OK(5, recv(fd[0], buf, length, 0));
	expect_hello(_i);
	OK(5, recvfrom(fd[0], buf, length, 0, NULL, NULL));
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	expect_hello(_i);
	OK(1, poll(set, one, -1));
	OK(1, ppoll(set, one, NULL, NULL));
	if (green())
		ck_assert_uint_ge(waits(), 4);
}
END_TEST

START_TEST(checking_calls_wait)
{
	open_kind(_i);
	expect_hello(_i);
	OK(5, __read_chk(fd[0], buf, 5, sizeof(buf)));
	expect_hello(_i);
	OK(5, __recv_chk(fd[0], buf, 5, sizeof(buf), 0));
	expect_hello(_i);
	OK(5, __recvfrom_chk(fd[0], buf, 5, sizeof(buf), 0, NULL, NULL));
	set[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	expect_hello(_i);
	OK(1, __poll_chk(set, 1, -1, sizeof(set)));
	OK(5, read(fd[0], buf, sizeof(buf)));
	expect_hello(_i);
	OK(1, __ppoll_chk(set, 1, NULL, NULL, sizeof(set)));
	if (green())
		ck_assert_uint_ge(waits(), 5);
}
END_TEST

static void say_twenty(void)
{
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(write(fd[1], "abcd\n", 5), 5);
}

START_TEST(checking_calls_of_streams_wait)
{
	open_kind(_i);
	stream = fdopen(fd[0], "r");
	other_side(_i, say_twenty);
	ck_assert_uint_eq(__fread_chk(buf, sizeof(buf), 1, 5, stream), 5);
	ck_assert_uint_eq(__fread_unlocked_chk(buf, sizeof(buf), 5, 1, stream), 1);
	ck_assert_ptr_eq(__fgets_chk(buf, sizeof(buf), 6, stream), buf);
	ck_assert_ptr_eq(__fgets_unlocked_chk(buf, sizeof(buf), 16, stream), buf);
	ck_assert_str_eq(buf, "abcd\n");
	if (green())
		ck_assert_uint_ge(waits(), 1);
}
END_TEST

static void overflow_fread(void)
{
	result = __fread_chk(buf, sizeof(buf), 1, too_long, stream);
}

static void overflow_fread_unlocked(void)
{
	result = __fread_unlocked_chk(buf, sizeof(buf), too_long, SIZE_MAX / 4, stream);
}

static void overflow_fgets(void)
{
	result = __fgets_chk(buf, sizeof(buf), too_long, stream) != NULL;
}

static void overflow_fgets_unlocked(void)
{
	result = __fgets_unlocked_chk(buf, sizeof(buf), too_long, stream) != NULL;
}

static void overflow_read(void)
{
	result = __read_chk(fd[0], buf, too_long, sizeof(buf));
}

static void overflow_recv(void)
{
	result = __recv_chk(fd[0], buf, too_long, sizeof(buf), 0);
}

static void overflow_recvfrom(void)
{
	result = __recvfrom_chk(fd[0], buf, too_long, sizeof(buf), 0, NULL, NULL);
}

static void overflow_poll(void)
{
	result = __poll_chk(set, three, 0, sizeof(set));
}

static void overflow_ppoll(void)
{
	result = __ppoll_chk(set, three, NULL, NULL, sizeof(set));
}

static void (*const overflows[])(void) = {
	overflow_read,		 overflow_recv,	 overflow_recvfrom,
	overflow_poll,		 overflow_ppoll, overflow_fread,
	overflow_fread_unlocked, overflow_fgets, overflow_fgets_unlocked,
};
enum { OVERFLOWS = sizeof(overflows) / sizeof(overflows[0]) };

START_TEST(an_overflow_still_ends_the_program)
{
	int status;
	pid_t pid;

	open_unix(fd);
	stream = fdopen(fd[0], "r");
	ck_assert_int_eq(write(fd[1], "a line of twenty-four...", 24), 24);
	pid = fork();
	if (pid == 0) {
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		overflows[_i]();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

Suite *fortified_suite(void)
{
	Suite *suite = suite_create("fortified");
	TCase *tcase = way_case(suite, "fortified");

	each_kind(tcase, fortified_calls_wait, SOCKET);
	each_kind(tcase, checking_calls_wait, SOCKET);
	each_kind(tcase, checking_calls_of_streams_wait, SOCKET | STREAM);
	tcase_add_loop_test(tcase, an_overflow_still_ends_the_program, 0, OVERFLOWS);
	return suite;
}
