/* SPDX-License-Identifier: MIT */
#include "calls/shell.h"
#include "engine/thread.h"
#include "real.h"
#include "sources/child.h"

int mpg_shell_start(pid_t *pid, const char *command, const posix_spawn_file_actions_t *actions,
		    const posix_spawnattr_t *attributes)
{
	static char name[] = "sh", option[] = "-c";
	char *const arguments[] = { name, option, (char *)command, NULL };

	return posix_spawn(pid, "/bin/sh", actions, attributes, arguments, environ);
}

static int wait_once(pid_t pid, int *status, const char *call)
{
	const struct mpg_wish wish = { P_PID, (id_t)pid, WEXITED };
	struct mpg_status found;
	int r = MPG_CHILD_NATIVE;

	if (mpg_thread_is_green())
		r = mpg_child_wait(&wish, false, call, &found);
	if (r == MPG_CHILD_NATIVE)
		return REAL(waitpid)(pid, status, 0) == pid ? 0 : -1;
	if (r > 0)
		*status = mpg_status_word(&found);
	return r > 0 ? 0 : -1;
}

int mpg_shell_wait(pid_t pid, int *status, const char *call)
{
	unsigned handled;
	int r;

	/* EINTR although no handler has run comes from the scheduler, and means an end. */
	do {
		handled = mpg_thread.handled;
		r = wait_once(pid, status, call);
	} while (r < 0 && errno == EINTR
		 && (!mpg_thread_is_green() || mpg_thread.handled != handled));
	return r;
}

bool mpg_shell_runs(pid_t pid)
{
	const struct mpg_wish wish = { P_PID, (id_t)pid, WEXITED | WNOHANG };
	struct mpg_status found;

	return mpg_child_wait(&wish, false, "waitpid", &found) == 0;
}
