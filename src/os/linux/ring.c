/* SPDX-License-Identifier: MIT */
#include "os/linux/ring.h"

#if HAVE_DECL_IORING_OP_ACCEPT
#include "registry/private.h"

void mpg_ring_close(struct mpg_ring *ring)
{
	if (ring->map)
		munmap(ring->map, ring->map_len);
	if (ring->sqes)
		munmap(ring->sqes, ring->sqes_len);
	if (ring->fd >= 0)
		mpg_private_close(ring->fd);
	*ring = (struct mpg_ring)MPG_RING_NONE;
}

static void *map(const struct mpg_ring *ring, size_t len, off_t offset)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
		       offset);

	return p == MAP_FAILED ? NULL : p;
}

static bool map_queues(struct mpg_ring *ring, const struct io_uring_params *p)
{
	char *base;

	ring->map_len = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	if (ring->map_len < p->sq_off.array + p->sq_entries * sizeof(unsigned))
		ring->map_len = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	ring->sqes_len = p->sq_entries * sizeof(struct io_uring_sqe);
	ring->map = base = map(ring, ring->map_len, IORING_OFF_SQ_RING);
	ring->sqes = map(ring, ring->sqes_len, IORING_OFF_SQES);
	if (!ring->map || !ring->sqes)
		return false;
	ring->sq_tail = (unsigned *)(base + p->sq_off.tail);
	ring->sq_mask = (unsigned *)(base + p->sq_off.ring_mask);
	ring->sq_array = (unsigned *)(base + p->sq_off.array);
	ring->sq_flags = (unsigned *)(base + p->sq_off.flags);
	ring->cq_head = (unsigned *)(base + p->cq_off.head);
	ring->cq_tail = (unsigned *)(base + p->cq_off.tail);
	ring->cq_mask = (unsigned *)(base + p->cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe *)(base + p->cq_off.cqes);
	return true;
}

bool mpg_ring_open(struct mpg_ring *ring, unsigned entries, unsigned cq_entries, unsigned flags)
{
	struct io_uring_params p = { .flags = flags, .cq_entries = cq_entries };

	*ring = (struct mpg_ring)MPG_RING_NONE;
	if (cq_entries)
		p.flags |= IORING_SETUP_CQSIZE;
	ring->fd = mpg_private_adopt((int)syscall(SYS_io_uring_setup, entries, &p));
	if (ring->fd >= 0 && p.features & IORING_FEAT_SINGLE_MMAP && map_queues(ring, &p))
		return true;
	mpg_ring_close(ring);
	return false;
}

void mpg_ring_put(struct mpg_ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned tail = *ring->sq_tail, slot = tail & *ring->sq_mask;

	ring->sqes[slot] = *sqe;
	ring->sq_array[slot] = slot;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

void mpg_ring_unput(struct mpg_ring *ring)
{
	__atomic_store_n(ring->sq_tail, *ring->sq_tail - 1, __ATOMIC_RELEASE);
}

int mpg_ring_enter(struct mpg_ring *ring, unsigned submit, unsigned min_complete)
{
	return (int)syscall(SYS_io_uring_enter, ring->fd, submit, min_complete,
			    IORING_ENTER_GETEVENTS, NULL, 0);
}

#endif
