/* SPDX-License-Identifier: MIT */
/*
 * fopen() and freopen(), whose open() is inside libc: births, and the wait for the other end of a
 * FIFO.
 */
#include "calls/open.h"
#include "calls/stdio.h"
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "sources/job.h"

/* libc looks at so many letters of a mode. */
#define LETTERS 7

static bool has(const char *mode, char letter)
{
	return memchr(mode, letter, strnlen(mode, LETTERS)) != NULL;
}

static int flags_of(const char *mode)
{
	int flags;

	switch (*mode) {
	case 'r':
		flags = O_RDONLY;
		break;
	case 'w':
		flags = O_WRONLY | O_CREAT | O_TRUNC;
		break;
	case 'a':
		flags = O_WRONLY | O_CREAT | O_APPEND;
		break;
	default:	/* which libc refuses */
		return O_PATH;
	}
	if (has(mode, '+'))
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	if (has(mode, 'x'))
		flags |= O_EXCL;
	return has(mode, 'e') ? flags | O_CLOEXEC : flags;
}

static FILE *born(FILE *stream)
{
	if (stream && mpg_fds_are_active())
		mpg_wait_born(fileno(stream));
	return stream;
}

struct fopen_job {
	struct mpg_job job;
	FILE *stream;
	char *mode;
	char path[];
};

static void run_fopen(struct mpg_job *job)
{
	struct fopen_job *f = (struct fopen_job *)job;

	f->stream = REAL(fopen)(f->path, f->mode);
	mpg_job_finish(job, f->stream ? 0 : -1);
}

static void close_it(struct mpg_job *job)
{
	if (job->result == 0)
		REAL(fclose)(((struct fopen_job *)job)->stream);
}

static struct mpg_job *new_job(const char *path, const char *mode)
{
	size_t len = strlen(path) + 1;
	size_t size = sizeof(struct fopen_job) + len + strlen(mode) + 1;
	struct fopen_job *f = (struct fopen_job *)mpg_job_new(size, run_fopen);

	if (!f)
		return NULL;
	f->job.interruptible = true;
	f->job.give_back = close_it;
	f->mode = f->path + len;
	strcpy(f->path, path);
	strcpy(f->mode, mode);
	return &f->job;
}

static FILE *fopen_fifo(const char *path, const char *mode)
{
	struct mpg_wait w;
	int begun = mpg_wait_begin_other_or_end(&w, "fopen");
	MPG_JOB(job, begun > 0 ? new_job(path, mode) : NULL);
	FILE *stream = NULL;

	if (begun < 0)
		return NULL;
	if (!job)
		return REAL(fopen)(path, mode);
	if (mpg_job_run(&w, job))
		stream = ((struct fopen_job *)job)->stream;
	mpg_wait_end(&w);
	if (stream)
		errno = w.saved_errno;
	return stream;
}

INTERPOSE(FILE *, fopen, const char *path, const char *mode)
{
	if (mpg_open_may_wait(AT_FDCWD, path, flags_of(mode)))
		return born(fopen_fifo(path, mode));
	return born(REAL(fopen)(path, mode));
}

/* As libc does with a stream whose new file cannot be opened. */
static FILE *lose(const char *mode, FILE *stream)
{
	int error = errno;

	REAL(freopen)("", mode, stream);
	errno = error;
	return NULL;
}

/*
 * A worker cannot have the stream, which others may use or close if it is left behind. So the FIFO
 * takes the place of a file that nobody waits for.
 */
static FILE *freopen_fifo(const char *path, const char *mode, FILE *stream)
{
	int flags = flags_of(mode), saved_errno = errno, fd;

	fd = mpg_open_fifo(AT_FDCWD, path, flags, 0, "freopen");
	if (fd < 0)
		return lose(mode, stream);
	stream = REAL(freopen)("/dev/null", mode, stream);
	if (stream) {
		REAL(dup3)(fd, fileno(stream), flags & O_CLOEXEC);
		errno = saved_errno;
	}
	REAL(close)(fd);
	return stream;
}

static FILE *reopen(const char *path, const char *mode, FILE *stream)
{
	if (path && mpg_open_may_wait(AT_FDCWD, path, flags_of(mode)))
		return freopen_fifo(path, mode, stream);
	return REAL(freopen)(path, mode, stream);
}

/* libc opens the other file under the number of the first, by its own dup3() if need be. */
INTERPOSE(FILE *, freopen, const char *path, const char *mode, FILE *stream)
{
	int saved_errno = errno;

	if (mpg_stdio_may_wait(stream) && !mpg_stdio_flush(stream, "freopen"))
		return NULL;
	if (mpg_fds_are_active())
		mpg_wait_forget(mpg_file_fd(stream));
	errno = saved_errno;
	stream = born(reopen(path, mode, stream));
	mpg_wait_closed();
	return stream;
}

ALIAS(_IO_fopen, fopen);
ALIAS(fopen64, fopen);
ALIAS(freopen64, freopen);
