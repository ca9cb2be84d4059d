/* SPDX-License-Identifier: MIT */
/* Waiters and the queues they stand in. */
#include "hub.h"

static void enter(struct mpb_queue *q, struct mpb_waiter *w)
{
	w->queue = q;
	if (w->watch)
		atomic_fetch_add(&w->watch->waiting, 1);
}

void mpb_queue_append(struct mpb_queue *q, struct mpb_waiter *w)
{
	w->next = NULL;
	w->prev = q->last;
	*(q->last ? &q->last->next : &q->first) = w;
	q->last = w;
	enter(q, w);
}

void mpb_queue_prepend(struct mpb_queue *q, struct mpb_waiter *w)
{
	w->prev = NULL;
	w->next = q->first;
	*(q->first ? &q->first->prev : &q->last) = w;
	q->first = w;
	enter(q, w);
}

void mpb_queue_remove(struct mpb_waiter *w)
{
	struct mpb_queue *q = w->queue;

	if (!q)
		return;
	*(w->prev ? &w->prev->next : &q->first) = w->next;
	*(w->next ? &w->next->prev : &q->last) = w->prev;
	w->queue = NULL;
	if (w->watch)
		atomic_fetch_sub(&w->watch->waiting, 1);
	w->watch = NULL;
}

struct mpb_waiter *mpb_waiter_new(struct mpb_hub *h, PyObject *greenlet)
{
	struct mpb_waiter *w = h->spare;

	if (w)
		h->spare = w->next;
	else if (!(w = malloc(sizeof(*w))))
		return NULL;
	*w = (struct mpb_waiter){
		.greenlet = greenlet,
		.deadline = MPGREEN_FOREVER,
		.verdict = MPGREEN_READY,
	};
	Py_INCREF(greenlet);
	return w;
}

void mpb_waiter_free(struct mpb_hub *h, struct mpb_waiter *w)
{
	Py_DECREF(w->greenlet);
	w->next = h->spare;
	h->spare = w;
}

void mpb_waiter_wake_soon(struct mpb_hub *h, struct mpb_waiter *w, int verdict)
{
	mpb_queue_remove(w);
	mpb_timers_remove(h, w);
	w->verdict = verdict;
	mpb_queue_append(&h->woken, w);
	mpb_timers_ring(h, 0);
}
