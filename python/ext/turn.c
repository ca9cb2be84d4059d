/* SPDX-License-Identifier: MIT */
/*
 * A turn: the epoll fd has become readable, and greenlets are switched to. What they do makes
 * others ready as a rule, so the fd is asked again for a short time before gevent's loop goes on.
 * Anything may happen while a greenlet runs, the end of the hub and a fork included.
 */
#include "hub.h"

static int report(struct mpb_hub *h, PyObject *greenlet)
{
	PyObject *type, *value, *traceback;
	int r;

	/* The hub has been destroyed under us: what destroys it goes on to the loop. */
	if (!h->greenlet)
		return -1;
	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	r = mpb_call(h->greenlet, "handle_error", "(OOOO)", greenlet, type, value,
		     traceback ? traceback : Py_None);
	Py_DECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
	return r;
}

/* 0: go on. -1: an exception for the loop. 1: nothing here is as it was. */
static int wake(struct mpb_hub *h, struct mpb_waiter *w, int verdict)
{
	PyObject *greenlet = w->greenlet, *result;
	unsigned epoch = h->epoch;
	int r = 0;

	mpb_queue_remove(w);
	mpb_timers_remove(h, w);
	w->verdict = verdict;
	Py_INCREF(greenlet);
	h->away = true;
	result = mpb_greenlet->switch_to(greenlet, mpb_nothing, NULL);
	if (h->epoch == epoch)
		h->away = false;
	if (!result)
		r = report(h, greenlet);
	Py_XDECREF(result);
	Py_DECREF(greenlet);
	if (h->epoch != epoch)
		return r < 0 ? r : 1;
	return r;
}

static unsigned length(const struct mpb_queue *q)
{
	unsigned n = 0;

	for (const struct mpb_waiter *w = q->first; w; w = w->next)
		n++;
	return n;
}

static int wake_woken(struct mpb_hub *h, unsigned n)
{
	int r = 0;

	for (; r == 0 && n && h->woken.first; n--)
		r = wake(h, h->woken.first, h->woken.first->verdict);
	return r;
}

static int wake_expired(struct mpb_hub *h)
{
	int64_t now = mpb_timers_now();
	size_t n = h->timers.used;
	struct mpb_waiter *w;
	int r = 0;

	for (; r == 0 && n && (w = mpb_timers_expired(h, now)); n--)
		r = wake(h, w, MPGREEN_TIMEOUT);
	return r;
}

static const uint32_t asked_for[MPB_DIRECTIONS] = { EPOLLIN, EPOLLOUT };

/* One waiter for each direction: whoever is next hears of it in the next round. */
static int wake_ready(struct mpb_hub *h, struct mpb_watch *w, uint32_t events)
{
	uint32_t idle = 0, error = events & (EPOLLERR | EPOLLHUP);
	int r = 0;

	w->turn = h->turn;
	for (int way = 0; way < MPB_DIRECTIONS; way++)
		if (!w->queue[way].first && (error || events & asked_for[way]))
			idle |= asked_for[way];
	if (idle == (EPOLLIN | EPOLLOUT) || idle & atomic_load(&w->armed))
		mpb_watch_disarm(h, w, idle);
	for (int way = 0; r == 0 && way < MPB_DIRECTIONS; way++)
		if (w->queue[way].first && (error || events & asked_for[way]))
			r = wake(h, w->queue[way].first, MPGREEN_READY);
	return r;
}

static int wake_all_ready(struct mpb_hub *h, int n, bool *rung)
{
	struct mpb_watch *w;
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		if (h->events[i].data.fd == h->bell) {
			*rung = true;
			continue;
		}
		w = mpb_watch_get(h, h->events[i].data.fd);
		if (w)
			r = wake_ready(h, w, h->events[i].events);
	}
	return r;
}

static int turn(struct mpb_hub *h)
{
	/* Who yields from now on is for the next turn, when the loop has had its own. */
	unsigned yielded = length(&h->woken);
	bool rung = false;
	int n, r = 0;

	h->turn++;
	h->turn_ends = mpb_timers_now() + MPB_TURN_NS;
	mpb_watch_settle(h);
	do {
		n = epoll_wait(h->epoll, h->events, MPB_EVENTS, 0);
		r = wake_all_ready(h, n, &rung);
	} while (r == 0 && n > 0 && !rung && mpb_timers_now() < h->turn_ends);
	if (r == 0 && rung)
		r = wake_expired(h);
	if (r == 0 && rung)
		r = wake_woken(h, yielded);
	if (r == 0 && rung)
		mpb_timers_silence(h);
	return r;
}

PyObject *mpb_turn(PyObject *capsule, PyObject *unused)
{
	struct mpb_hub *h = PyCapsule_GetPointer(capsule, NULL);
	int r;

	(void)unused;
	if (!h || h->declines)
		Py_RETURN_NONE;
	r = turn(h);
	if (r < 0) {
		/* The loop stops a watcher whose callback fails. */
		h->deaf = true;
		return NULL;
	}
	if (r == 0 && h->deaf && mpb_hub_listen(h) < 0)
		return NULL;
	Py_RETURN_NONE;
}
