/* SPDX-License-Identifier: MIT */
#include "engine/turn.h"
#include "engine/clock.h"
#include "engine/scheduler.h"
#include "engine/stats.h"
#include "registry/process.h"
#include "settings.h"

static void yield(int64_t now)
{
	struct mpg_slot *slot = mpg_thread.slot;
	const mpgreen_wait what = { .fd = -1, .deadline_ns = now, .call = "yield" };
	int saved_errno = errno;

	if (mpg_process_is_foreign() || (slot->ops.can_wait && !slot->ops.can_wait(slot->self)))
		return;
	mpg_stats_count(yields);
	slot->waiting++;
	slot->ops.wait(slot->self, &what);
	slot->waiting--;
	errno = saved_errno;
}

void mpg_turn_check(void)
{
	struct mpg_thread *t = &mpg_thread;
	int64_t now = mpg_clock_read(CLOCK_MONOTONIC_COARSE);

	t->turn_calls = 0;
	if (!mpg_settings.turn_ms)
		return;
	if (!t->turn_began) {
		t->turn_began = now;
		return;
	}
	if (now - t->turn_began < mpg_settings.turn_ms * MPG_MILLISECOND)
		return;
	mpg_turn_ended();
	yield(now);
}
