/* SPDX-License-Identifier: MIT */
/* Times of the engine: int64_t nanoseconds of CLOCK_MONOTONIC; MPGREEN_FOREVER is no limit. */
#ifndef MPG_CLOCK_H
#define MPG_CLOCK_H

#include "libc.h"
#include "mpgreen.h"

#define MPG_SECOND 1000000000LL
#define MPG_MILLISECOND 1000000LL

static inline int64_t mpg_clock_read(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * MPG_SECOND + ts.tv_nsec;
}

static inline int64_t mpg_clock_now(void)
{
	return mpg_clock_read(CLOCK_MONOTONIC);
}

static inline int64_t mpg_clock_ns(const struct timespec *ts)
{
	if (ts->tv_sec > MPGREEN_FOREVER / MPG_SECOND - 1)
		return MPGREEN_FOREVER;
	return ts->tv_sec * MPG_SECOND + ts->tv_nsec;
}

/* A time in seconds and microseconds as ns; negative if it is not a time. */
static inline int64_t mpg_clock_us(const struct timeval *tv)
{
	const int64_t most = MPGREEN_FOREVER / MPG_SECOND - 1;

	if (tv->tv_sec < 0 || tv->tv_usec < 0)
		return -1;
	/* Linux takes a second or more of microseconds. */
	if (tv->tv_sec > most || tv->tv_usec / 1000000 > most - tv->tv_sec)
		return MPGREEN_FOREVER;
	return tv->tv_sec * MPG_SECOND + tv->tv_usec * 1000;
}

static inline bool mpg_clock_is_invalid(const struct timespec *ts)
{
	return ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= MPG_SECOND;
}

/* No time at all, or not a time: nothing to wait for. */
static inline bool mpg_clock_is_empty_or_invalid(const struct timespec *ts)
{
	return mpg_clock_is_invalid(ts) || (ts->tv_sec == 0 && ts->tv_nsec == 0);
}

/* The deadline `ns` from now. */
static inline int64_t mpg_clock_after(int64_t ns)
{
	int64_t now = mpg_clock_now();

	return ns > MPGREEN_FOREVER - now ? MPGREEN_FOREVER : now + ns;
}

/* The time left until a moment of another clock. A moment before 1970 has passed. */
static inline int64_t mpg_clock_until(clockid_t clock, const struct timespec *ts)
{
	return ts->tv_sec < 0 ? 0 : mpg_clock_ns(ts) - mpg_clock_read(clock);
}

/*
 * The deadline of a wait until then. CLOCK_REALTIME may be set meanwhile, so a wait by it lasts a
 * second at the most, and then that clock is looked at again.
 */
static inline int64_t mpg_clock_next_look(clockid_t clock, const struct timespec *ts)
{
	int64_t left = mpg_clock_until(clock, ts);

	if (clock != CLOCK_MONOTONIC && left > MPG_SECOND)
		left = MPG_SECOND;
	return mpg_clock_after(left);
}

/* The time left until a deadline, never negative. Not for MPGREEN_FOREVER. */
static inline struct timespec mpg_clock_left(int64_t deadline)
{
	int64_t left = deadline - mpg_clock_now();

	if (left < 0)
		left = 0;
	return (struct timespec){ left / MPG_SECOND, left % MPG_SECOND };
}

#endif
