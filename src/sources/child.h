/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a child. The end of one child is a pidfd that becomes readable. For any child, or one
 * that stops, the kernel has no descriptor: a worker sits in waitid() and takes nothing, and the
 * caller tries again.
 */
#ifndef MPG_CHILD_H
#define MPG_CHILD_H

#include "os/linux/waitid.h"

#pragma GCC visibility push(hidden)

enum { MPG_CHILD_NATIVE = -2 };

/*
 * waitid() with `wish` (P_PIDFD excepted). 1: found, errno is as before; 0: nothing yet, with
 * WNOHANG; -1 with errno; or MPG_CHILD_NATIVE: block for real. `loops` tells that the caller
 * reaps for a loop: see sources/reaped.h. A cancellation point.
 */
int mpg_child_wait(const struct mpg_wish *wish, bool loops, const char *call,
		   struct mpg_status *found);

#pragma GCC visibility pop

#endif
