/* SPDX-License-Identifier: MIT */
/*
 * An io_uring whose operations wait for futex words (Linux 6.7): the one primitive of the kernel
 * that turns a futex into an fd. A ring belongs to one thread. Its fd is readable while a
 * completion has not been reaped.
 */
#ifndef MPG_FUTEXRING_H
#define MPG_FUTEXRING_H

#include "os/linux/ring.h"

#pragma GCC visibility push(hidden)

#if !HAVE_DECL_IORING_OP_ACCEPT
struct mpg_ring {
	int fd;
};
#endif

/* Does the kernel have it, and give rings to this process? Asks by a wait and a wake-up. */
bool mpg_futexring_works(void);

/* False: no ring to be had. */
bool mpg_futexring_open(struct mpg_ring *ring);
void mpg_futexring_close(struct mpg_ring *ring);

/*
 * Begins to wait until somebody wakes the word, or at once if it is not `expected`.
 * mpg_futexring_reap() gives `id` (not NULL) back once. False: the kernel has not taken it.
 */
bool mpg_futexring_wait(struct mpg_ring *ring, const uint32_t *word, uint32_t expected, bool shared,
			void *id);

/* Ends that: from here on it takes no wake-up. Its id will be reaped. */
void mpg_futexring_cancel(struct mpg_ring *ring, const void *id);

/* Makes the fd readable once more, for nothing. */
void mpg_futexring_kick(struct mpg_ring *ring);

/* The id of a wait that has ended; NULL: none has. Asks the kernel only if there are very many. */
void *mpg_futexring_reap(struct mpg_ring *ring);

#pragma GCC visibility pop

#endif
