/* SPDX-License-Identifier: MIT */
/*
 * The scheduler slot of each thread: attach, detach, and who must hear that an fd is closing.
 *
 * The lock guards the list of all slots and is taken only to change or walk it. A scheduler's
 * closing() is called under it for slots of other threads, and without it for the caller's own:
 * that one may want a lock of its runtime (an interpreter's) that another caller of ours holds.
 */
#ifndef MPG_SCHEDULER_H
#define MPG_SCHEDULER_H

#include "engine/thread.h"
#include "mpgreen.h"

#pragma GCC visibility push(hidden)

struct mpg_slot {
	mpgreen_scheduler ops;
	void *self;
	struct mpg_slot *outer;		/* what detaching brings back */
	struct mpg_slot *next;		/* in the list of all slots */
	unsigned waiting;		/* fibers inside ops.wait() */
};

/* From here on the library keeps books: done by the first attach of the process. */
void mpg_scheduler_prepare(void);

int mpg_scheduler_attach(const mpgreen_scheduler *ops, void *self);
int mpg_scheduler_detach(void);

/* Asks the scheduler on top to wait. */
int mpg_scheduler_wait(const mpgreen_wait *what);

/* Tells every scheduler that fd is closing. */
void mpg_scheduler_closing(int fd);

/* fork(): the lock is held across it; the child keeps no slot. */
void mpg_scheduler_before_fork(void);
void mpg_scheduler_after_fork(void);
void mpg_scheduler_forked(void);

/* poll_scheduler.c: attaches the built-in scheduler to the calling thread. */
int mpg_poll_scheduler_attach(void);

#pragma GCC visibility pop

#endif
