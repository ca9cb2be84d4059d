/* SPDX-License-Identifier: MIT */
/*
 * accept() has no flag for "do not block". Where io_uring has one (Linux 6.10) it is the try. Else:
 * wait until a connection is there, then accept on a worker, which may sit there in our stead when
 * another process has been faster.
 */
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "os/linux/nowait.h"
#include "os/linux/uring.h"
#include "settings.h"
#include "sources/job.h"

struct accept_job {
	struct mpg_job job;
	int fd, flags;
	socklen_t len;
	struct sockaddr_storage addr;
};

static void run_accept(struct mpg_job *job)
{
	struct accept_job *a = (struct accept_job *)job;

	a->len = sizeof(a->addr);
	mpg_job_finish(job, REAL(accept4)(a->fd, (struct sockaddr *)&a->addr, &a->len, a->flags));
}

/* A connection that came when nobody waited for it any more: its peer must not wait for ever. */
static void hang_up(struct mpg_job *job)
{
	if (job->result >= 0)
		REAL(close)((int)job->result);
}

/* As the kernel hands out an address: cut to the room there is, with its full length. */
static void give_address(const struct accept_job *a, struct sockaddr *addr, socklen_t *len)
{
	if (!addr || !len)
		return;
	memcpy(addr, &a->addr, *len < a->len ? *len : a->len);
	*len = a->len;
}

/* Anything else is refused by the kernel, at once. */
static bool is_listening(int fd)
{
	socklen_t len = sizeof(int);
	int listening = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

static int accept_on_worker(struct mpg_wait *w, struct sockaddr *addr, socklen_t *len, int flags)
{
	MPG_JOB(job, mpg_job_new(sizeof(struct accept_job), run_accept));
	struct accept_job *a = (struct accept_job *)job;
	int r = -1;

	if (!job || !is_listening(w->fd) || flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return REAL(accept4)(w->fd, addr, len, flags);
	while (!mpg_nowait_ready(w->fd, POLLIN)) {
		errno = EAGAIN;
		if (!mpg_wait_again(w, -1))
			return -1;
	}
	a->fd = w->fd;
	a->flags = flags;
	job->give_back = hang_up;
	if (mpg_job_run(w, job))
		r = (int)job->result;
	if (r >= 0)
		give_address(a, addr, len);
	return r;
}

typedef int (*try_accept)(int fd, struct sockaddr *addr, socklen_t *len, int flags);

static int accept_by(try_accept try, struct mpg_wait *w, struct sockaddr *addr, socklen_t *len,
		     int flags)
{
	int r;

	do
		r = try(w->fd, addr, len, flags);
	while (mpg_wait_again(w, r));

	return r;
}

static int accept_green(struct mpg_wait *w, struct sockaddr *addr, socklen_t *len, int flags)
{
	int r, fd_flags = REAL(fcntl)(w->fd, F_GETFL);

	/* Non-blocking: one try is all, unless the fd is marked ALWAYS; mpg_wait_again() knows. */
	if (fd_flags < 0 || fd_flags & O_NONBLOCK)
		r = accept_by(mpg_real.accept4, w, addr, len, flags);
	else if (mpg_settings.accept == MPG_ACCEPT_WORKER || !mpg_uring_can_accept())
		r = accept_on_worker(w, addr, len, flags);
	else
		r = accept_by(mpg_uring_accept, w, addr, len, flags);
	/* A sandbox that the process has entered since may forbid the ring. */
	if (r < 0 && errno == ENOSYS)
		r = accept_on_worker(w, addr, len, flags);
	mpg_wait_end(w);
	if (r >= 0)
		errno = w->saved_errno;
	return r;
}

GREEN(int, accept4, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct mpg_wait w;

	if (!mpg_wait_begin(&w, fd, POLLIN, "accept4"))
		return mpg_wait_born(REAL(accept4)(fd, addr, len, flags));
	return mpg_wait_born(accept_green(&w, addr, len, flags));
}

INTERPOSE(int, accept4, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	if (!mpg_may_wait_on(fd))
		return mpg_wait_born(REAL(accept4)(fd, addr, len, flags));
	return green_accept4(fd, addr, len, flags);
}

GREEN(int, accept, int fd, struct sockaddr *addr, socklen_t *len)
{
	struct mpg_wait w;

	if (!mpg_wait_begin(&w, fd, POLLIN, "accept"))
		return mpg_wait_born(REAL(accept)(fd, addr, len));
	return mpg_wait_born(accept_green(&w, addr, len, 0));
}

INTERPOSE(int, accept, int fd, struct sockaddr *addr, socklen_t *len)
{
	if (!mpg_may_wait_on(fd))
		return mpg_wait_born(REAL(accept)(fd, addr, len));
	return green_accept(fd, addr, len);
}
