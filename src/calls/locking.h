/* SPDX-License-Identifier: MIT */
/*
 * A lock that another fiber of this thread holds: to block the thread for it would be for ever. The
 * fiber parks until that one releases it, by a call of ours. A lock that another thread holds is
 * waited for as libc does: such times are short, and its owner knows nothing of us.
 */
#ifndef MPG_LOCKING_H
#define MPG_LOCKING_H

#include "engine/held.h"
#include "sources/parking.h"

#pragma GCC visibility push(hidden)

struct mpg_locking {
	const char *call;
	int (*try)(void *lock);			/* 0, EBUSY, or another error */
	bool (*is_ours)(const void *lock);	/* does a fiber of this thread hold it? */
	clockid_t clock;
	const struct timespec *time;		/* NULL: for ever, and nothing ends the wait */
};

/* What a wait returns when the thread is to block: then the real call is made. */
#define MPG_LOCKING_BLOCKS (-1)

/* Waits in line for a lock that a fiber of this thread holds, or that others wait for. */
int mpg_locking_wait(const struct mpg_locking *how, void *lock);

/*
 * The whole call but for its blocking. One load more than the try when nobody is parked anywhere.
 */
static inline int mpg_locking_take(const struct mpg_locking *how, void *lock)
{
	int error;

	if (!mpg_parking_any() || !mpg_parking_has_line(lock, MPG_OWN_SIDE)) {
		error = how->try(lock);
		if (error != EBUSY)
			return error;
		if (!how->is_ours(lock))
			return MPG_LOCKING_BLOCKS;
	}
	return mpg_locking_wait(how, lock);
}

/* The lock has been released. */
static inline void mpg_locking_released(const void *lock)
{
	if (mpg_parking_any())
		mpg_parking_wake_one(lock, MPG_OWN_SIDE);
}

static inline bool mpg_locking_is_time(const struct timespec *time)
{
	return time->tv_nsec >= 0 && time->tv_nsec < MPG_SECOND;
}

static inline bool mpg_locking_is_clock(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

#pragma GCC visibility pop

#endif
