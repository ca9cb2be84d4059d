/* SPDX-License-Identifier: MIT */
/* open() and its kin: births, like those of birth.c, and the wait for the other end of a FIFO. */
#include "calls/open.h"
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "registry/private.h"
#include "registry/process.h"
#include "sources/job.h"

bool mpg_open_is_of_fifo(int directory, const char *path, int flags)
{
	int saved_errno = errno, r;
	struct stat st;

	r = fstatat(directory, path, &st, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
	errno = saved_errno;
	return r == 0 && S_ISFIFO(st.st_mode) && !mpg_process_is_foreign();
}

struct open_job {
	struct mpg_job job;
	int directory, flags;
	mode_t mode;
	char path[];
};

static void run_open(struct mpg_job *job)
{
	struct open_job *o = (struct open_job *)job;

	mpg_job_finish(job, REAL(openat)(o->directory, o->path, o->flags, o->mode));
}

static void close_it(struct mpg_job *job)
{
	if (job->result >= 0)
		REAL(close)((int)job->result);
}

/*
 * A relative path begins where it did when the call began, whatever becomes of the directory before
 * the worker looks. -1: at no directory of ours.
 */
static int hold(int directory, const char *path)
{
	if (*path == '/')
		return -1;
	return mpg_private_adopt(REAL(openat)(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static void let_go(const int *held)
{
	int saved_errno = errno;

	if (*held >= 0)
		mpg_private_close(*held);
	errno = saved_errno;
}

static int open_on_worker(struct mpg_wait *w, int directory, const char *path, int flags,
			  mode_t mode)
{
	__attribute__((cleanup(let_go))) int held = hold(directory, path);
	MPG_JOB(job, mpg_job_new(sizeof(struct open_job) + strlen(path) + 1, run_open));
	struct open_job *o = (struct open_job *)job;
	int fd = -1;

	if (!job)
		return REAL(openat)(directory, path, flags, mode);
	job->interruptible = true;
	job->give_back = close_it;
	o->directory = held >= 0 ? held : directory;
	o->flags = flags;
	o->mode = mode;
	strcpy(o->path, path);
	if (mpg_job_run(w, job))
		fd = (int)job->result;
	mpg_wait_end(w);
	if (fd >= 0)
		errno = w->saved_errno;
	return fd;
}

int mpg_open_fifo(int directory, const char *path, int flags, mode_t mode, const char *call)
{
	struct mpg_wait w;

	if (!mpg_wait_begin_taking(&w, call))
		return mpg_wait_born(REAL(openat)(directory, path, flags, mode));
	return mpg_wait_born(open_on_worker(&w, directory, path, flags, mode));
}

static bool needs_mode(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

#define MODE_ARGUMENT(flags) \
	__extension__({ \
		mode_t mode_ = 0; \
		va_list arguments_; \
		if (needs_mode(flags)) { \
			va_start(arguments_, flags); \
			mode_ = va_arg(arguments_, mode_t); \
			va_end(arguments_); \
		} \
		mode_; \
	})

INTERPOSE(int, open, const char *path, int flags, ...)
{
	mode_t mode = MODE_ARGUMENT(flags);

	if (mpg_open_may_wait(AT_FDCWD, path, flags))
		return mpg_open_fifo(AT_FDCWD, path, flags, mode, "open");
	return mpg_wait_born(REAL(open)(path, flags, mode));
}

INTERPOSE(int, openat, int directory, const char *path, int flags, ...)
{
	mode_t mode = MODE_ARGUMENT(flags);

	if (mpg_open_may_wait(directory, path, flags))
		return mpg_open_fifo(directory, path, flags, mode, "openat");
	return mpg_wait_born(REAL(openat)(directory, path, flags, mode));
}

INTERPOSE(int, creat, const char *path, mode_t mode)
{
	const int flags = O_CREAT | O_WRONLY | O_TRUNC;

	if (mpg_open_may_wait(AT_FDCWD, path, flags))
		return mpg_open_fifo(AT_FDCWD, path, flags, mode, "creat");
	return mpg_wait_born(REAL(creat)(path, mode));
}

/* With a flag that needs a mode libc ends the program. */
INTERPOSE(int, __open_2, const char *path, int flags)
{
	if (!needs_mode(flags) && mpg_open_may_wait(AT_FDCWD, path, flags))
		return mpg_open_fifo(AT_FDCWD, path, flags, 0, "open");
	return mpg_wait_born(REAL(__open_2)(path, flags));
}

INTERPOSE(int, __openat_2, int directory, const char *path, int flags)
{
	if (!needs_mode(flags) && mpg_open_may_wait(directory, path, flags))
		return mpg_open_fifo(directory, path, flags, 0, "openat");
	return mpg_wait_born(REAL(__openat_2)(directory, path, flags));
}

INTERPOSE(int, openpty, int *master, int *slave, char *name, const struct termios *termios,
	  const struct winsize *size)
{
	int r = REAL(openpty)(master, slave, name, termios, size);

	if (r == 0) {
		mpg_wait_born(*master);
		mpg_wait_born(*slave);
	}
	return r;
}

ALIAS(__open, open);
ALIAS(__open64, open);
ALIAS(__open64_2, __open_2);
ALIAS(__openat64_2, __openat_2);
ALIAS(creat64, creat);
ALIAS(open64, open);
ALIAS(openat64, openat);
