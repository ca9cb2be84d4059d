/* SPDX-License-Identifier: MIT */
/*
 * Fairness: a fiber whose fd is always ready never waits, and would starve the loop. It gets a
 * budget of time per turn (MPGREEN_TURN_MS); then, between two calls, it must let others run.
 */
#ifndef MPG_TURN_H
#define MPG_TURN_H

#include "engine/thread.h"

#pragma GCC visibility push(hidden)

/* How many calls are made between two looks at the clock. */
#define MPG_TURN_CALLS 32
#define MPG_TURN_BYTES (1 << 16)

/* True: the fiber was interrupted while others ran, errno says why. */
bool mpg_turn_check(int fd);

/* A green call on fd, or -1, begins. True: it must not, for what it took would be lost. */
static inline bool mpg_turn_count(int fd)
{
	return __builtin_expect(++mpg_thread.turn_calls >= MPG_TURN_CALLS, 0) && mpg_turn_check(fd);
}

/* It has moved so much: copying it took the time of that many calls. */
static inline void mpg_turn_moved(ssize_t bytes)
{
	mpg_thread.turn_calls += (unsigned)((size_t)bytes / MPG_TURN_BYTES);
}

/* The fiber waits. */
static inline void mpg_turn_ended(void)
{
	mpg_thread.turn_calls = 0;
	mpg_thread.turn_began = 0;
}

#pragma GCC visibility pop

#endif
