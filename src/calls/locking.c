/* SPDX-License-Identifier: MIT */
#include "calls/locking.h"
#include "registry/process.h"

/* Most locks of other threads are free within this time, and no fiber misses it. */
#define SHORTLY_NS 100000

/* As libc waits; EBUSY: it has lasted too long. */
static int try_shortly(const struct mpg_locking *how, void *lock)
{
	int64_t until = mpg_clock_read(CLOCK_REALTIME) + SHORTLY_NS;
	struct timespec time = { until / MPG_SECOND, until % MPG_SECOND };
	int error = how->try_until(lock, &time);

	return error == ETIMEDOUT ? EBUSY : error;
}

static int attempt(const struct mpg_locking *how, void *lock, bool woken)
{
	int error = how->try(lock);

	/* Who wakes before it waits for a condition has not released the lock yet. */
	if (error == EBUSY && woken && !how->is_ours(lock))
		error = try_shortly(how, lock);
	return error;
}

/*
 * Who comes while others wait stands behind them, though the lock may be free by now: a fiber that
 * takes it again and again would never let them in, since nothing interrupts it in between. But
 * the loop itself cannot stand in line.
 */
static int wait_in_line(struct mpg_wait *w, const struct mpg_locking *how, void *lock,
			struct mpg_parked *place)
{
	bool may_try = mpg_parking_is_first(place), woken = false;
	int error;

	w->must_park = true;
	for (;;) {
		error = may_try ? attempt(how, lock, woken) : EBUSY;
		if (error != EBUSY)
			return error;
		woken = mpg_parking_wait_a_while(w, place, how->clock, how->time);
		if (!woken && errno != EAGAIN) {
			if (errno != EDEADLK && !mpg_wait_was_forked(w))
				return ETIMEDOUT;
			if (may_try)
				return MPG_LOCKING_BLOCKS;
			woken = true;
		}
		may_try = woken || mpg_parking_is_first(place);
	}
}

static int wait_and_leave(struct mpg_wait *w, const struct mpg_locking *how, void *lock)
{
	MPG_PARKED(place, mpg_parking_enter(lock, MPG_OWN_SIDE));

	return place ? wait_in_line(w, how, lock, place) : MPG_LOCKING_BLOCKS;
}

int mpg_locking_wait(const struct mpg_locking *how, void *lock)
{
	struct mpg_wait w;
	int error;

	if (mpg_process_is_foreign())
		return MPG_LOCKING_BLOCKS;
	if (!(mpg_parking_any() && mpg_parking_has_line(lock, MPG_OWN_SIDE))
	    && !how->is_ours(lock)) {
		error = try_shortly(how, lock);
		if (error != EBUSY)
			return error;
	}
	if (!mpg_wait_begin_other(&w, how->call))
		return MPG_LOCKING_BLOCKS;
	error = wait_and_leave(&w, how, lock);
	/* Another thread has it: nobody tells those who stand behind when it is released. */
	if (error == MPG_LOCKING_BLOCKS)
		mpg_parking_wake_one(lock, MPG_OWN_SIDE);
	errno = w.saved_errno;
	return error;
}
