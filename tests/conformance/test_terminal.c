/* SPDX-License-Identifier: MIT */
/*
 * What only terminals have: lines, VMIN and VTIME, output that drains, a session of their own.
 */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "kinds.h"
#include "suites.h"
#include "way.h"

static char buf[16];

static void set_input(tcflag_t canonical, int min, int time)
{
	struct termios t;

	ck_assert_int_eq(tcgetattr(fd[0], &t), 0);
	t.c_lflag = (t.c_lflag & ~ICANON) | canonical;
	t.c_cc[VMIN] = min;
	t.c_cc[VTIME] = time;
	ck_assert_int_eq(tcsetattr(fd[0], TCSANOW, &t), 0);
}

static void type_a_line(void)
{
	ck_assert_int_eq(write(fd[1], "ab", 2), 2);
	settle();
	ck_assert_int_eq(write(fd[1], "c\n", 2), 2);
}

START_TEST(a_read_waits_for_a_whole_line)
{
	open_pty(fd);
	set_input(ICANON, 1, 0);
	other_side(_i, type_a_line);
	OK(4, read(fd[0], buf, sizeof(buf)));
	ck_assert_mem_eq(buf, "abc\n", 4);
	assert_waited();
}
END_TEST

START_TEST(a_read_waits_for_VMIN_characters)
{
	open_pty(fd);
	set_input(0, 4, 0);
	other_side(_i, type_a_line);
	OK(4, read(fd[0], buf, sizeof(buf)));
	ck_assert_mem_eq(buf, "abc\n", 4);
	assert_waited();
}
END_TEST

START_TEST(a_read_with_VTIME_ends_with_nothing)
{
	double began = now_ms();

	open_pty(fd);
	set_input(0, 0, 0);
	OK(0, read(fd[0], buf, sizeof(buf)));
	ck_assert_uint_eq(waits(), 0);
	set_input(0, 0, 1);
	OK(0, read(fd[0], buf, sizeof(buf)));
	ck_assert_double_ge(now_ms() - began, 90);
	ck_assert_double_lt(now_ms() - began, 1500);
}
END_TEST

static void take(void)
{
	while (read(fd[1], buf, sizeof(buf)) == sizeof(buf))
		continue;
}

START_TEST(tcdrain_waits_until_output_is_gone)
{
	open_pty(fd);
	OK(0, tcdrain(fd[0]));
	fill(fd[0]);
	other_side(0, take);
	OK(0, tcdrain(fd[0]));
	FAILS(ENOTTY, (open_pipe(fd), tcdrain(fd[0])));
	FAILS(EBADF, tcdrain(-1));
}
END_TEST

static void be_a_session(int terminal)
{
	alarm(8);
	if (login_tty(terminal) < 0)
		_exit(1);
	/* Standard input is the terminal now, whatever fd 0 was before. */
	_exit(read(STDIN_FILENO, buf, 2) == 2 ? 0 : 2);
}

START_TEST(login_tty_makes_the_terminal_standard_input)
{
	int status;
	pid_t pid;

	open_pty(fd);
	set_input(0, 2, 0);
	pid = fork();
	if (pid == 0)
		be_a_session(fd[0]);
	UNTIL(is_blocked(pid));
	ck_assert_int_eq(write(fd[1], "ok", 2), 2);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

static void be_a_daemon(void)
{
	char byte;

	alarm(8);
	if (daemon(0, 0) < 0)
		_exit(1);
	/* Standard input is /dev/null now, whatever fd 0 was before. */
	if (read(STDIN_FILENO, &byte, 1) == 0)
		byte = '!';
	_exit(write(fd[1], &byte, 1) == 1 ? 0 : 1);
}

START_TEST(daemon_goes_on_in_the_background)
{
	int status;
	pid_t pid;

	open_pipe(fd);
	pid = fork();
	if (pid == 0)
		be_a_daemon();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	OK(1, read(fd[0], buf, 1));
	ck_assert_int_eq(buf[0], '!');
}
END_TEST

Suite *terminal_suite(void)
{
	Suite *suite = suite_create("terminal");
	TCase *tcase = way_case(suite, "terminal");

	each_side(tcase, a_read_waits_for_a_whole_line);
	each_side(tcase, a_read_waits_for_VMIN_characters);
	tcase_add_test(tcase, a_read_with_VTIME_ends_with_nothing);
	tcase_add_test(tcase, tcdrain_waits_until_output_is_gone);
	tcase_add_test(tcase, login_tty_makes_the_terminal_standard_input);
	tcase_add_test(tcase, daemon_goes_on_in_the_background);
	return suite;
}
