/* SPDX-License-Identifier: MIT */
/* The module mpgreen._gevent: the library's functions, and the switches of the binding. */
#include "hub.h"

#include <errno.h>

static bool loaded;

static PyObject *answer(int r)
{
	if (r == 0)
		Py_RETURN_NONE;
	if (r > 0)
		return NULL;
	errno = -r;
	return PyErr_SetFromErrno(PyExc_OSError);
}

static bool is_loaded(void)
{
	if (!loaded)
		answer(-ENOSYS);
	return loaded;
}

static PyObject *py_loaded(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	return PyBool_FromLong(loaded);
}

static PyObject *py_version(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	if (!loaded)
		Py_RETURN_NONE;
	return PyUnicode_FromString(mpb_library.version());
}

static PyObject *py_mark(PyObject *module, PyObject *args)
{
	unsigned flags = 0;
	int fd;

	(void)module;
	if (!PyArg_ParseTuple(args, "i|I", &fd, &flags) || !is_loaded())
		return NULL;
	return answer(mpb_library.mark(fd, flags));
}

static PyObject *py_unmark(PyObject *module, PyObject *args)
{
	int fd;

	(void)module;
	if (!PyArg_ParseTuple(args, "i", &fd) || !is_loaded())
		return NULL;
	return answer(mpb_library.unmark(fd));
}

static PyObject *count(int r)
{
	return r < 0 ? answer(r) : PyLong_FromLong(r);
}

static PyObject *py_marks(PyObject *module, PyObject *args)
{
	int fd;

	(void)module;
	if (!PyArg_ParseTuple(args, "i", &fd) || !is_loaded())
		return NULL;
	return count(mpb_library.marks(fd));
}

static PyObject *py_wake(PyObject *module, PyObject *args)
{
	int fd, error;

	(void)module;
	if (!PyArg_ParseTuple(args, "ii", &fd, &error) || !is_loaded())
		return NULL;
	return count(mpb_library.wake(fd, error));
}

static PyObject *py_stats(PyObject *module, PyObject *unused)
{
	mpgreen_stats s;

	(void)module;
	(void)unused;
	if (!is_loaded())
		return NULL;
	mpb_library.stats_read(&s, sizeof(s));
	return Py_BuildValue("{sKsKsKsKsKsKsKsK}", "waits", s.waits, "ready", s.ready, "timeouts",
			     s.timeouts, "cancelled", s.cancelled, "native", s.native, "woken",
			     s.woken, "yields", s.yields, "worked", s.worked);
}

static PyObject *py_native_enter(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	return PyLong_FromLong(loaded ? mpb_library.native_enter() : 0);
}

static PyObject *py_native_leave(PyObject *module, PyObject *args)
{
	int token;

	(void)module;
	if (!PyArg_ParseTuple(args, "i", &token))
		return NULL;
	if (loaded)
		mpb_library.native_leave(token);
	Py_RETURN_NONE;
}

static PyObject *py_attach(PyObject *module, PyObject *args)
{
	PyObject *hub;
	int has_signals;

	(void)module;
	if (!PyArg_ParseTuple(args, "Op", &hub, &has_signals) || !is_loaded())
		return NULL;
	return answer(mpb_hub_attach(hub, has_signals));
}

static PyObject *py_detach(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	if (!is_loaded())
		return NULL;
	return answer(mpb_hub_detach());
}

static PyObject *py_attached(PyObject *module, PyObject *unused)
{
	const struct mpb_hub *h = mpb_hub_mine();

	(void)module;
	(void)unused;
	return PyBool_FromLong(h && !h->declines);
}

static PyObject *py_destroyed(PyObject *module, PyObject *hub)
{
	(void)module;
	if (loaded)
		mpb_hub_destroyed(hub);
	Py_RETURN_NONE;
}

static PyObject *py_forked(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	return mpb_hub_forked();
}

static PyObject *py_ring(PyObject *module, PyObject *unused)
{
	struct mpb_hub *h = mpb_hub_mine();

	(void)module;
	(void)unused;
	if (h && !h->declines)
		mpb_timers_ring(h, 0);
	Py_RETURN_NONE;
}

static PyObject *py_decline(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	mpb_hub_decline_all();
	Py_RETURN_NONE;
}

static PyObject *py_interrupt_by(PyObject *module, PyObject *args)
{
	struct mpb_kept_how how;

	(void)module;
	if (!PyArg_ParseTuple(args, "iOOO", &mpb_kept_signal, &how.in_frame, &how.elsewhere,
			      &how.late))
		return NULL;
	Py_INCREF(how.in_frame);
	Py_INCREF(how.elsewhere);
	Py_INCREF(how.late);
	mpb_kept_how = how;
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{ "loaded", py_loaded, METH_NOARGS, "Is the library preloaded?" },
	{ "version", py_version, METH_NOARGS, "The library's version, or None." },
	{ "mark", py_mark, METH_VARARGS, "mark(fd, flags=0)" },
	{ "unmark", py_unmark, METH_VARARGS, "unmark(fd)" },
	{ "marks", py_marks, METH_VARARGS, "marks(fd): its flags" },
	{ "wake", py_wake, METH_VARARGS, "wake(fd, err): how many waits it has ended" },
	{ "stats", py_stats, METH_NOARGS, "The library's counts, as a dict." },
	{ "native_enter", py_native_enter, METH_NOARGS, NULL },
	{ "native_leave", py_native_leave, METH_VARARGS, NULL },
	{ "attach", py_attach, METH_VARARGS, "attach(hub, has_signals)" },
	{ "detach", py_detach, METH_NOARGS, NULL },
	{ "attached", py_attached, METH_NOARGS, "Has this thread a hub attached?" },
	{ "destroyed", py_destroyed, METH_O, "destroyed(hub): it is about to be" },
	{ "forked", py_forked, METH_NOARGS, "Forget all. Returns the hub to attach, or None." },
	{ "ring", py_ring, METH_NOARGS, "Let this thread's loop turn without delay." },
	{ "decline", py_decline, METH_NOARGS, "No wait any more." },
	{ "interrupt_by", py_interrupt_by, METH_VARARGS,
	  "interrupt_by(signal, in_frame, elsewhere, late)" },
	{ "raise_kept", mpb_kept_raise, METH_VARARGS, "The handler of that signal." },
	{ "kept", mpb_kept_peek, METH_NOARGS, "The exception kept for this greenlet, or None." },
	{ "pop_kept", mpb_kept_pop, METH_NOARGS, "The same, which is then not kept any more." },
	{ "break_kept", mpb_kept_break, METH_NOARGS,
	  "End the connection that it came in a wait for." },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "mpgreen._gevent",
	.m_size = -1,
	.m_methods = methods,
};

MPGREEN_API PyMODINIT_FUNC PyInit__gevent(void);
PyMODINIT_FUNC PyInit__gevent(void)
{
	PyObject *module = PyModule_Create(&definition);

	loaded = mpb_library_find();
	if (loaded)
		mpb_library_spare_gil();
	if (module && PyModule_AddIntConstant(module, "ALWAYS", MPGREEN_ALWAYS) < 0)
		return NULL;
	return module;
}
