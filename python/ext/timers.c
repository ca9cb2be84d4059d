/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: a heap of waiters, and a timerfd set to no later than the first. It is not set back
 * when a waiter leaves early, so that a wait with a deadline that is not reached costs no system
 * call. The timerfd is the doorbell, too: any thread rings it by setting it to the past.
 */
#include "hub.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>

int64_t mpb_timers_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void put(struct mpb_timers *t, size_t place, struct mpb_waiter *w)
{
	t->heap[place - 1] = w;
	w->place = place;
}

static void sift_up(struct mpb_timers *t, size_t place, struct mpb_waiter *w)
{
	for (; place > 1 && t->heap[place / 2 - 1]->deadline > w->deadline; place /= 2)
		put(t, place, t->heap[place / 2 - 1]);
	put(t, place, w);
}

static void sift_down(struct mpb_timers *t, size_t place, struct mpb_waiter *w)
{
	size_t child;

	while ((child = 2 * place) <= t->used) {
		if (child < t->used && t->heap[child]->deadline < t->heap[child - 1]->deadline)
			child++;
		if (t->heap[child - 1]->deadline >= w->deadline)
			break;
		put(t, place, t->heap[child - 1]);
		place = child;
	}
	put(t, place, w);
}

int mpb_timers_add(struct mpb_hub *h, struct mpb_waiter *w)
{
	struct mpb_timers *t = &h->timers;

	if (t->used == t->size) {
		size_t size = t->size ? 2 * t->size : 16;
		void *heap = realloc(t->heap, size * sizeof(*t->heap));

		if (!heap)
			return -1;
		t->heap = heap;
		t->size = size;
	}
	t->used++;
	sift_up(t, t->used, w);
	mpb_timers_ring(h, w->deadline);
	return 0;
}

void mpb_timers_remove(struct mpb_hub *h, struct mpb_waiter *w)
{
	struct mpb_timers *t = &h->timers;
	struct mpb_waiter *last;
	size_t place = w->place;

	if (!place)
		return;
	w->place = 0;
	last = t->heap[--t->used];
	if (last == w)
		return;
	if (place > 1 && t->heap[place / 2 - 1]->deadline > last->deadline)
		sift_up(t, place, last);
	else
		sift_down(t, place, last);
}

struct mpb_waiter *mpb_timers_expired(struct mpb_hub *h, int64_t now)
{
	struct mpb_timers *t = &h->timers;

	return t->used && t->heap[0]->deadline <= now ? t->heap[0] : NULL;
}

/* A moment in the past rings at once; 0, which would mean "never", is not used. */
static void set(int bell, int64_t at)
{
	struct itimerspec when = {
		.it_value = { at / 1000000000, at % 1000000000 },
	};

	timerfd_settime(bell, TFD_TIMER_ABSTIME, &when, NULL);
}

void mpb_timers_ring(struct mpb_hub *h, int64_t at)
{
	if (at < 1)
		at = 1;
	if (at >= h->timers.rings_at)
		return;
	h->timers.rings_at = at;
	set(h->bell, at);
	/* Another thread may have rung just before; that ring is gone now. */
	mpb_watch_settle(h);
}

void mpb_timers_silence(struct mpb_hub *h)
{
	struct mpb_timers *t = &h->timers;
	int64_t next = t->used ? t->heap[0]->deadline : MPGREEN_FOREVER;

	if (h->woken.first)
		next = 1;
	t->rings_at = next;
	set(h->bell, next == MPGREEN_FOREVER ? 0 : next < 1 ? 1 : next);
	mpb_watch_settle(h);
}
