/* SPDX-License-Identifier: MIT */
/*
 * The scheduler as the library sees it: wait() parks the calling greenlet and switches to the hub.
 * It is entered without the GIL mostly, sometimes with it, sometimes with an exception set.
 */
#include "hub.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* Is this the epoll fd of gevent's loop? Then ours is registered with it. */
static bool is_of_loop(const struct mpb_hub *h, int fd)
{
	char name[64], line[128];
	bool found = false;
	FILE *info;
	int member;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	info = fopen(name, "re");
	if (!info)
		return false;
	while (!found && fgets(line, sizeof(line), info))
		found = sscanf(line, "tfd: %d", &member) == 1 && member == h->epoll;
	fclose(info);
	return found;
}

/*
 * In the hub nothing can be switched to. Waits of the loop itself come here once, not all loops say
 * what their epoll fd is, and again when there is a new one after a fork. The loop is sent on its
 * way with nothing, and blocks the next time: it looks for signals in between.
 */
static int wait_in_hub(struct mpb_hub *h, const mpgreen_wait *what)
{
	if (strncmp(what->call, "epoll_", 6) != 0 || !is_of_loop(h, what->fd))
		return MPGREEN_NATIVE;
	mpb_library.unmark(what->fd);
	return MPGREEN_TIMEOUT;
}

/* Like hub.switch(), which calls this method of greenlets that have it. */
static int switch_out(struct mpb_hub *h, PyObject *greenlet)
{
	if (Py_TYPE(greenlet) == h->plain)
		return 0;
	if (PyObject_HasAttrString(greenlet, "switch_out"))
		return mpb_call(greenlet, "switch_out", "()");
	h->plain = Py_TYPE(greenlet);
	return 0;
}

static int watch(struct mpb_hub *h, struct mpb_waiter *w, const mpgreen_wait *what)
{
	int way = what->events & POLLOUT ? MPB_OUT : MPB_IN, r;
	struct mpb_watch *watch = mpb_watch_get(h, what->fd);

	if (!watch)
		return -ENOMEM;
	r = mpb_watch_arm(h, watch, way == MPB_OUT ? EPOLLOUT : EPOLLIN);
	if (r < 0)
		return r;
	w->watch = watch;
	if (what->attempt)
		mpb_queue_prepend(&watch->queue[way], w);
	else
		mpb_queue_append(&watch->queue[way], w);
	return 0;
}

static int enqueue(struct mpb_hub *h, struct mpb_waiter *w, const mpgreen_wait *what)
{
	int r;

	if (what->fd < 0 && what->deadline_ns <= mpb_timers_now()) {
		mpb_waiter_wake_soon(h, w, MPGREEN_TIMEOUT);
		return 0;
	}
	if (what->fd >= 0) {
		r = watch(h, w, what);
		if (r < 0)
			return r;
	}
	if (what->deadline_ns == MPGREEN_FOREVER)
		return 0;
	w->deadline = what->deadline_ns;
	return mpb_timers_add(h, w) < 0 ? -ENOMEM : 0;
}

/* Returns when somebody switches back to this greenlet, for whatever reason. */
static int switch_once(struct mpb_hub *h, struct mpb_waiter *w)
{
	unsigned epoch = h->epoch, traced = h->traced;
	PyObject *result;

	if (switch_out(h, w->greenlet) < 0)
		return -1;
	if (h->parked++ == 0)
		mpb_hub_keep_alive(h, true);
	result = mpb_greenlet->switch_to(h->greenlet, mpb_nothing, NULL);
	if (h->epoch == epoch && --h->parked == 0)
		mpb_hub_keep_alive(h, false);
	if (h->epoch == epoch && h->tracer && h->traced == traced)
		mpb_trace_was_missed(h);
	Py_XDECREF(result);
	return result ? 0 : -1;
}

/* What is raised in a wait whose call cannot fail is put aside, and the wait goes on. */
static int switch_to_hub(struct mpb_hub *h, struct mpb_waiter *w)
{
	unsigned epoch = h->epoch;
	int r;

	while ((r = switch_once(h, w)) < 0 && w->cannot_fail && h->epoch == epoch)
		mpb_kept_put_aside(w);
	return r;
}

static int cancelled(int error)
{
	errno = error;
	return MPGREEN_CANCELLED;
}

static int park(struct mpb_hub *h, PyObject *greenlet, const mpgreen_wait *what)
{
	struct mpb_waiter *w = mpb_waiter_new(h, greenlet);
	int r, verdict, error;

	if (!w)
		return MPGREEN_NATIVE;
	if (what->flags & MPGREEN_UNCANCELLABLE)
		mpb_kept_recall(h, w);
	mpb_watch_settle(h);
	mpb_trace_wait_begins(h);
	r = enqueue(h, w, what);
	/* The library knows by now whether it was this fd, and asks again if not. */
	if (r == 0 && !(what->fd >= 0 && atomic_exchange(&h->disturbed, false)))
		r = switch_to_hub(h, w);
	mpb_queue_remove(w);
	mpb_timers_remove(h, w);
	verdict = w->verdict;
	error = PyErr_Occurred() ? mpb_kept_take(h, greenlet, what->about) : 0;
	mpb_kept_bring_back(h, w);
	mpb_waiter_free(h, w);
	if (error)
		return cancelled(error);
	return r == 0 ? verdict : MPGREEN_NATIVE;
}

/* It does not wait where it only lets others run: of which connection that is, nobody knows. */
static int go_on(struct mpb_hub *h, PyObject *greenlet, const mpgreen_wait *what)
{
	if (what->about < 0 && what->deadline_ns <= mpb_timers_now())
		return MPGREEN_READY;
	return mpb_kept_goes_on(h, greenlet, what->about) ? MPGREEN_READY : cancelled(ECANCELED);
}

static int wait_with_gil(struct mpb_hub *h, const mpgreen_wait *what)
{
	PyObject *greenlet = mpb_greenlet->current();
	int verdict;

	if (!greenlet) {
		PyErr_Clear();
		return MPGREEN_NATIVE;
	}
	if (greenlet == h->greenlet)
		verdict = wait_in_hub(h, what);
	else if (h->kept && !(what->flags & MPGREEN_UNCANCELLABLE) && mpb_kept_has(h, greenlet))
		verdict = go_on(h, greenlet, what);
	else if (h->deaf && mpb_hub_listen(h) < 0)
		verdict = MPGREEN_NATIVE;
	else
		verdict = park(h, greenlet, what);
	Py_DECREF(greenlet);
	return verdict;
}

static int wait(void *self, const mpgreen_wait *what)
{
	struct mpb_hub *h = self;
	PyObject *type, *value, *traceback;
	PyGILState_STATE gil;
	int verdict, error;

	if (h->declines)
		return MPGREEN_NATIVE;
	if (mpb_stay(h, what))
		return MPGREEN_READY;
	gil = PyGILState_Ensure();
	if (h->declines) {
		PyGILState_Release(gil);
		return MPGREEN_NATIVE;
	}
	PyErr_Fetch(&type, &value, &traceback);
	verdict = wait_with_gil(h, what);
	error = errno;
	PyErr_Restore(type, value, traceback);
	PyGILState_Release(gil);
	errno = error;
	return verdict;
}

static int can_wait(void *self)
{
	const struct mpb_hub *h = self;

	return !h->declines;
}

static void *current(void *self)
{
	PyObject *type, *value, *traceback, *greenlet;
	PyGILState_STATE gil;

	if (!can_wait(self))
		return NULL;
	gil = PyGILState_Ensure();
	PyErr_Fetch(&type, &value, &traceback);
	greenlet = mpb_trace_is_complete(self) ? mpb_greenlet->current() : NULL;
	Py_XDECREF(greenlet);
	PyErr_Restore(type, value, traceback);
	PyGILState_Release(gil);
	return greenlet;
}

static void closing(void *self, int fd)
{
	mpb_watch_closing(self, fd);
}

const mpgreen_scheduler mpb_scheduler = {
	.abi = MPGREEN_ABI,
	.wait = wait,
	.can_wait = can_wait,
	.current = current,
	.closing = closing,
	.locked = mpb_trace_locked,
};
