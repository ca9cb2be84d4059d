/* SPDX-License-Identifier: MIT */
#include "calls/locking.h"
#include "registry/process.h"

/*
 * Who comes while others wait stands behind them, though the lock may be free by now: a fiber that
 * takes it again and again would never let them in, since nothing interrupts it in between. But
 * the loop itself cannot stand in line.
 */
static int wait_in_line(struct mpg_wait *w, const struct mpg_locking *how, void *lock,
			struct mpg_parked *place)
{
	bool may_try = mpg_parking_is_first(place);
	int error;

	w->must_park = true;
	for (;;) {
		error = may_try ? how->try(lock) : EBUSY;
		if (error != EBUSY)
			return error;
		if (may_try && !how->is_ours(lock))
			return MPG_LOCKING_BLOCKS;
		if (!mpg_parking_wait_until(w, place, how->clock, how->time)) {
			if (errno != EDEADLK && !mpg_wait_was_forked(w))
				return ETIMEDOUT;
			if (may_try)
				return MPG_LOCKING_BLOCKS;
		}
		may_try = true;
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

	if (mpg_process_is_foreign() || !mpg_wait_begin_other(&w, how->call))
		return MPG_LOCKING_BLOCKS;
	error = wait_and_leave(&w, how, lock);
	/* Another thread has it: nobody tells those who stand behind when it is released. */
	if (error == MPG_LOCKING_BLOCKS)
		mpg_parking_wake_one(lock, MPG_OWN_SIDE);
	errno = w.saved_errno;
	return error;
}
