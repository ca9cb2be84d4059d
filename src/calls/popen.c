/* SPDX-License-Identifier: MIT */
/* popen(), pclose(): libc's own wait for the shell inside libc. */
#include "calls/popen.h"
#include "calls/shell.h"
#include "calls/stdio.h"
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "registry/lock.h"
#include "registry/process.h"

struct stream {
	struct stream *next;
	FILE *file;
	int fd;
	pid_t pid;
};

struct mode {
	bool reads, writes, closes_on_exec;
};

static struct stream *_Atomic streams;
static struct mpg_lock lock = MPG_LOCK_INITIALIZER;

void mpg_popen_before_fork(void)
{
	mpg_lock(&lock);
}

void mpg_popen_after_fork(void)
{
	mpg_unlock(&lock);
}

static bool parse(const char *text, struct mode *mode)
{
	*mode = (struct mode){ 0 };
	for (; *text; text++) {
		if (*text == 'r')
			mode->reads = true;
		else if (*text == 'w')
			mode->writes = true;
		else if (*text == 'e')
			mode->closes_on_exec = true;
		else
			return false;
	}
	return mode->reads != mode->writes;
}

/* A child has none of the streams that were opened before it. Held: the lock. */
static int close_others(posix_spawn_file_actions_t *actions, int but)
{
	int error = 0;

	for (struct stream *s = streams; s && !error; s = s->next)
		if (s->fd != but)
			error = posix_spawn_file_actions_addclose(actions, s->fd);
	return error;
}

/* Enters it as well, so that two that open at once have nothing of each other. */
static int start(struct stream *stream, const char *command, int end, int as)
{
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	error = posix_spawn_file_actions_adddup2(&actions, end, as);
	mpg_lock(&lock);
	if (!error)
		error = close_others(&actions, as);
	if (!error)
		error = mpg_shell_start(&stream->pid, command, &actions, NULL);
	if (!error) {
		stream->next = streams;
		streams = stream;
	}
	mpg_unlock(&lock);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static FILE *fail(struct stream *stream, int mine, int its, int error)
{
	if (stream && stream->file)
		REAL(fclose)(stream->file);
	else
		REAL(close)(mine);
	REAL(close)(its);
	free(stream);
	errno = error;
	return NULL;
}

static FILE *run(const char *command, const struct mode *mode)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	int ends[2], mine, its, error;

	if (!stream || REAL(pipe2)(ends, O_CLOEXEC) < 0) {
		free(stream);
		return NULL;
	}
	mine = stream->fd = mpg_wait_born(ends[mode->writes]);
	its = ends[mode->reads];
	stream->file = fdopen(mine, mode->reads ? "r" : "w");
	if (!stream->file)
		return fail(stream, mine, its, errno);
	error = start(stream, command, its, mode->reads ? STDOUT_FILENO : STDIN_FILENO);
	if (error)
		return fail(stream, mine, its, error);
	REAL(close)(its);
	if (!mode->closes_on_exec)
		REAL(fcntl)(mine, F_SETFD, 0);
	return stream->file;
}

GREEN(FILE *, popen, const char *command, const char *mode)
{
	int saved_errno = errno, cancelling;
	struct mode how;
	FILE *file;

	if (!parse(mode, &how)) {
		errno = EINVAL;
		return NULL;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
	file = run(command, &how);
	pthread_setcancelstate(cancelling, NULL);
	if (file)
		errno = saved_errno;
	return file;
}

INTERPOSE(FILE *, popen, const char *command, const char *mode)
{
	if (!mpg_thread_is_green() || mpg_process_is_foreign())
		return REAL(popen)(command, mode);
	return green_popen(command, mode);
}

static struct stream *take_out(const FILE *file)
{
	struct stream *found = NULL, *before = NULL;

	if (!streams || mpg_process_is_foreign())
		return NULL;
	mpg_lock(&lock);
	for (found = streams; found && found->file != file; found = found->next)
		before = found;
	if (found && before)
		before->next = found->next;
	else if (found)
		streams = found->next;
	mpg_unlock(&lock);
	return found;
}

bool mpg_popen_closes(FILE *file, int *status)
{
	struct stream *stream = take_out(file);
	pid_t pid;

	if (!stream)
		return false;
	pid = stream->pid;
	mpg_wait_forget(stream->fd);
	free(stream);
	REAL(fclose)(file);
	mpg_wait_closed();
	if (mpg_shell_wait(pid, status, "pclose") < 0)
		*status = -1;
	return true;
}

/* The shell may have ended well, and yet not all was written. */
int mpg_popen_result(int status, int finished, int error)
{
	if (status || !finished)
		return status;
	errno = error;
	return finished;
}

INTERPOSE(int, pclose, FILE *file)
{
	int status, finished = 0, error;

	if (mpg_stdio_may_wait(file))
		finished = mpg_stdio_finish(file, "pclose");
	error = errno;
	if (!mpg_popen_closes(file, &status))
		status = REAL(pclose)(file);
	return mpg_popen_result(status, finished, error);
}

ALIAS(_IO_popen, popen);
