/* SPDX-License-Identifier: MIT */
/*
 * A wait that is likely to be answered at once, by another process or thread that only has to run,
 * is made where it is: the processor is lent to whoever wants it, and the epoll fd asked. The way
 * through the hub and gevent's loop takes several system calls and two switches.
 *
 * No turn gets longer by it, whatever else is ready ends it, and an fd where it fails is not tried
 * again before long. No Python is needed for it, and so no GIL.
 */
#include "hub.h"

#include <poll.h>
#include <sched.h>

/* The longest stay: about what the way through the hub costs, many times over. */
#define STAY_NS 50000

/* With less time left in this turn the next one is as good. */
#define WORTH_NS 10000

/* Waits to be made in the hub after a failure, and after one more without a success in between. */
#define LEAST_PENALTY 4
#define MOST_PENALTY 1024

static void fail(struct mpb_watch *w)
{
	w->penalty = w->penalty ? 2 * w->penalty : LEAST_PENALTY;
	if (w->penalty > MOST_PENALTY)
		w->penalty = MOST_PENALTY;
	w->skip = w->penalty;
}

static bool is_answer(const struct epoll_event *event, const struct mpb_watch *w, uint32_t wanted)
{
	return event->data.fd == w->fd && event->events & (wanted | EPOLLERR | EPOLLHUP);
}

/* A second event is somebody else's, who has a right to be next. */
static bool ask(struct mpb_hub *h, const struct mpb_watch *w, uint32_t wanted, int64_t until)
{
	struct epoll_event events[2];
	int n;

	do {
		sched_yield();
		n = epoll_wait(h->epoll, events, 2, 0);
	} while (n == 0 && mpb_timers_now() < until);
	return n == 1 && is_answer(events, w, wanted);
}

bool mpb_stay(struct mpb_hub *h, const mpgreen_wait *what)
{
	uint32_t wanted = what->events & POLLOUT ? EPOLLOUT : EPOLLIN;
	struct mpb_watch *w;
	int64_t now, until;

	if (!h->away || h->kept || h->woken.first || what->fd < 0)
		return false;
	w = mpb_watch_find(h, what->fd);
	if (!w || atomic_load(&w->waiting) || !(atomic_load(&w->armed) & wanted))
		return false;
	if (w->skip) {
		w->skip--;
		return false;
	}
	now = mpb_timers_now();
	until = now + STAY_NS < h->turn_ends ? now + STAY_NS : h->turn_ends;
	if (until < now + WORTH_NS)
		return false;
	if (!ask(h, w, wanted, until)) {
		fail(w);
		return false;
	}
	w->turn = h->turn;
	w->penalty = 0;
	return true;
}
