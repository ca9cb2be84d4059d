/* SPDX-License-Identifier: MIT */
/*
 * One call of a function at a time: the fibers stand in line. A turn lasts until the worker is
 * through and its fiber goes on, so that what the function returned, in memory of its own, is seen
 * before the next call changes it: as it would be if all had been called by one thread.
 */
#ifndef MPG_SERIAL_H
#define MPG_SERIAL_H

#include "engine/wait.h"

#pragma GCC visibility push(hidden)

/* On the heap. */
struct mpg_serial {
	void (*function)(void);
	int bell;		/* rung when the turn has come */
	bool stands;		/* in the line */
	_Atomic bool granted, ended;
	struct mpg_serial *next;
};

/* Waits for the turn. False: the wait ended before, errno says why. */
bool mpg_serial_enter(struct mpg_wait *w, struct mpg_serial *turn);

/* The worker is through. */
static inline void mpg_serial_ended(struct mpg_serial *turn)
{
	atomic_store(&turn->ended, true);
}

/* For whoever has entered, or tried to. */
void mpg_serial_leave(struct mpg_serial *turn);

/* fork(): the lock is held across it; the line is empty in the child. */
void mpg_serial_before_fork(void);
void mpg_serial_after_fork(void);
void mpg_serial_forked(void);

#pragma GCC visibility pop

#endif
