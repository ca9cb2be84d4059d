/* SPDX-License-Identifier: MIT */
/*
 * The parking lot: fibers that wait for something in memory, a lock or a condition, which has no
 * fd. Who waits stands in the line of an address; whoever changes what is there wakes the first of
 * the line, or all. Between entering the line and waiting the caller looks once more, so that no
 * wake-up is lost:
 *
 *	MPG_PARKED(place, mpg_parking_enter(lock, MPG_OWN_SIDE));
 *
 *	while ((error = try(lock)) == EBUSY)
 *		if (!mpg_parking_wait(&w, place))
 *			return ended(errno);
 *
 * and on the other side
 *
 *	release(lock);
 *	if (mpg_parking_any())
 *		mpg_parking_wake_one(lock, MPG_OWN_SIDE);
 *
 * The address is a name, and never looked at. Each side has a line of its own there: the fibers of
 * one thread, or all threads. Who stands behind another thread's fiber waits until that thread has
 * time for it, and a thread that blocks has none. One relaxed load on the waking side is enough
 * where the waiter entered before it released a lock that the waker has held since, or where both
 * are fibers of one thread. In other cases a full barrier belongs between the release and the load.
 */
#ifndef MPG_PARKING_H
#define MPG_PARKING_H

#include "engine/wait.h"

#pragma GCC visibility push(hidden)

/* A place in a line. On the heap: any thread may wake it. */
struct mpg_parked;

#define MPG_OWN_SIDE ((const void *)&mpg_thread)
#define MPG_ALL_SIDES NULL

/* How many places there are, in all lines. */
extern _Atomic unsigned mpg_parking_places;

/* Does anybody wait at all? */
static inline bool mpg_parking_any(void)
{
	return __builtin_expect(
		atomic_load_explicit(&mpg_parking_places, memory_order_relaxed) != 0, 0);
}

/*
 * A place at the end of the line; NULL without memory. Where numbers of fds have run out it looks
 * for its wake-ups every now and then: who blocks the thread instead may wait for its own fibers.
 */
struct mpg_parked *mpg_parking_enter(const void *address, const void *side);

/* Declares `name`: out of the line at the end of its block, or when the thread is cancelled. */
#define MPG_PARKED(name, init) \
	__attribute__((cleanup(mpg_parking_leave))) struct mpg_parked *name = init

/* Passes on a wake-up that came too late to be used. Keeps errno. Takes NULL, too. */
void mpg_parking_leave(struct mpg_parked **place);

/*
 * True: woken, once for each wake-up, and the place in the line is kept. False: errno says why the
 * wait ended. In a fork child a place from before the fork is in no line.
 */
bool mpg_parking_wait(struct mpg_wait *w, struct mpg_parked *place);

/*
 * The same until a moment of a clock, by calls that no signal handler interrupts. NULL: for ever,
 * and such a wait cannot be cancelled either. False: EDEADLK where w->must_park says so; anything
 * else: it is over.
 */
bool mpg_parking_wait_until(struct mpg_wait *w, struct mpg_parked *place, clockid_t clock,
			    const struct timespec *time);

/* The same, but false with EAGAIN after 10 ms: what is waited for may have come past us. */
bool mpg_parking_wait_a_while(struct mpg_wait *w, struct mpg_parked *place, clockid_t clock,
			      const struct timespec *time);

/* Is nobody before it in its line? */
bool mpg_parking_is_first(const struct mpg_parked *place);

/* Is there a line at this address? */
bool mpg_parking_has_line(const void *address, const void *side);

/* The first who has not been woken yet, or all. Any thread, no signal handler. errno is kept. */
void mpg_parking_wake_one(const void *address, const void *side);
void mpg_parking_wake_all(const void *address, const void *side);

/* The first of each thread's own line, unless it has been woken already; or all of all these. */
void mpg_parking_wake_sides(const void *address, bool all);

/* fork(): the lock is held across it; nobody waits in the child. */
void mpg_parking_before_fork(void);
void mpg_parking_after_fork(void);
void mpg_parking_forked(void);

#pragma GCC visibility pop

#endif
