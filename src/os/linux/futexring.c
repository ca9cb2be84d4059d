/* SPDX-License-Identifier: MIT */
#include "os/linux/futexring.h"

#if HAVE_DECL_IORING_OP_ACCEPT

/* Linux 5.19 and 6.7; the headers of Debian 11 and 12 are older. */
#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN (1u << 8)
#endif
#ifndef IORING_SQ_CQ_OVERFLOW
#define IORING_SQ_CQ_OVERFLOW (1u << 1)
#endif
#define OP_FUTEX_WAIT 51
#define FUTEX_32_BITS 2
#define FUTEX_IS_PRIVATE 128
#define FUTEX_OP_WAKE 1

#define ENTRIES 4
#define COMPLETIONS 256

/*
 * COOP: a completion sends the thread no interrupt, it is noticed when the thread next enters the
 * kernel, or leaves it. Why not DEFER_TASKRUN: docs/design/04-semaphores.md.
 */
bool mpg_futexring_open(struct mpg_ring *ring)
{
	return mpg_ring_open(ring, ENTRIES, COMPLETIONS, IORING_SETUP_COOP_TASKRUN);
}

void mpg_futexring_close(struct mpg_ring *ring)
{
	mpg_ring_close(ring);
}

static bool submit(struct mpg_ring *ring, const struct io_uring_sqe *sqe)
{
	int n;

	mpg_ring_put(ring, sqe);
	do
		n = mpg_ring_enter(ring, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return true;
	mpg_ring_unput(ring);
	return false;
}

bool mpg_futexring_wait(struct mpg_ring *ring, const uint32_t *word, uint32_t expected, bool shared,
			void *id)
{
	struct io_uring_sqe sqe = {
		.opcode = OP_FUTEX_WAIT,
		.fd = FUTEX_32_BITS | (shared ? 0 : FUTEX_IS_PRIVATE),
		.addr = (uintptr_t)word,
		.off = expected,
		.user_data = (uintptr_t)id,
	};
	const uint64_t any = UINT32_MAX;

	/* Older headers have no name for the bits that a wake-up must match. */
	memcpy((char *)&sqe + 48, &any, sizeof(any));
	return submit(ring, &sqe);
}

void mpg_futexring_cancel(struct mpg_ring *ring, const void *id)
{
	const struct io_uring_sqe sqe = {
		.opcode = IORING_OP_ASYNC_CANCEL,
		.fd = -1,
		.addr = (uintptr_t)id,
	};

	submit(ring, &sqe);
}

void mpg_futexring_kick(struct mpg_ring *ring)
{
	const struct io_uring_sqe sqe = { .opcode = IORING_OP_NOP, .fd = -1 };

	submit(ring, &sqe);
}

static void *reap(struct mpg_ring *ring)
{
	const struct io_uring_cqe *cqe;
	void *id = NULL;

	/* What cancels and kicks has no id, and its completion interests nobody. */
	while (!id && (cqe = mpg_ring_peek(ring))) {
		id = (void *)(uintptr_t)cqe->user_data;
		mpg_ring_seen(ring);
	}
	return id;
}

void *mpg_futexring_reap(struct mpg_ring *ring)
{
	void *id = reap(ring);

	/* The kernel keeps what found no room in the queue until it is asked. */
	while (!id && __atomic_load_n(ring->sq_flags, __ATOMIC_ACQUIRE) & IORING_SQ_CQ_OVERFLOW) {
		if (mpg_ring_enter(ring, 0, 0) < 0 && errno != EINTR)
			return NULL;
		id = reap(ring);
	}
	return id;
}

/* By a wake-up, so that a kernel that takes the operation and does something else is found out. */
static bool self_test(struct mpg_ring *ring, uint32_t *word)
{
	int result = -1;

	if (!mpg_futexring_wait(ring, word, 0, false, word) || mpg_ring_peek(ring))
		return false;
	if (syscall(SYS_futex, word, FUTEX_OP_WAKE | FUTEX_IS_PRIVATE, 1, NULL, NULL, 0) != 1)
		return false;
	while (mpg_ring_enter(ring, 0, 1) < 0)
		if (errno != EINTR)
			return false;
	if (mpg_ring_peek(ring))
		result = mpg_ring_peek(ring)->res;
	return result == 0;
}

bool mpg_futexring_works(void)
{
	struct mpg_ring ring;
	uint32_t word = 0;
	bool works;

	if (!mpg_futexring_open(&ring))
		return false;
	works = self_test(&ring, &word);
	mpg_futexring_close(&ring);
	return works;
}

#else /* headers of a kernel before 5.5: another way is always taken */

bool mpg_futexring_works(void)
{
	return false;
}

bool mpg_futexring_open(struct mpg_ring *ring)
{
	(void)ring;
	return false;
}

void mpg_futexring_close(struct mpg_ring *ring)
{
	(void)ring;
}

bool mpg_futexring_wait(struct mpg_ring *ring, const uint32_t *word, uint32_t expected, bool shared,
			void *id)
{
	(void)ring;
	(void)word;
	(void)expected;
	(void)shared;
	(void)id;
	return false;
}

void mpg_futexring_cancel(struct mpg_ring *ring, const void *id)
{
	(void)ring;
	(void)id;
}

void mpg_futexring_kick(struct mpg_ring *ring)
{
	(void)ring;
}

void *mpg_futexring_reap(struct mpg_ring *ring)
{
	(void)ring;
	return NULL;
}

#endif
