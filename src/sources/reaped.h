/* SPDX-License-Identifier: MIT */
/*
 * Statuses of children that a loop has reaped in passing. libev, and so gevent, takes the status of
 * every child of the process by waitpid(-1), also of those that it knows nothing of; whoever waits
 * for one of these would get ECHILD. So what such a loop takes is given to the call that waits for
 * that child, or kept for the one that comes later.
 *
 * The lock guards the waiters and what is kept. It is held while a loop takes a status, so that
 * nobody sees the child gone and its status not yet here.
 */
#ifndef MPG_REAPED_H
#define MPG_REAPED_H

#include "os/linux/waitid.h"

#pragma GCC visibility push(hidden)

/* One call that waits. On the heap: a worker and whoever reaps look at it. */
struct mpg_waiter;

/* NULL when there is no memory. */
struct mpg_waiter *mpg_waiter_new(const struct mpg_wish *wish);

/* The call is over. What it was given and has not taken is kept. */
void mpg_waiter_drop(struct mpg_waiter **waiter);

/* Takes what it was given. */
bool mpg_waiter_take(struct mpg_waiter *waiter, struct mpg_status *found);

/*
 * A worker waits in its stead: lent before it starts, begun and ended by it. It is cancelled when
 * the waiter is given something; begin says false if that has happened already.
 */
void mpg_waiter_lend(struct mpg_waiter *waiter);
bool mpg_waiter_work_begin(struct mpg_waiter *waiter);
void mpg_waiter_work_end(struct mpg_waiter *waiter);

/*
 * One attempt for any child (of a group), as mpg_waitid() with WNOHANG. Whoever waits for the very
 * child that is taken gets its status, too; what a loop takes (`loops`) is for whoever waits for
 * any child, or is kept. `self` is the waiter that asks, or NULL.
 */
int mpg_reaped_try(const struct mpg_wish *wish, const struct mpg_waiter *self, bool loops,
		   struct mpg_status *found);

/* The kernel knows no child of a wish for one: hands out, once, what has been kept of it. */
bool mpg_reaped_recall(const struct mpg_wish *wish, struct mpg_status *found);

/* The kernel has told of the end of this child: what was kept is of another one of that number. */
void mpg_reaped_forget(pid_t pid);

/* fork(): the lock is held across it; the child has none of its parent's children. */
void mpg_reaped_before_fork(void);
void mpg_reaped_after_fork(void);
void mpg_reaped_forked(void);

#pragma GCC visibility pop

#endif
