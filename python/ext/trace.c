/* SPDX-License-Identifier: MIT */
/*
 * The library must hear which greenlet is left for which, once locks are held that libc gives to a
 * thread: gevent.sleep() in a callback of a C library is not our wait. greenlet.settrace() tells.
 * It costs each switch a call, so it waits until the library tells of such a lock.
 *
 * That happens inside C code, without the GIL. On the main thread the interpreter is asked to call
 * us before it runs Python code again: no greenlet has been left by then. On another thread the
 * next wait does it, and what is held until then is anybody's.
 */
#include "hub.h"

static PyObject *get_trace, *set_trace;

int mpb_trace_prepare(void)
{
	PyObject *greenlet;

	if (set_trace)
		return 0;
	greenlet = PyImport_ImportModule("greenlet");
	if (!greenlet)
		return -1;
	get_trace = PyObject_GetAttrString(greenlet, "gettrace");
	set_trace = PyObject_GetAttrString(greenlet, "settrace");
	Py_DECREF(greenlet);
	return get_trace && set_trace ? 0 : -1;
}

/* `self` is our hub and the function that was there before us. It runs in the greenlet come to. */
static PyObject *trace(PyObject *self, PyObject *args)
{
	struct mpb_hub *h = PyCapsule_GetPointer(PyTuple_GetItem(self, 0), NULL);
	PyObject *before = PyTuple_GetItem(self, 1), *event, *from, *to;

	if (!h || !PyArg_ParseTuple(args, "O(OO)", &event, &from, &to))
		return NULL;
	if (!h->declines) {
		h->traced++;
		mpb_library.switched(from, to);
	}
	if (before != Py_None)
		return PyObject_CallObject(before, args);
	Py_RETURN_NONE;
}

static PyMethodDef trace_method = { "trace", trace, METH_VARARGS, NULL };

static PyObject *make_tracer(struct mpb_hub *h)
{
	PyObject *before = PyObject_CallObject(get_trace, NULL);
	PyObject *capsule = PyCapsule_New(h, NULL, NULL);
	PyObject *self = before && capsule ? PyTuple_Pack(2, capsule, before) : NULL;
	PyObject *tracer = self ? PyCFunction_New(&trace_method, self) : NULL;

	Py_XDECREF(before);
	Py_XDECREF(capsule);
	Py_XDECREF(self);
	return tracer;
}

static int set(PyObject *tracer)
{
	PyObject *before = PyObject_CallFunctionObjArgs(set_trace, tracer, NULL);

	Py_XDECREF(before);
	return before ? 0 : -1;
}

static void install(struct mpb_hub *h)
{
	PyObject *tracer = make_tracer(h);

	Py_CLEAR(h->tracer);
	h->stranger = NULL;
	if (tracer && set(tracer) == 0)
		h->tracer = tracer;
	else
		Py_XDECREF(tracer);
	PyErr_Clear();
}

static int install_pending(void *self)
{
	struct mpb_hub *h = self;

	if (!h->declines && !h->tracer && mpb_hub_mine() == h)
		install(h);
	h->trace_is_due = false;
	return 0;
}

void mpb_trace_locked(void *self)
{
	struct mpb_hub *h = self;

	if (!h->declines && h->has_signals && Py_AddPendingCall(install_pending, h) == 0)
		h->trace_is_due = true;
	h->wants_trace = true;
}

/* Somebody else's function, put in place of ours, may call ours or not: has it done so by now? */
static bool hears(struct mpb_hub *h)
{
	PyObject *top = PyObject_CallObject(get_trace, NULL);
	bool ours = top == h->tracer;

	PyErr_Clear();
	Py_XDECREF(top);
	if (ours || (top && top == h->stranger && h->traced != h->traced_before))
		return true;
	if (top != h->stranger)
		h->traced_before = h->traced;
	h->stranger = top;
	return false;
}

bool mpb_trace_is_complete(struct mpb_hub *h)
{
	bool nothing_missed = h->trace_is_due;

	if (h->tracer)
		return hears(h);
	install(h);
	return nothing_missed;
}

void mpb_trace_wait_begins(struct mpb_hub *h)
{
	if (h->wants_trace && !h->tracer && !h->trace_is_due)
		install(h);
}

/* A switch has not been reported: there may have been others. */
void mpb_trace_was_missed(struct mpb_hub *h)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	mpb_library.switched(NULL, NULL);
	install(h);
	PyErr_Restore(type, value, traceback);
}

/* Where another one lies above, ours stays and only passes on. */
void mpb_trace_remove(struct mpb_hub *h)
{
	PyObject *type, *value, *traceback, *top;

	if (!h->tracer)
		return;
	PyErr_Fetch(&type, &value, &traceback);
	top = PyObject_CallObject(get_trace, NULL);
	if (top == h->tracer)
		set(PyTuple_GetItem(PyCFunction_GetSelf(top), 1));
	Py_XDECREF(top);
	PyErr_Clear();
	PyErr_Restore(type, value, traceback);
}
