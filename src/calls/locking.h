/* SPDX-License-Identifier: MIT */
/*
 * A lock that another fiber of this thread holds: to block the thread for it would be for ever. The
 * fiber parks until that one releases it. One that another thread holds is waited for as libc does,
 * for a short time: mostly it is enough. Then the fiber parks for it as well, since that thread may
 * be waiting for a lock that another fiber of this one holds. Who releases a lock, on any thread,
 * wakes those who are parked; and as that may happen past us, as in another process, they look
 * again every now and then.
 */
#ifndef MPG_LOCKING_H
#define MPG_LOCKING_H

#include "engine/held.h"
#include "sources/parking.h"

#pragma GCC visibility push(hidden)

struct mpg_locking {
	const char *call;
	int (*try)(void *lock);			/* 0, EBUSY, or another error */
	/* Blocks until a time of CLOCK_REALTIME. */
	int (*try_until)(void *lock, const struct timespec *time);
	bool (*is_ours)(const void *lock);	/* does a fiber of this thread hold it? */
	clockid_t clock;
	const struct timespec *time;		/* NULL: for ever, and nothing ends the wait */
};

/* What a wait returns when the thread is to block: then the real call is made. */
#define MPG_LOCKING_BLOCKS (-1)

/* Waits for a lock that is not free, or that others wait for. */
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
	}
	return mpg_locking_wait(how, lock);
}

/* The lock has been released, or is about to be where we cannot see it. */
static inline void mpg_locking_released(const void *lock)
{
	if (mpg_parking_any())
		mpg_parking_wake_sides(lock, false);
}

/*
 * On a thread without fibers, before the release: has it to be told? The question after it would
 * cost a frame each time; who parks in between looks again.
 */
static inline bool mpg_locking_is_quiet(void)
{
	return !mpg_thread_has_fibers() && !mpg_parking_any();
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
