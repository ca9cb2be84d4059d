/* SPDX-License-Identifier: MIT */
/*
 * EINTR and SA_RESTART, calls from inside a handler, and that handlers are shown as they were set.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "signals.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

/* Older names of signal() that the headers no longer show. */
__sighandler_t bsd_signal(int sig, __sighandler_t handler);
int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);

static char buf[16];

static void raise_it_and_say_hello(void)
{
	raise_it();
	settle();
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

START_TEST(a_handler_ends_a_read)
{
	open_kind(_i);
	catch_with(0);
	other_side(0, raise_it);
	FAILS(EINTR, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_eq(signals, 1);
	assert_waited();
	other_side(0, raise_it);
	FAILS(EINTR, readv(fd[0], &(struct iovec){ buf, 1 }, 1));
}
END_TEST

START_TEST(SA_RESTART_spares_a_read)
{
	open_kind(_i);
	catch_with(SA_RESTART);
	other_side(0, raise_it_and_say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_eq(signals, 1);
	assert_waited();
}
END_TEST

START_TEST(an_ignored_signal_ends_nothing)
{
	open_kind(_i);
	signal(SIGUSR1, SIG_IGN);
	other_side(0, raise_it_and_say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	assert_waited();
}
END_TEST

START_TEST(a_handler_ends_a_recv)
{
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	open_kind(_i);
	catch_with(0);
	other_side(0, raise_it);
	FAILS(EINTR, recv(fd[0], buf, sizeof(buf), 0));
	other_side(0, raise_it);
	FAILS(EINTR, recvmsg(fd[0], &msg, MSG_WAITALL));
	ck_assert_int_eq(signals, 2);
}
END_TEST

/* signal(7): with a time limit on the socket SA_RESTART does not count. */
START_TEST(SA_RESTART_does_not_spare_a_recv_with_a_limit)
{
	open_kind(_i);
	catch_with(SA_RESTART);
	set_timeout(fd[0], SO_RCVTIMEO, 9000);
	other_side(0, raise_it);
	FAILS(EINTR, recv(fd[0], buf, sizeof(buf), 0));
	assert_waited();
}
END_TEST

START_TEST(a_handler_ends_an_accept)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int listener = listen_tcp(&addr, &len, 1);

	catch_with(0);
	other_side(0, raise_it);
	FAILS(EINTR, accept(listener, NULL, NULL));
	other_side(0, raise_it);
	FAILS(EINTR, accept4(listener, NULL, NULL, 0));
	assert_waited();
}
END_TEST

START_TEST(a_handler_ends_a_write_with_what_was_written)
{
	static char data[1 << 20];
	ssize_t n;

	open_kind(_i);
	catch_with(0);
	other_side(0, raise_it);
	n = write(fd[1], data, sizeof(data));
	ck_assert(n > 0 && n < (ssize_t)sizeof(data));
	ck_assert_int_eq(signals, 1);
	fill(fd[1]);
	other_side(0, raise_it);
	FAILS(EINTR, write(fd[1], data, sizeof(data)));
	assert_waited();
}
END_TEST

static void say_a_byte_and_raise_it(void)
{
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	settle();
	raise_it();
}

START_TEST(a_handler_ends_MSG_WAITALL_with_what_came)
{
	open_kind(_i);
	catch_with(0);
	other_side(0, say_a_byte_and_raise_it);
	OK(1, recv(fd[0], buf, 5, MSG_WAITALL));
	ck_assert_int_eq(signals, 1);
}
END_TEST

START_TEST(a_handler_that_ran_before_a_call_does_not_end_it)
{
	open_kind(_i);
	catch_with(0);
	raise(SIGUSR1);
	other_side(0, raise_it);
	FAILS(EINTR, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_eq(signals, 2);
}
END_TEST

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
START_TEST(siginterrupt_is_heeded)
{
	open_pipe(fd);
	signal(SIGUSR1, count_signal);
	other_side(0, raise_it_and_say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_eq(siginterrupt(SIGUSR1, 1), 0);
	other_side(0, raise_it);
	FAILS(EINTR, read(fd[0], buf, sizeof(buf)));
}
END_TEST
#pragma GCC diagnostic pop

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
START_TEST(sigset_sets_the_handler_and_the_mask)
{
	sigset_t now;

	open_pipe(fd);
	ck_assert_ptr_eq(sigset(SIGUSR1, count_signal), SIG_DFL);
	other_side(0, raise_it);
	FAILS(EINTR, read(fd[0], buf, sizeof(buf)));
	ck_assert_ptr_eq(sigset(SIGUSR1, SIG_HOLD), count_signal);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 1);
	ck_assert_ptr_eq(sigset(SIGUSR1, count_signal), SIG_HOLD);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 0);
	ck_assert_ptr_eq(sigset(SIGUSR1, SIG_IGN), count_signal);
}
END_TEST
#pragma GCC diagnostic pop

/* Trap: the handler would hand the thread to another fiber in the middle of itself. */
static int handler_result;

static void read_in_handler(int sig)
{
	(void)sig;
	handler_result = read(fd[0], buf, sizeof(buf));
	signals = waits() == 0;
}

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

START_TEST(no_wait_begins_inside_a_handler)
{
	struct sigaction act = { .sa_handler = read_in_handler, .sa_flags = _i ? SA_ONSTACK : 0 };
	stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };

	open_pipe(fd);
	ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
	sigaction(SIGUSR1, &act, NULL);
	other_side(0, say_hello);
	raise(SIGUSR1);
	ck_assert_int_eq(handler_result, 5);
	ck_assert_int_eq(signals, 1);
	other_side(0, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	assert_waited();
}
END_TEST

static void drain(void)
{
	static char piece[1 << 20];

	ck_assert_int_gt(read(fd[0], piece, sizeof(piece)), 0);
}

static void write_in_handler(int sig)
{
	(void)sig;
	handler_result = write(fd[1], "!", 1);
	signals = waits() == 0;
}

START_TEST(a_handler_may_write_to_a_full_pipe)
{
	struct sigaction act = { .sa_handler = write_in_handler };

	open_pipe(fd);
	fill(fd[1]);
	sigaction(SIGUSR1, &act, NULL);
	other_side(0, drain);
	raise(SIGUSR1);
	ck_assert_int_eq(handler_result, 1);
	ck_assert_int_eq(signals, 1);
}
END_TEST

static sigjmp_buf back;

static void leap(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

START_TEST(a_handler_left_by_siglongjmp_is_not_running_any_more)
{
	open_pipe(fd);
	signal(SIGUSR1, leap);
	if (sigsetjmp(back, 1) == 0) {
		raise(SIGUSR1);
		ck_abort();
	}
	other_side(_i, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	assert_waited();
}
END_TEST

static void see_info(int sig, siginfo_t *info, void *context)
{
	signals += info->si_signo == sig && context;
}

START_TEST(handlers_are_shown_as_they_were_set)
{
	struct sigaction act = { .sa_sigaction = see_info, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction old;

	sigaddset(&act.sa_mask, SIGUSR2);
	OK(0, sigaction(SIGUSR1, &act, NULL));
	OK(0, sigaction(SIGUSR1, NULL, &old));
	ck_assert_ptr_eq(old.sa_sigaction, see_info);
	ck_assert_int_eq(old.sa_flags & (SA_SIGINFO | SA_NODEFER), SA_SIGINFO | SA_NODEFER);
	ck_assert_int_eq(sigismember(&old.sa_mask, SIGUSR2), 1);
	raise(SIGUSR1);
	ck_assert_int_eq(signals, 1);
	ck_assert_ptr_eq(signal(SIGUSR1, count_signal), (void *)see_info);
	ck_assert_ptr_eq(bsd_signal(SIGUSR1, count_signal), count_signal);
	ck_assert_ptr_eq(ssignal(SIGUSR1, SIG_IGN), count_signal);
	ck_assert_ptr_eq(sysv_signal(SIGUSR1, count_signal), SIG_IGN);
	OK(0, __sigaction(SIGUSR1, NULL, &old));
	ck_assert_int_eq(old.sa_flags & (SA_RESETHAND | SA_NODEFER), SA_RESETHAND | SA_NODEFER);
	raise(SIGUSR1);
	ck_assert_int_eq(signals, 2);
	ck_assert_ptr_eq(__sysv_signal(SIGUSR1, SIG_DFL), SIG_DFL);
	FAILS(EINVAL, sigaction(SIGKILL, &act, NULL));
	FAILS(EINVAL, sigaction(4711, &act, NULL));
}
END_TEST

Suite *signal_suite(void)
{
	Suite *suite = suite_create("signal");
	TCase *tcase = way_case(suite, "signal");

	each_kind(tcase, a_handler_ends_a_read, 0);
	each_kind(tcase, SA_RESTART_spares_a_read, 0);
	each_kind(tcase, an_ignored_signal_ends_nothing, PIPE);
	each_kind(tcase, a_handler_ends_a_recv, SOCKET);
	each_kind(tcase, SA_RESTART_does_not_spare_a_recv_with_a_limit, SOCKET);
	each_kind(tcase, a_handler_ends_a_write_with_what_was_written, STREAM | AT_ONCE);
	each_kind(tcase, a_handler_ends_MSG_WAITALL_with_what_came, STREAM | SOCKET);
	each_kind(tcase, a_handler_that_ran_before_a_call_does_not_end_it, PIPE);
	tcase_add_test(tcase, a_handler_ends_an_accept);
	tcase_add_test(tcase, sigset_sets_the_handler_and_the_mask);
	tcase_add_loop_test(tcase, no_wait_begins_inside_a_handler, 0, 2);
	tcase_add_test(tcase, a_handler_may_write_to_a_full_pipe);
	each_side(tcase, a_handler_left_by_siglongjmp_is_not_running_any_more);
	if (!HANDLERS_ARE_WRAPPED) {
		tcase_add_test(tcase, siginterrupt_is_heeded);
		tcase_add_test(tcase, handlers_are_shown_as_they_were_set);
	}
	return suite;
}
