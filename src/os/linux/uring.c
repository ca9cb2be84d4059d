/* SPDX-License-Identifier: MIT */
#include "os/linux/uring.h"

#if HAVE_DECL_IORING_OP_ACCEPT
#include <linux/io_uring.h>

#include "real.h"
#include "registry/lock.h"
#include "registry/private.h"

/* Linux 6.10; Debian 12's header is older. */
#ifndef IORING_ACCEPT_DONTWAIT
#define IORING_ACCEPT_DONTWAIT (1u << 1)
#endif

/* Owns the ring: held for one system call that does not block. */
static struct mpg_lock lock = MPG_LOCK_INITIALIZER;

static struct ring {
	int fd;
	unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	void *map;
	size_t map_len, sqes_len;
} ring = { .fd = -1 };

static enum { UNTRIED, WORKS, ABSENT } state;

static void unmap(void)
{
	if (ring.map)
		munmap(ring.map, ring.map_len);
	if (ring.sqes)
		munmap(ring.sqes, ring.sqes_len);
	if (ring.fd >= 0)
		mpg_private_close(ring.fd);
	ring = (struct ring){ .fd = -1 };
}

static void *map(size_t len, off_t offset)
{
	void *p =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

static bool create(void)
{
	struct io_uring_params p = { 0 };
	char *base;

	ring.fd = mpg_private_adopt((int)syscall(SYS_io_uring_setup, 2, &p));
	if (ring.fd < 0 || !(p.features & IORING_FEAT_SINGLE_MMAP))
		return false;
	ring.map_len = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (ring.map_len < p.sq_off.array + p.sq_entries * sizeof(unsigned))
		ring.map_len = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	ring.sqes_len = p.sq_entries * sizeof(struct io_uring_sqe);
	ring.map = base = map(ring.map_len, IORING_OFF_SQ_RING);
	ring.sqes = map(ring.sqes_len, IORING_OFF_SQES);
	if (!ring.map || !ring.sqes)
		return false;
	ring.sq_tail = (unsigned *)(base + p.sq_off.tail);
	ring.sq_mask = (unsigned *)(base + p.sq_off.ring_mask);
	ring.sq_array = (unsigned *)(base + p.sq_off.array);
	ring.cq_head = (unsigned *)(base + p.cq_off.head);
	ring.cq_tail = (unsigned *)(base + p.cq_off.tail);
	ring.cq_mask = (unsigned *)(base + p.cq_off.ring_mask);
	ring.cqes = (struct io_uring_cqe *)(base + p.cq_off.cqes);
	return true;
}

/* Runs one operation to its end. Returns its result, a negative errno for an error. */
static int run(const struct io_uring_sqe *sqe)
{
	unsigned tail = *ring.sq_tail, head = *ring.cq_head;
	int result;

	ring.sqes[tail & *ring.sq_mask] = *sqe;
	ring.sq_array[tail & *ring.sq_mask] = tail & *ring.sq_mask;
	__atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
	/* EINTR: submitted or not, it is asked again until the answer is there. */
	for (unsigned submit = 1; __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE) == head;) {
		long r = syscall(SYS_io_uring_enter, ring.fd, submit, 1, IORING_ENTER_GETEVENTS,
				 NULL, 0);
		if (r > 0)
			submit = 0;
		else if (r < 0 && errno != EINTR) {
			/* Forbidden since. The entry must not go out with a later call's. */
			__atomic_store_n(ring.sq_tail, tail, __ATOMIC_RELEASE);
			state = ABSENT;
			return -ENOSYS;
		}
	}
	result = ring.cqes[head & *ring.cq_mask].res;
	__atomic_store_n(ring.cq_head, head + 1, __ATOMIC_RELEASE);
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
		state = create() && self_test() ? WORKS : ABSENT;
		if (state == WORKS)
			return true;
		unmap();
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
	unmap();
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
