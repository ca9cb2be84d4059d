/* SPDX-License-Identifier: MIT */
/*
 * system(). libc's own waits inside libc. It blocks SIGCHLD, too, so that no handler takes the
 * status of its shell; a thread whose loop serves other children needs that signal, and what the
 * loop takes comes to us: see sources/reaped.h.
 */
#include "calls/shell.h"
#include "engine/signals.h"
#include "os/linux/interpose.h"
#include "registry/process.h"

struct running {
	pid_t pid;		/* 0: it has not begun, or has ended */
	unsigned forks;
};

/* Given up, by pthread_cancel() for instance: the shell must not outlive the call. */
static void end(struct running *shell)
{
	int saved_errno = errno, cancelling;

	if (shell->forks != mpg_process_forks)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
	if (shell->pid && mpg_shell_runs(shell->pid)) {
		kill(shell->pid, SIGKILL);
		while (REAL(waitpid)(shell->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	mpg_signals_heed();
	pthread_setcancelstate(cancelling, NULL);
	errno = saved_errno;
}

static int start(pid_t *pid, const char *command, const sigset_t *caught)
{
	posix_spawnattr_t attributes;
	int error = posix_spawnattr_init(&attributes);

	if (error)
		return error;
	posix_spawnattr_setsigdefault(&attributes, caught);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	error = mpg_shell_start(pid, command, NULL, &attributes);
	posix_spawnattr_destroy(&attributes);
	if (error)
		*pid = 0;
	return error;
}

/* A shell that cannot be run counts as one that says 127; no process at all is an error. */
static int failed(int error)
{
	errno = error;
	return error == EAGAIN || error == ENOMEM ? -1 : W_EXITCODE(127, 0);
}

static int run(const char *command)
{
	__attribute__((cleanup(end))) struct running shell = { .forks = mpg_process_forks };
	int status, error;
	sigset_t caught;

	sigemptyset(&caught);
	mpg_signals_ignore(&caught);
	error = start(&shell.pid, command, &caught);
	if (error)
		return failed(error);
	if (mpg_shell_wait(shell.pid, &status, "system") < 0)
		return -1;
	shell.pid = 0;
	return status;
}

INTERPOSE(int, system, const char *command)
{
	if (!mpg_thread_is_green() || mpg_process_is_foreign())
		return REAL(system)(command);
	return command ? run(command) : run("exit 0") == 0;
}
