/* SPDX-License-Identifier: MIT */
/* tcdrain(): no fd tells when a terminal's output has drained, so a worker waits for it. */
#include "engine/wait.h"
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
