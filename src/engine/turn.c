/* SPDX-License-Identifier: MIT */
#include "engine/turn.h"
#include "engine/clock.h"
#include "engine/scheduler.h"
#include "engine/stats.h"
#include "registry/process.h"
#include "settings.h"

static bool yield(int64_t now, int fd)
{
	const struct mpg_slot *slot = mpg_thread.slot;
	const mpgreen_wait what = { .fd = -1, .about = fd, .deadline_ns = now, .call = "yield" };
	int saved_errno = errno, verdict;

	if (mpg_process_is_foreign() || (slot->ops.can_wait && !slot->ops.can_wait(slot->self)))
		return false;
	mpg_stats_count(yields);
	verdict = mpg_scheduler_wait(&what);
	if (verdict == MPGREEN_CANCELLED) {
		if (!errno)
			errno = ECANCELED;
		return true;
	}
	errno = saved_errno;
	return false;
}

bool mpg_turn_check(int fd)
{
	struct mpg_thread *t = &mpg_thread;
	int64_t now = mpg_clock_read(CLOCK_MONOTONIC_COARSE);

	t->turn_calls = 0;
	if (!mpg_settings.turn_ms)
		return false;
	if (!t->turn_began) {
		t->turn_began = now;
		return false;
	}
	if (now - t->turn_began < mpg_settings.turn_ms * MPG_MILLISECOND)
		return false;
	mpg_turn_ended();
	return yield(now, fd);
}
