/* SPDX-License-Identifier: MIT */
#include "os/linux/uring.h"

#if HAVE_DECL_IORING_OP_ACCEPT
#include "os/linux/ring.h"
#include "real.h"
#include "registry/lock.h"

/* Linux 6.10; Debian 12's header is older. */
#ifndef IORING_ACCEPT_DONTWAIT
#define IORING_ACCEPT_DONTWAIT (1u << 1)
#endif

/* Owns the ring: held for one system call that does not block. */
static struct mpg_lock lock = MPG_LOCK_INITIALIZER;

static struct mpg_ring ring = MPG_RING_NONE;

static enum { UNTRIED, WORKS, ABSENT } state;

/* Runs one operation to its end. Returns its result, a negative errno for an error. */
static int run(const struct io_uring_sqe *sqe)
{
	const struct io_uring_cqe *cqe;
	int result;

	mpg_ring_put(&ring, sqe);
	/* EINTR: submitted or not, it is asked again until the answer is there. */
	for (unsigned submit = 1; !(cqe = mpg_ring_peek(&ring));) {
		int r = mpg_ring_enter(&ring, submit, 1);

		if (r > 0)
			submit = 0;
		else if (r < 0 && errno != EINTR) {
			/* Forbidden since. The entry must not go out with a later call's. */
			mpg_ring_unput(&ring);
			state = ABSENT;
			return -ENOSYS;
		}
	}
	result = cqe->res;
	mpg_ring_seen(&ring);
	return result;
}

static int accept_once(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	const struct io_uring_sqe sqe = {
		.opcode = IORING_OP_ACCEPT,
		.ioprio = IORING_ACCEPT_DONTWAIT,
		.fd = fd,
		.addr = (uintptr_t)addr,
		.addr2 = (uintptr_t)len,
		.accept_flags = (unsigned)flags,
	};

	return run(&sqe);
}

/* A kernel that does not know DONTWAIT refuses the flag; one that does has nothing to accept. */
static bool self_test(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = REAL(socket)(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool works = false;

	if (fd < 0)
		return false;
	/* Only the family: the kernel chooses an abstract name. */
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr.sun_family)) == 0 && listen(fd, 1) == 0)
		works = accept_once(fd, NULL, NULL, SOCK_CLOEXEC) == -EAGAIN;
	REAL(close)(fd);
	return works;
}

static bool ready(void)
{
	if (state == UNTRIED) {
		state = mpg_ring_open(&ring, 2, 0, 0) && self_test() ? WORKS : ABSENT;
		if (state == WORKS)
			return true;
		mpg_ring_close(&ring);
		return false;
	}
	return state == WORKS;
}

bool mpg_uring_can_accept(void)
{
	int saved_errno = errno;
	bool can;

	mpg_lock(&lock);
	can = ready();
	mpg_unlock(&lock);
	errno = saved_errno;
	return can;
}

int mpg_uring_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	int r;

	mpg_lock(&lock);
	r = ready() ? accept_once(fd, addr, len, flags) : -ENOSYS;
	mpg_unlock(&lock);
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

void mpg_uring_before_fork(void)
{
	mpg_lock(&lock);
}

void mpg_uring_after_fork(void)
{
	mpg_unlock(&lock);
}

void mpg_uring_forked(void)
{
	mpg_ring_close(&ring);
	state = UNTRIED;
	mpg_unlock(&lock);
}

#else /* headers of a kernel before 5.5: the other way is always taken */

bool mpg_uring_can_accept(void)
{
	return false;
}

int mpg_uring_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	(void)fd;
	(void)addr;
	(void)len;
	(void)flags;
	errno = ENOSYS;
	return -1;
}

void mpg_uring_before_fork(void)
{
}

void mpg_uring_after_fork(void)
{
}

void mpg_uring_forked(void)
{
}

#endif
