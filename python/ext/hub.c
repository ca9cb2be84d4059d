/* SPDX-License-Identifier: MIT */
/*
 * Which thread has which hub: attach, detach, and the ends that a hub can come to. A capsule in the
 * thread's dict owns the hub, so that the end of the thread, which nobody tells of, is noticed.
 */
#include "hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct mpb_hub *all;
static bool finished;			/* so is the interpreter */
static const char key[] = "mpgreen._gevent.hub";

static struct mpb_hub *take(void)
{
	struct mpb_hub *h;

	for (h = all; h; h = h->next)
		if (!h->used)
			break;
	if (!h) {
		h = calloc(1, sizeof(*h));
		if (!h)
			return NULL;
		h->declines = true;
		h->next = all;
		all = h;
	}
	h->used = true;
	h->epoll = -1;
	h->bell = -1;
	h->thread = pthread_self();
	return h;
}

struct mpb_hub *mpb_hub_mine(void)
{
	PyObject *dict = PyThreadState_GetDict();
	PyObject *capsule = dict ? PyDict_GetItemString(dict, key) : NULL;

	return capsule ? PyCapsule_GetPointer(capsule, NULL) : NULL;
}

static void stop_listening(struct mpb_hub *h)
{
	if (h->io && (mpb_call(h->io, "stop", "()") < 0 || mpb_call(h->io, "close", "()") < 0))
		PyErr_Clear();
	Py_CLEAR(h->io);
}

/* Whatever goes on in the hub ends here; who is parked in it stays so. */
static void reset(struct mpb_hub *h)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	h->declines = true;
	h->epoch++;
	h->parked = 0;
	h->away = false;
	h->plain = NULL;
	h->deaf = false;
	h->capsule = NULL;
	h->wants_trace = false;
	h->trace_is_due = false;
	mpb_watch_drop_all(h);
	mpb_kept_drop_all(h);
	stop_listening(h);
	mpb_watch_shut(h);
	Py_CLEAR(h->tracer);
	Py_CLEAR(h->callback);
	Py_CLEAR(h->loop);
	Py_CLEAR(h->greenlet);
	PyErr_Restore(type, value, traceback);
}

static void thread_ended(PyObject *capsule)
{
	struct mpb_hub *h = PyCapsule_GetPointer(capsule, NULL);

	if (finished || h->capsule != capsule)
		return;
	h->declines = true;
	/* Not so when a fork child clears away what other threads have left. */
	if (!pthread_equal(h->thread, pthread_self()))
		return;
	if (mpb_library.detach() == 0)
		h->used = false;
	reset(h);
}

static int remember(struct mpb_hub *h)
{
	PyObject *dict = PyThreadState_GetDict();
	PyObject *capsule = dict ? PyCapsule_New(h, NULL, thread_ended) : NULL;
	int r = capsule ? PyDict_SetItemString(dict, key, capsule) : -1;

	if (r == 0)
		h->capsule = capsule;
	Py_XDECREF(capsule);
	return r;
}

static void forget(void)
{
	PyObject *dict = PyThreadState_GetDict();

	if (!dict || PyDict_DelItemString(dict, key) < 0)
		PyErr_Clear();
}

static int start_listening(struct mpb_hub *h)
{
	return mpb_call(h->io, "start", "(O)", h->callback);
}

int mpb_hub_listen(struct mpb_hub *h)
{
	stop_listening(h);
	h->io = PyObject_CallMethod(h->loop, "io", "iiO", h->epoll, 1,
				    h->parked ? Py_True : Py_False);
	if (!h->io || ((h->parked || !h->cannot_unref) && start_listening(h) < 0))
		return -1;
	h->deaf = false;
	return 0;
}

static int set_alive(struct mpb_hub *h, bool alive)
{
	static PyObject *ref;

	if (h->cannot_unref)
		return alive ? start_listening(h) : mpb_call(h->io, "stop", "()");
	if (!ref)
		ref = PyUnicode_InternFromString("ref");
	return PyObject_SetAttr(h->io, ref, alive ? Py_True : Py_False);
}

/* A loop with nothing to wait for ends, with an error. It must see those who are parked here. */
void mpb_hub_keep_alive(struct mpb_hub *h, bool alive)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	if (h->io && set_alive(h, alive) < 0)
		PyErr_WriteUnraisable(h->io);
	PyErr_Restore(type, value, traceback);
}

/* gevent's watchers on libuv share a handle for each fd, and have no say on it. */
static bool is_libuv(PyObject *loop)
{
	PyObject *module = PyObject_GetAttrString((PyObject *)Py_TYPE(loop), "__module__");
	PyObject *name = module ? PyUnicode_AsUTF8String(module) : NULL;
	bool found = name && strstr(PyBytes_AsString(name), "libuv");

	Py_XDECREF(module);
	Py_XDECREF(name);
	PyErr_Clear();
	return found;
}

static PyMethodDef turn_method = { "turn", mpb_turn, METH_NOARGS, NULL };

static int connect_to(struct mpb_hub *h, PyObject *greenlet)
{
	PyObject *capsule;

	Py_INCREF(greenlet);
	h->greenlet = greenlet;
	h->loop = PyObject_GetAttrString(greenlet, "loop");
	capsule = PyCapsule_New(h, NULL, NULL);
	if (!h->loop || !capsule) {
		Py_XDECREF(capsule);
		return -1;
	}
	h->cannot_unref = is_libuv(h->loop);
	h->callback = PyCFunction_New(&turn_method, capsule);
	Py_DECREF(capsule);
	return h->callback && mpb_hub_listen(h) == 0 ? 0 : -1;
}

static int prepare(void)
{
	if (!mpb_nothing)
		mpb_nothing = PyTuple_New(0);
	if (!mpb_greenlet)
		mpb_greenlet = PyCapsule_Import("greenlet._C_API", 0);
	return mpb_greenlet && mpb_nothing ? mpb_trace_prepare() : -1;
}

static int attach(struct mpb_hub *h, PyObject *greenlet)
{
	int r = mpb_watch_open(h);

	if (r < 0)
		return r;
	if (connect_to(h, greenlet) < 0 || remember(h) < 0)
		return 1;
	r = mpb_library.attach(&mpb_scheduler, h);
	if (r < 0)
		return r;
	h->declines = false;
	return 0;
}

int mpb_hub_attach(PyObject *greenlet, bool has_signals)
{
	struct mpb_hub *h = mpb_hub_mine();
	int r;

	if (h && h->greenlet == greenlet)
		return -EALREADY;
	if (prepare() < 0)
		return 1;
	h = take();
	if (!h)
		return -ENOMEM;
	h->has_signals = has_signals;
	r = attach(h, greenlet);
	if (r == 0)
		return 0;
	reset(h);
	h->used = false;
	return r;
}

int mpb_hub_detach(void)
{
	struct mpb_hub *h = mpb_hub_mine();
	int r;

	if (!h || !h->greenlet)
		return -ENOENT;
	r = mpb_library.detach();
	if (r < 0)
		return r;
	mpb_trace_remove(h);
	reset(h);
	h->used = false;
	forget();
	return 0;
}

/* If greenlets are parked in it the library cannot let go of it, and it must not be used again. */
void mpb_hub_destroyed(PyObject *greenlet)
{
	struct mpb_hub *h = mpb_hub_mine();

	if (!h || h->greenlet != greenlet || mpb_hub_detach() == 0)
		return;
	mpb_trace_remove(h);
	reset(h);
	forget();
}

/* Of other threads' hubs nothing may be touched: their epoll fds are the parent's. */
static void abandon(struct mpb_hub *h)
{
	h->io = h->callback = h->loop = h->greenlet = h->tracer = NULL;
	h->kept = NULL;
	reset(h);
}

PyObject *mpb_hub_forked(void)
{
	struct mpb_hub *mine = mpb_hub_mine();
	PyObject *greenlet = NULL;

	for (struct mpb_hub *h = all; h; h = h->next) {
		if (!h->used)
			continue;
		if (h == mine && h->greenlet) {
			greenlet = h->greenlet;
			Py_INCREF(greenlet);
			/* First, so that the watcher is not taken from the parent's loop. */
			if (mpb_call(h->loop, "reinit", "()") < 0)
				PyErr_WriteUnraisable(h->loop);
			mpb_trace_remove(h);
			reset(h);
		} else {
			abandon(h);
		}
		h->used = false;
	}
	forget();
	if (greenlet)
		return greenlet;
	Py_RETURN_NONE;
}

void mpb_hub_decline_all(void)
{
	finished = true;
	for (struct mpb_hub *h = all; h; h = h->next)
		h->declines = true;
}
