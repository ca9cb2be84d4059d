/* SPDX-License-Identifier: MIT */
/*
 * Terminals. No fd tells when their output has drained, when the timer of their raw mode has run
 * out between two characters, or when there are as many as the caller wants of fewer than VMIN: a
 * worker makes the real call.
 */
#include "calls/tty.h"
#include "calls/iovec.h"
#include "os/linux/interpose.h"
#include "sources/job.h"

struct drain {
	struct mpg_job job;
	int fd;
};

static void run_drain(struct mpg_job *job)
{
	mpg_job_finish(job, REAL(tcdrain)(((struct drain *)job)->fd));
}

static bool is_drained(int fd)
{
	int queued = 1;

	return ioctl(fd, TIOCOUTQ, &queued) == 0 && queued == 0;
}

static int drain_on_worker(struct mpg_wait *w)
{
	MPG_JOB(job, mpg_job_new(sizeof(struct drain), run_drain));
	int r = -1;

	if (!job)
		return REAL(tcdrain)(w->fd);
	((struct drain *)job)->fd = w->fd;
	if (mpg_job_run(w, job))
		r = (int)job->result;
	if (r == 0)
		errno = w->saved_errno;
	return r;
}

GREEN(int, tcdrain, int fd)
{
	struct mpg_wait w;

	if (!mpg_wait_begin(&w, fd, POLLOUT, "tcdrain") || !(mpg_fd_state(w.entry) & MPG_FD_TTY)
	    || is_drained(fd))
		return REAL(tcdrain)(fd);
	return drain_on_worker(&w);
}

INTERPOSE(int, tcdrain, int fd)
{
	if (!mpg_may_wait_on(fd))
		return REAL(tcdrain)(fd);
	return green_tcdrain(fd);
}

bool mpg_tty_is_timed(const struct mpg_wait *w)
{
	struct termios t;

	return mpg_fd_state(w->entry) & MPG_FD_TTY && tcgetattr(w->fd, &t) == 0
		&& !(t.c_lflag & ICANON) && (t.c_cc[VTIME] || t.c_cc[VMIN] > 1);
}

struct timed_read {
	struct mpg_job job;
	int fd;
	size_t len;
	char bytes[];
};

static void run_timed_read(struct mpg_job *job)
{
	struct timed_read *r = (struct timed_read *)job;

	mpg_job_finish(job, REAL(read)(r->fd, r->bytes, r->len));
}

ssize_t mpg_tty_timed_readv(struct mpg_wait *w, const struct iovec *iov, int n)
{
	size_t len = mpg_iovec_length(iov, n);
	MPG_JOB(job, mpg_job_new(sizeof(struct timed_read) + len, run_timed_read));
	struct timed_read *timed = (struct timed_read *)job;
	ssize_t got = -1;

	if (!job)
		return REAL(readv)(w->fd, iov, n);
	timed->fd = w->fd;
	timed->len = len;
	if (mpg_job_run(w, job))
		got = job->result;
	if (got > 0)
		mpg_iovec_scatter(iov, n, timed->bytes, (size_t)got);
	if (got >= 0)
		errno = w->saved_errno;
	return got;
}
