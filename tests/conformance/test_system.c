/* SPDX-License-Identifier: MIT */
/*
 * system, popen, pclose: a shell, and the wait for its end.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "way.h"

FILE *_IO_popen(const char *command, const char *mode);

/* The shell inherits fd[0] and ends when it has read a line. */
#define WAIT_FOR_A_LINE "read line <&9"

static char text[64];

static void hold_shells(void)
{
	open_pipe(fd);
	ck_assert_int_eq(dup2(fd[0], 9), 9);
}

static void let_go(void)
{
	ck_assert_int_eq(write(fd[1], "\n", 1), 1);
}

START_TEST(system_waits_and_tells_how_the_shell_ended)
{
	hold_shells();
	other_side(_i, let_go);
	OK(W_EXITCODE(3, 0), system(WAIT_FOR_A_LINE "; exit 3"));
	assert_waited();
	OK(0, system("exit 0"));
	OK(W_EXITCODE(0, SIGTERM), system("kill -TERM $$"));
	OK(W_EXITCODE(127, 0), system("exec /no/such/command 2>/dev/null"));
}
END_TEST

START_TEST(system_knows_that_there_is_a_shell)
{
	OK(1, system(NULL) != 0);
}
END_TEST

static struct sigaction seen_int, seen_quit;

static void look_at_dispositions(void)
{
	sigaction(SIGINT, NULL, &seen_int);
	sigaction(SIGQUIT, NULL, &seen_quit);
	let_go();
}

static void on_signal(int sig)
{
	(void)sig;
}

START_TEST(while_system_runs_SIGINT_and_SIGQUIT_are_ignored)
{
	struct sigaction after;

	signal(SIGINT, on_signal);
	signal(SIGQUIT, SIG_DFL);
	hold_shells();
	other_side(_i, look_at_dispositions);
	OK(0, system(WAIT_FOR_A_LINE));
	ck_assert_ptr_eq((void *)seen_int.sa_handler, (void *)SIG_IGN);
	ck_assert_ptr_eq((void *)seen_quit.sa_handler, (void *)SIG_IGN);
	sigaction(SIGINT, NULL, &after);
	ck_assert_ptr_eq((void *)after.sa_handler, (void *)on_signal);
	sigaction(SIGQUIT, NULL, &after);
	ck_assert_ptr_eq((void *)after.sa_handler, (void *)SIG_DFL);
}
END_TEST

/* Bit n-1 of a mask in /proc is signal n: SIGINT and SIGQUIT are 2 and 3. */
static unsigned shells_mask(const char *name)
{
	unsigned long long mask = 0;
	char command[128];
	FILE *file;

	snprintf(command, sizeof(command), "exec grep %s: /proc/self/status >mask", name);
	ck_assert_int_eq(system(command), 0);
	file = fopen("mask", "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*s %llx", &mask), 1);
	fclose(file);
	return mask;
}

START_TEST(the_shell_has_the_dispositions_and_the_mask_of_its_parent)
{
	sigset_t set;

	ck_assert_int_eq(chdir(scratch("")), 0);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, on_signal);
	ck_assert_uint_eq(shells_mask("SigIgn") & 6, 0);
	signal(SIGQUIT, SIG_IGN);
	ck_assert_uint_eq(shells_mask("SigIgn") & 6, 4);
	signal(SIGQUIT, SIG_DFL);
	ck_assert_uint_eq(shells_mask("SigBlk") & 1u << (SIGUSR1 - 1), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	ck_assert_uint_eq(shells_mask("SigBlk"), 1u << (SIGUSR1 - 1));
}
END_TEST

static void run_another(void)
{
	ck_assert_int_eq(system("exit 5"), W_EXITCODE(5, 0));
	look_at_dispositions();
}

START_TEST(one_that_ends_earlier_does_not_bring_the_signals_back)
{
	struct sigaction after;

	signal(SIGINT, on_signal);
	hold_shells();
	other_side(_i, run_another);
	OK(0, system(WAIT_FOR_A_LINE));
	ck_assert_ptr_eq((void *)seen_int.sa_handler, (void *)SIG_IGN);
	other_side_join();
	sigaction(SIGINT, NULL, &after);
	ck_assert_ptr_eq((void *)after.sa_handler, (void *)on_signal);
}
END_TEST

static volatile sig_atomic_t handled;

static void count(int sig)
{
	(void)sig;
	handled++;
}

static void interrupt(void)
{
	pthread_kill(test_thread(), SIGUSR1);
	settle();
	let_go();
}

START_TEST(a_handler_does_not_end_system_or_pclose)
{
	struct sigaction act = { .sa_handler = count };
	FILE *file;

	sigaction(SIGUSR1, &act, NULL);
	hold_shells();
	other_side(0, interrupt);
	ck_assert_int_eq(system(WAIT_FOR_A_LINE), 0);
	ck_assert_int_eq(handled, 1);
	file = popen(WAIT_FOR_A_LINE, "w");
	other_side(0, interrupt);
	ck_assert_int_eq(pclose(file), 0);
	ck_assert_int_eq(handled, 2);
}
END_TEST

START_TEST(a_process_that_cannot_be_made_is_an_error)
{
	struct rlimit none = { 0, 0 };

	if (getuid() == 0)
		ck_assert_int_eq(setuid(65534), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &none), 0);
	ck_assert_ptr_null(popen("exit 0", "r"));
	/* What POSIX says of it, and libcs do not all do. */
	if (green())
		FAILS(EAGAIN, system("exit 0"));
}
END_TEST

static FILE *(*const opens[])(const char *, const char *) = { popen, _IO_popen };

START_TEST(popen_reads_what_the_shell_says)
{
	FILE *file = opens[_i]("echo hello; exit 4", "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	ck_assert_str_eq(text, "hello\n");
	ck_assert_ptr_null(fgets(text, sizeof(text), file));
	OK(W_EXITCODE(4, 0), pclose(file));
}
END_TEST

START_TEST(popen_writes_what_the_shell_reads)
{
	FILE *file = popen("read word; test \"$word\" = hello", "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_gt(fprintf(file, "hello\n"), 0);
	OK(0, pclose(file));
}
END_TEST

START_TEST(pclose_waits)
{
	FILE *file;

	hold_shells();
	file = popen(WAIT_FOR_A_LINE "; exit 6", "r");
	ck_assert_ptr_nonnull(file);
	other_side(_i, let_go);
	OK(W_EXITCODE(6, 0), pclose(file));
	assert_waited();
}
END_TEST

/* The compiler knows better than that. */
static FILE *volatile stream;

START_TEST(fclose_of_such_a_stream_is_pclose)
{
	hold_shells();
	stream = popen(WAIT_FOR_A_LINE "; exit 6", "r");
	other_side(_i, let_go);
	OK(W_EXITCODE(6, 0), fclose(stream));
	assert_waited();
	FAILS(ECHILD, wait(NULL));
}
END_TEST

static bool has_reader(FILE *file)
{
	struct pollfd end = { .fd = fileno(file) };

	return poll(&end, 1, 0) == 0;
}

static int (*const ways_to_close[])(FILE *) = { pclose, fclose };

/* How the shell ended comes first. */
START_TEST(a_shell_that_has_not_read_all_is_an_error)
{
	signal(SIGPIPE, SIG_IGN);
	stream = popen("exit 0", "w");
	UNTIL(!has_reader(stream));
	ck_assert_int_ge(fputs("hello", stream), 0);
	FAILS(EPIPE, ways_to_close[_i](stream));
	stream = popen("exit 6", "w");
	UNTIL(!has_reader(stream));
	ck_assert_int_ge(fputs("hello", stream), 0);
	ck_assert_int_eq(ways_to_close[_i](stream), W_EXITCODE(6, 0));
	FAILS(ECHILD, wait(NULL));
}
END_TEST

START_TEST(popen_refuses_other_modes)
{
	static const char *const modes[] = { "", "rw", "x", "e", "re+" };

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		errno = 0;
		ck_assert_ptr_null(popen("exit 0", modes[i]));
		ck_assert_int_eq(errno, EINVAL);
	}
}
END_TEST

START_TEST(a_stream_closes_on_exec_where_that_is_asked_for)
{
	FILE *stays = popen("exit 0", "r"), *closes = popen("exit 0", "re");

	ck_assert_int_eq(fcntl(fileno(stays), F_GETFD), 0);
	ck_assert_int_eq(fcntl(fileno(closes), F_GETFD), FD_CLOEXEC);
	OK(0, pclose(closes));
	OK(0, pclose(stays));
}
END_TEST

/* The first shell sees the end of its input although the second one still runs. */
START_TEST(a_shell_has_no_end_of_the_streams_before_it)
{
	FILE *first = popen("cat >/dev/null", "w"), *second;

	hold_shells();
	second = popen(WAIT_FOR_A_LINE, "w");
	OK(0, pclose(first));
	let_go();
	OK(0, pclose(second));
}
END_TEST

START_TEST(popen_works_with_the_standard_fds_closed)
{
	int in = dup(0), out = dup(1);
	FILE *file;

	ck_assert_int_ge(in, 0);
	close(0);
	close(1);
	file = popen("echo hello", "r");
	if (!file || !fgets(text, sizeof(text), file) || pclose(file) != 0)
		text[0] = '\0';
	file = popen("read word; test \"$word\" = hello", "w");
	if (!file || fputs("hello\n", file) < 0 || pclose(file) != 0)
		text[0] = '\0';
	dup2(in, 0);
	dup2(out, 1);
	ck_assert_str_eq(text, "hello\n");
}
END_TEST

START_TEST(pclose_tells_when_the_child_is_another_s)
{
	FILE *file = popen("exit 0", "r");

	ck_assert_int_gt(wait(NULL), 0);
	FAILS(ECHILD, pclose(file));
}
END_TEST

static _Atomic pid_t victim_id;

static void *run_system(void *unused)
{
	victim_id = gettid();
	system(WAIT_FOR_A_LINE);
	return unused;
}

START_TEST(the_shell_of_a_cancelled_system_is_ended)
{
	struct sigaction after;
	pthread_t victim;
	void *end;

	signal(SIGINT, on_signal);
	hold_shells();
	ck_assert_int_eq(pthread_create(&victim, NULL, run_system, NULL), 0);
	UNTIL(victim_id && is_blocked(victim_id));
	ck_assert_int_eq(pthread_cancel(victim), 0);
	ck_assert_int_eq(pthread_join(victim, &end), 0);
	ck_assert_ptr_eq(end, PTHREAD_CANCELED);
	FAILS(ECHILD, wait(NULL));
	sigaction(SIGINT, NULL, &after);
	ck_assert_ptr_eq((void *)after.sa_handler, (void *)on_signal);
}
END_TEST

Suite *system_suite(void)
{
	Suite *suite = suite_create("system");
	TCase *tcase = way_case(suite, "system");
	TCase *cancel = way_case(suite, "cancel");

	each_side(tcase, system_waits_and_tells_how_the_shell_ended);
	tcase_add_test(tcase, system_knows_that_there_is_a_shell);
	each_side(tcase, while_system_runs_SIGINT_and_SIGQUIT_are_ignored);
	tcase_add_test(tcase, the_shell_has_the_dispositions_and_the_mask_of_its_parent);
	each_side(tcase, one_that_ends_earlier_does_not_bring_the_signals_back);
	tcase_add_test(tcase, a_handler_does_not_end_system_or_pclose);
	tcase_add_test(tcase, a_process_that_cannot_be_made_is_an_error);
	tcase_add_loop_test(tcase, popen_reads_what_the_shell_says, 0, 2);
	tcase_add_test(tcase, popen_writes_what_the_shell_reads);
	each_side(tcase, pclose_waits);
	each_side(tcase, fclose_of_such_a_stream_is_pclose);
	tcase_add_loop_test(tcase, a_shell_that_has_not_read_all_is_an_error, 0, 2);
	tcase_add_test(tcase, popen_refuses_other_modes);
	tcase_add_test(tcase, a_stream_closes_on_exec_where_that_is_asked_for);
	tcase_add_test(tcase, a_shell_has_no_end_of_the_streams_before_it);
	tcase_add_test(tcase, popen_works_with_the_standard_fds_closed);
	tcase_add_test(tcase, pclose_tells_when_the_child_is_another_s);
	/* gcc 12's AddressSanitizer fails a check of its own when a cancelled thread unwinds. */
	tcase_set_tags(cancel, "no-address");
	tcase_add_test(cancel, the_shell_of_a_cancelled_system_is_ended);
	return suite;
}
