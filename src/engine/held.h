/* SPDX-License-Identifier: MIT */
/*
 * Which fiber holds a lock that libc gives to a thread: a recursive mutex lets a second fiber of
 * the thread straight in. Each thread keeps a list of such locks that its fibers hold.
 *
 * What the running fiber holds has no name on it. It gets the fiber's when that waits or is
 * left otherwise, and loses it when the fiber runs again: so a lock with a name on it is another
 * fiber's than the running one. Where the name is not certain, the lock is anybody's, as in libc:
 * a fiber let in by mistake is better than one kept out of what it holds itself.
 * A scheduler that cannot tell fibers apart (no current()) has only one.
 */
#ifndef MPG_HELD_H
#define MPG_HELD_H

#include "engine/thread.h"

#pragma GCC visibility push(hidden)

/* One lock may be held by several, and by one several times. No allocator is called. */
void mpg_held_add(const void *lock);

/* Once: the running fiber's, if it has any. */
void mpg_held_remove(const void *lock);

/* Does a fiber of this thread hold it that does not run? */
bool mpg_held_has_name(const void *lock);

static inline bool mpg_held_by_other(const void *lock)
{
	return mpg_thread.n_held != mpg_thread.n_running_holds && mpg_held_has_name(lock);
}

/* The lock is no more. */
void mpg_held_forget(const void *lock);

/* The running fiber begins to wait: returns its name, NULL when there is nothing to put it on. */
void *mpg_held_name(void);
void mpg_held_unname(const void *fiber);

/* See mpgreen_switched(). */
void mpg_held_switched(const void *from, const void *to);

/* In a fork child no lock belongs to its thread. */
void mpg_held_forked(void);

#pragma GCC visibility pop

#endif
