/* SPDX-License-Identifier: MIT */
/*
 * The two queues of an io_uring, without a library: what is put in, what came out. Nothing here
 * waits or locks: whoever owns the ring says when. Many containers forbid rings, and old kernels
 * have none: every user has another way.
 */
#ifndef MPG_RING_H
#define MPG_RING_H

#include "libc.h"

#if HAVE_DECL_IORING_OP_ACCEPT
#include <linux/io_uring.h>

#pragma GCC visibility push(hidden)

struct mpg_ring {
	int fd;
	unsigned *sq_tail, *sq_mask, *sq_array, *sq_flags, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	void *map;
	size_t map_len, sqes_len;
};

#define MPG_RING_NONE { .fd = -1 }

/* False: no ring, and nothing to close. `flags` are IORING_SETUP_*; cq_entries 0: the kernel's. */
bool mpg_ring_open(struct mpg_ring *ring, unsigned entries, unsigned cq_entries, unsigned flags);
void mpg_ring_close(struct mpg_ring *ring);

/* There must be room: whoever puts an entry in enters before the queue is full. */
void mpg_ring_put(struct mpg_ring *ring, const struct io_uring_sqe *sqe);

/* Takes back the latest mpg_ring_put() that the kernel has not taken. */
void mpg_ring_unput(struct mpg_ring *ring);

/* The number of entries that were submitted, or -1 with errno. Never a cancellation point. */
int mpg_ring_enter(struct mpg_ring *ring, unsigned submit, unsigned min_complete);

/* The oldest completion that is there, which mpg_ring_seen() takes away; NULL: none. */
static inline const struct io_uring_cqe *mpg_ring_peek(const struct mpg_ring *ring)
{
	unsigned head = *ring->cq_head;

	if (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == head)
		return NULL;
	return &ring->cqes[head & *ring->cq_mask];
}

static inline void mpg_ring_seen(struct mpg_ring *ring)
{
	__atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
}

#pragma GCC visibility pop

#endif
#endif
