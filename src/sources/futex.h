/* SPDX-License-Identifier: MIT */
/*
 * A wait for a futex word, made into a wait for an fd. Three ways, the best that the system has:
 * io_uring (one ring per thread), futex_waitv() in one thread of the process, or a worker for each
 * wait. MPGREEN_SEM forces one.
 *
 *	MPG_FUTEX(f, word, 0, true);
 *
 *	while (!condition())
 *		if (!mpg_futex_wait(&w, &f))
 *			return -1;
 *
 * A wait may return for nothing, and one that ends otherwise may have taken a wake-up that was
 * meant for somebody: after mpg_futex_end() the caller passes it on if there is reason to.
 */
#ifndef MPG_FUTEX_H
#define MPG_FUTEX_H

#include "engine/wait.h"
#include "registry/process.h"

#pragma GCC visibility push(hidden)

enum mpg_futex_way { MPG_FUTEX_UNDECIDED, MPG_FUTEX_URING, MPG_FUTEX_WAITV, MPG_FUTEX_WORKER };

struct mpg_futex {
	uint32_t *word;
	uint32_t expected;
	bool shared;			/* by processes */
	enum mpg_futex_way way;		/* of what is held */
	void *held;			/* what waits for the word in our stead; never on a stack */
	unsigned forks;
};

/* Declares `name`: ended at the end of its block, or when the thread is cancelled in it. */
#define MPG_FUTEX(name, word_, expected_, shared_) \
	__attribute__((cleanup(mpg_futex_end))) struct mpg_futex name = { \
		.word = word_, .expected = expected_, .shared = shared_, \
		.forks = mpg_process_forks, \
	}

/* True: look at the word again. False: errno says why the wait ended; it may be continued. */
bool mpg_futex_wait(struct mpg_wait *w, struct mpg_futex *f);

/* Nothing waits for the word any more. Keeps errno. */
void mpg_futex_end(struct mpg_futex *f);

void mpg_futex_wake_one(uint32_t *word, bool shared);
void mpg_futex_wake_all(uint32_t *word, bool shared);

/* The way that this process takes: decided at the first use, by a test of each. */
enum mpg_futex_way mpg_futex_way(void);

/* fork(): locks are held across it; the child begins anew. */
void mpg_futex_before_fork(void);
void mpg_futex_after_fork(void);
void mpg_futex_forked(void);

#pragma GCC visibility pop

#endif
