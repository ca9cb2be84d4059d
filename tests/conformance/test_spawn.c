/* SPDX-License-Identifier: MIT */
/*
 * posix_spawn and exec: what a child that runs another program has of its parent.
 */
#include <dirent.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static char text[256];
static pid_t child;

static pid_t spawn(const posix_spawn_file_actions_t *actions, const char *command)
{
	char name[] = "sh", option[] = "-c";
	char *const arguments[] = { name, option, (char *)command, NULL };
	pid_t pid;

	ck_assert_int_eq(posix_spawn(&pid, "/bin/sh", actions, NULL, arguments, environ), 0);
	return pid;
}

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello\n", 6), 6);
}

static void assert_ended_well(pid_t pid)
{
	int status;

	OK(pid, waitpid(pid, &status, 0));
	ck_assert_int_eq(status, 0);
}

START_TEST(a_spawned_child_has_its_file_actions_done)
{
	posix_spawn_file_actions_t actions;
	int back[2];

	open_pipe(fd);
	open_pipe(back);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd[0], 0);
	posix_spawn_file_actions_adddup2(&actions, back[1], 1);
	posix_spawn_file_actions_addclose(&actions, fd[1]);
	child = spawn(&actions, "read word; echo $word");
	other_side(_i, say_hello);
	OK(6, read(back[0], text, sizeof(text)));
	assert_ended_well(child);
	/* The child closed and copied what is still open here. */
	other_side(_i, say_hello);
	OK(6, read(fd[0], text, sizeof(text)));
	assert_waited();
	posix_spawn_file_actions_destroy(&actions);
}
END_TEST

static void spawn_and_say_hello(void)
{
	assert_ended_well(spawn(NULL, "exit 0"));
	say_hello();
}

START_TEST(a_spawn_beside_a_wait_does_not_disturb_it)
{
	open_pipe(fd);
	other_side(_i, spawn_and_say_hello);
	OK(6, read(fd[0], text, sizeof(text)));
	assert_waited();
}
END_TEST

static void list_fds_of_a_shell(void)
{
	FILE *file;

	ck_assert_int_eq(chdir(scratch("")), 0);
	assert_ended_well(spawn(NULL, "echo /proc/self/fd/* >fds"));
	file = fopen("fds", "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	say_hello();
}

/* A wait is parked meanwhile, so that there are private fds. */
START_TEST(a_program_inherits_no_fd_of_the_library)
{
	char *name, *rest = text;
	int fds[2];

	open_pipe(fds);
	open_pipe(fd);
	other_side(_i, list_fds_of_a_shell);
	OK(6, read(fd[0], text + 200, 6));
	assert_waited();
	/* valgrind has some of its own. */
	while (!is_emulated() && (name = strsep(&rest, " \n")) && *name)
		ck_assert_int_lt(atoi(strrchr(name, '/') + 1), 512);
}
END_TEST

Suite *spawn_suite(void)
{
	Suite *suite = suite_create("spawn");
	TCase *tcase = way_case(suite, "spawn");

	each_side(tcase, a_spawned_child_has_its_file_actions_done);
	each_side(tcase, a_spawn_beside_a_wait_does_not_disturb_it);
	each_side(tcase, a_program_inherits_no_fd_of_the_library);
	return suite;
}
