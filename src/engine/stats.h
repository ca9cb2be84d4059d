/* SPDX-License-Identifier: MIT */
/* Counts of what waits did, for mpgreen_stats_read(). Passing a call through counts nothing. */
#ifndef MPG_STATS_H
#define MPG_STATS_H

#include "libc.h"
#include "mpgreen.h"

#pragma GCC visibility push(hidden)

struct mpg_stats {
	_Atomic uint64_t waits, ready, timeouts, cancelled, native, woken, yields, worked;
};

extern struct mpg_stats mpg_stats;

#define mpg_stats_count(what) atomic_fetch_add_explicit(&mpg_stats.what, 1, memory_order_relaxed)

/* A scheduler's wait(), counted when it began, answered `verdict`. */
void mpg_stats_verdict(int verdict);

int mpg_stats_read(mpgreen_stats *stats, size_t size);

void mpg_stats_forked(void);

#pragma GCC visibility pop

#endif
