/* SPDX-License-Identifier: MIT */
/*
 * Terminals. No fd tells when their output has drained, or when the timer of their raw mode has run
 * out between two characters: a worker makes the real call.
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

GREEN(int, tcdrain, int fd)
{
	struct drain *drain;
	struct mpg_wait w;
	int r = -1;

	if (!mpg_wait_begin(&w, fd, POLLOUT, "tcdrain") || !(mpg_fd_state(w.entry) & MPG_FD_TTY)
	    || is_drained(fd))
		return REAL(tcdrain)(fd);
	drain = mpg_job_new(sizeof(*drain), run_drain);
	if (!drain)
		return -1;
	drain->fd = fd;
	if (mpg_job_run(&w, &drain->job))
		r = (int)drain->job.result;
	mpg_job_put(&drain->job);
	if (r == 0)
		errno = w.saved_errno;
	return r;
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
		&& !(t.c_lflag & ICANON) && t.c_cc[VTIME];
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
	struct timed_read *r = mpg_job_new(sizeof(*r) + len, run_timed_read);
	ssize_t got = -1;

	if (!r)
		return -1;
	r->fd = w->fd;
	r->len = len;
	if (mpg_job_run(w, &r->job))
		got = r->job.result;
	if (got > 0)
		mpg_iovec_scatter(iov, n, r->bytes, (size_t)got);
	mpg_job_put(&r->job);
	if (got >= 0)
		errno = w->saved_errno;
	return got;
}
