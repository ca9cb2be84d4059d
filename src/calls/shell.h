/* SPDX-License-Identifier: MIT */
/* What system() and popen() share: a shell, and waiting for its end. */
#ifndef MPG_SHELL_H
#define MPG_SHELL_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* Runs `sh -c command`. Returns 0 or an error. */
int mpg_shell_start(pid_t *pid, const char *command, const posix_spawn_file_actions_t *actions,
		    const posix_spawnattr_t *attributes);

/*
 * Waits for its end, whatever handlers run meanwhile. 0, with the status as wait() has it; or -1:
 * there is no such child, or the wait was ended from outside.
 */
int mpg_shell_wait(pid_t pid, int *status, const char *call);

/* Has it still not ended, and is it ours to kill? If it has, its status is taken. */
bool mpg_shell_runs(pid_t pid);

#pragma GCC visibility pop

#endif
