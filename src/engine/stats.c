/* SPDX-License-Identifier: MIT */
#include "engine/stats.h"

struct mpg_stats mpg_stats;

_Static_assert(sizeof(struct mpg_stats) == sizeof(mpgreen_stats), "one counter per public count");

void mpg_stats_verdict(int verdict)
{
	switch (verdict) {
	case MPGREEN_READY:
		mpg_stats_count(ready);
		break;
	case MPGREEN_TIMEOUT:
		mpg_stats_count(timeouts);
		break;
	case MPGREEN_CANCELLED:
		mpg_stats_count(cancelled);
		break;
	default:
		mpg_stats_count(native);
	}
}

#define READ(what) atomic_load_explicit(&mpg_stats.what, memory_order_relaxed)

int mpg_stats_read(mpgreen_stats *stats, size_t size)
{
	const mpgreen_stats now = {
		.waits = READ(waits),
		.ready = READ(ready),
		.timeouts = READ(timeouts),
		.cancelled = READ(cancelled),
		.native = READ(native),
		.woken = READ(woken),
		.yields = READ(yields),
		.worked = READ(worked),
	};

	if (!stats)
		return -EINVAL;
	memset(stats, 0, size);
	memcpy(stats, &now, size < sizeof(now) ? size : sizeof(now));
	return 0;
}

void mpg_stats_forked(void)
{
	mpg_stats = (struct mpg_stats){ 0 };
}
