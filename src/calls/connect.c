/* SPDX-License-Identifier: MIT */
/* connect(): begun without blocking, waited for, and asked a second time for its outcome. */
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "os/linux/nowait.h"
#include "registry/policy.h"
#include "sources/job.h"

struct connect_job {
	struct mpg_job job;
	int fd;
	socklen_t len;
	struct sockaddr_storage addr;
};

static void run_connect(struct mpg_job *job)
{
	struct connect_job *c = (struct connect_job *)job;

	mpg_job_finish(job, REAL(connect)(c->fd, (struct sockaddr *)&c->addr, c->len));
}

/*
 * A unix socket whose peer has a full backlog: EAGAIN, and no fd tells when there is room. Only the
 * real call is woken, so a worker makes it.
 */
static int connect_on_worker(struct mpg_wait *w, const struct sockaddr *addr, socklen_t len)
{
	MPG_JOB(job, mpg_job_new(sizeof(struct connect_job), run_connect));
	struct connect_job *c = (struct connect_job *)job;

	if (!job)
		return REAL(connect)(w->fd, addr, len);
	c->fd = w->fd;
	c->len = len;
	memcpy(&c->addr, addr, len);
	return mpg_job_run(w, job) ? (int)job->result : -1;
}

static bool in_progress(int r)
{
	return r < 0 && (errno == EINPROGRESS || errno == EALREADY);
}

/* The second connect() takes the result, and leaves the socket in the state libc's would. */
static int finish(struct mpg_wait *w, const struct sockaddr *addr, socklen_t len)
{
	int r;

	do {
		errno = EAGAIN;
		if (!mpg_wait_again(w, -1))
			return -1;
		r = mpg_nowait_connect(w->fd, addr, len);
	} while (in_progress(r));
	/* Both sides of one socket may have become connected by the time we ask. */
	return r < 0 && errno == EISCONN ? 0 : r;
}

static bool is_nonblocking(int fd)
{
	int flags = REAL(fcntl)(fd, F_GETFL);

	return flags >= 0 && flags & O_NONBLOCK;
}

GREEN(int, connect, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct mpg_wait w;
	int r;

	if (len > sizeof(struct sockaddr_storage) || !mpg_wait_begin(&w, fd, POLLOUT, "connect")
	    || (is_nonblocking(fd) && !(mpg_fd_state(w.entry) & MPG_FD_ALWAYS)))
		return REAL(connect)(fd, addr, len);
	r = mpg_nowait_connect(fd, addr, len);
	/* Out of time it says what one that does not wait hears: begun, or begun before. */
	w.timeout_error = errno;
	if (in_progress(r))
		r = finish(&w, addr, len);
	else if (r < 0 && errno == EAGAIN)
		r = connect_on_worker(&w, addr, len);
	mpg_wait_end(&w);
	if (r == 0)
		errno = w.saved_errno;

	return r;
}

INTERPOSE(int, connect, int fd, const struct sockaddr *addr, socklen_t len)
{
	if (__builtin_expect(mpg_policy.peers, 0))
		mpg_fd_connects(fd, addr, len);
	if (!mpg_may_wait_on(fd))
		return REAL(connect)(fd, addr, len);
	return green_connect(fd, addr, len);
}

ALIAS(__connect, connect);
