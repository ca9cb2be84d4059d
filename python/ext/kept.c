/* SPDX-License-Identifier: MIT */
/*
 * Exceptions that are raised in a greenlet while it is parked in C code: gevent.Timeout, kill(), an
 * interrupt. The C code gets an error and cannot carry a Python exception, so it is kept here until
 * control is back in Python code of the same greenlet.
 *
 * On the main thread a signal is tripped whose handler raises it: CPython looks for signals when a
 * call fails with EINTR, before it tries again. On other threads signals do not run, and C code
 * that has an error of its own to raise is out before they do. So the frame that has called it is
 * traced: the first thing that happens there becomes the exception.
 *
 * C code that goes on after that, or ends with an error of its own, leaves an answer half read. Few
 * drivers notice, and a pool would hand out the rest of it as the answer to the next question: the
 * connection is shut down. Code that goes on finds that, and its driver reports it lost.
 */
#include "hub.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

int mpb_kept_signal;
struct mpb_kept_how mpb_kept_how;

static struct mpb_kept **find(struct mpb_kept **k, PyObject *greenlet)
{
	while (*k && (*k)->greenlet != greenlet)
		k = &(*k)->next;
	return k;
}

static struct mpb_kept *unlink_first(struct mpb_kept **k)
{
	struct mpb_kept *found = *k;

	if (found)
		*k = found->next;
	return found;
}

static void drop(struct mpb_kept *k)
{
	Py_XDECREF(k->greenlet);
	Py_XDECREF(k->type);
	Py_XDECREF(k->value);
	Py_XDECREF(k->traceback);
	free(k);
}

bool mpb_kept_has(const struct mpb_hub *h, PyObject *greenlet)
{
	return *find((struct mpb_kept **)&h->kept, greenlet) != NULL;
}

/* Python 3.10 can trip a handler without a signal. */
static void trip(void)
{
	static int (*simulate)(int);
	static bool looked;

	if (!looked)
		simulate = (int (*)(int))dlsym(RTLD_DEFAULT, "PyErr_SetInterruptEx");
	looked = true;
	if (!simulate || simulate(mpb_kept_signal) != 0)
		raise(mpb_kept_signal);
}

static PyObject *call_sys(const char *name, PyObject *argument)
{
	return PyObject_CallFunctionObjArgs(PySys_GetObject(name), argument, NULL);
}

/* In C throughout: a step of Python code might handle signals. 0: another tracer is at work. */
static int trace(PyObject *frame)
{
	PyObject *tracer = call_sys("gettrace", NULL), *done = NULL;
	bool free_to_use = tracer == Py_None || tracer == mpb_kept_how.elsewhere;

	Py_XDECREF(tracer);
	if (!free_to_use)
		return tracer ? 0 : -1;
	if (PyObject_SetAttrString(frame, "f_trace", mpb_kept_how.in_frame) == 0)
		done = call_sys("settrace", mpb_kept_how.elsewhere);
	Py_XDECREF(done);
	return done ? 1 : -1;
}

/* Raised a little later: by a class, for which there is a function of the package. */
static int raise_asynchronously(const struct mpb_kept *k)
{
	PyObject *late = PyObject_CallFunctionObjArgs(mpb_kept_how.late, k->type, NULL);

	if (late)
		PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), late);
	Py_XDECREF(late);
	return late ? 0 : -1;
}

static void interrupt(struct mpb_hub *h, struct mpb_kept *k)
{
	PyObject *frame = (PyObject *)PyEval_GetFrame();
	int r = frame ? trace(frame) : 0;

	k->traced = r > 0 ? frame : NULL;
	if (r == 0 && frame && !h->has_signals)
		r = raise_asynchronously(k);
	if (r < 0)
		PyErr_WriteUnraisable(k->greenlet);
	if (h->has_signals)
		trip();
	else if (!frame)
		/* C code from top to bottom: it gets its error, nobody is there to get this. */
		drop(unlink_first(&h->kept));
}

static ino_t socket_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

/* Not one that only listens. */
static bool is_connection(int fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(int);
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_STREAM)
		return false;
	length = sizeof(peer);
	return getpeername(fd, (struct sockaddr *)&peer, &length) == 0;
}

/* What has come already could still be read after shutdown(). */
static bool break_off(int fd)
{
	static char nowhere[1 << 16];

	if (!is_connection(fd) || shutdown(fd, SHUT_RDWR) < 0)
		return false;
	while (recv(fd, nowhere, sizeof(nowhere), MSG_DONTWAIT) > 0)
		;
	return true;
}

static bool is_dead(PyObject *greenlet)
{
	PyObject *dead = PyObject_GetAttrString(greenlet, "dead");
	bool answer = !dead || PyObject_IsTrue(dead) == 1;

	Py_XDECREF(dead);
	PyErr_Clear();
	return answer;
}

/* Those who ended without a step of Python code. */
static void drop_dead(struct mpb_hub *h)
{
	struct mpb_kept **k = &h->kept;

	while (*k)
		if (is_dead((*k)->greenlet))
			drop(unlink_first(k));
		else
			k = &(*k)->next;
}

static struct mpb_kept *fetch(PyObject *greenlet)
{
	struct mpb_kept *k = calloc(1, sizeof(*k));

	if (!k) {
		PyErr_WriteUnraisable(greenlet);
		return NULL;
	}
	PyErr_Fetch(&k->type, &k->value, &k->traceback);
	Py_INCREF(greenlet);
	k->greenlet = greenlet;
	return k;
}

static void keep(struct mpb_hub *h, struct mpb_kept *k)
{
	drop_dead(h);
	k->next = h->kept;
	h->kept = k;
	interrupt(h, k);
}

static void waited_for(struct mpb_kept *k, int fd)
{
	k->fd = fd;
	k->socket = socket_of(fd);
}

/*
 * EINTR is all that libzmq is prepared for. Python's own functions, where they can look for no
 * signals, try again; and do so for ever if nobody is there to get the exception.
 */
int mpb_kept_take(struct mpb_hub *h, PyObject *greenlet, int fd)
{
	struct mpb_kept *k = fetch(greenlet);

	if (!k)
		return ECANCELED;
	waited_for(k, fd);
	keep(h, k);
	return h->has_signals || PyEval_GetFrame() ? EINTR : ECANCELED;
}

bool mpb_kept_goes_on(struct mpb_hub *h, PyObject *greenlet, int fd)
{
	struct mpb_kept *k = *find(&h->kept, greenlet);
	bool tries_again = !h->has_signals && !k->failed;

	k->failed = true;
	if (!k->socket)
		waited_for(k, fd);
	if (tries_again || fd < 0)
		return false;
	/* It is to find the end of it, and no other error: that one means half read and sound. */
	if (k->broken && socket_of(fd) == k->broken)
		return true;
	if (!break_off(fd))
		return false;
	k->broken = socket_of(fd);
	return true;
}

/* Nobody must find it while the greenlet waits: it would be raised there, again and again. */
void mpb_kept_recall(struct mpb_hub *h, struct mpb_waiter *w)
{
	w->cannot_fail = true;
	w->aside = unlink_first(find(&h->kept, w->greenlet));
}

/* The newest counts: kill() after a Timeout. */
void mpb_kept_put_aside(struct mpb_waiter *w)
{
	struct mpb_kept *older = w->aside;

	w->aside = fetch(w->greenlet);
	if (!w->aside)
		w->aside = older;
	else if (older)
		drop(older);
}

void mpb_kept_bring_back(struct mpb_hub *h, struct mpb_waiter *w)
{
	if (w->aside)
		keep(h, w->aside);
	w->aside = NULL;
}

void mpb_kept_drop_all(struct mpb_hub *h)
{
	struct mpb_kept *k;

	while ((k = unlink_first(&h->kept)))
		drop(k);
}

static struct mpb_kept **find_own(void)
{
	struct mpb_hub *h = mpb_hub_mine();
	struct mpb_kept **k;
	PyObject *greenlet;

	if (!h || !h->kept)
		return NULL;
	greenlet = mpb_greenlet->current();
	k = find(&h->kept, greenlet);
	Py_XDECREF(greenlet);
	return *k ? k : NULL;
}

static void raise_it(struct mpb_kept *k)
{
	PyErr_Restore(k->type, k->value, k->traceback);
	k->type = k->value = k->traceback = NULL;
	drop(k);
}

/* In the hub: whoever has got an exception kept and has parked elsewhere meanwhile. */
static PyObject *deliver(PyObject *module, PyObject *unused)
{
	struct mpb_hub *h = mpb_hub_mine();
	struct mpb_kept *k;
	PyObject *result = Py_None;

	(void)module;
	(void)unused;
	Py_INCREF(result);
	while (result && h && (k = unlink_first(&h->kept))) {
		if (!is_dead(k->greenlet)) {
			Py_DECREF(result);
			result = mpb_greenlet->throw(k->greenlet, k->type, k->value, k->traceback);
		}
		drop(k);
	}
	return result;
}

static PyMethodDef deliver_method = { "deliver", deliver, METH_NOARGS, NULL };

static PyObject *deliver_soon(struct mpb_hub *h)
{
	PyObject *function = PyCFunction_New(&deliver_method, NULL);
	int r = function ? mpb_call(h->loop, "run_callback", "(O)", function) : -1;

	Py_XDECREF(function);
	if (r < 0)
		return NULL;
	Py_RETURN_NONE;
}

/* Python code that the C code calls on its way out is not the place: it could swallow that. */
static bool is_called_by_it(const struct mpb_kept *k, PyObject *args)
{
	return k->traced && PyTuple_GetItem(args, 1) != k->traced;
}

PyObject *mpb_kept_raise(PyObject *module, PyObject *args)
{
	struct mpb_kept **k = find_own();
	struct mpb_hub *h;

	(void)module;
	if (k && is_called_by_it(*k, args))
		Py_RETURN_NONE;
	if (k) {
		raise_it(unlink_first(k));
		return NULL;
	}
	/* The owner has switched away without a step of Python code: it gets it where it is now. */
	h = mpb_hub_mine();
	if (h && h->kept)
		return deliver_soon(h);
	Py_RETURN_NONE;
}

static PyObject *value_of(struct mpb_kept *k)
{
	PyErr_NormalizeException(&k->type, &k->value, &k->traceback);
	if (k->traceback)
		PyException_SetTraceback(k->value, k->traceback);
	Py_INCREF(k->value);
	return k->value;
}

PyObject *mpb_kept_peek(PyObject *module, PyObject *unused)
{
	struct mpb_kept **k = find_own();

	(void)module;
	(void)unused;
	if (k)
		return value_of(*k);
	Py_RETURN_NONE;
}

PyObject *mpb_kept_pop(PyObject *module, PyObject *unused)
{
	PyObject *value = mpb_kept_peek(module, unused);
	struct mpb_kept **k = find_own();

	if (k)
		drop(unlink_first(k));
	return value;
}

/* The C code may have closed it, and somebody else have got its number. */
PyObject *mpb_kept_break(PyObject *module, PyObject *unused)
{
	struct mpb_kept **k = find_own();

	(void)module;
	(void)unused;
	if (k && (*k)->socket && socket_of((*k)->fd) == (*k)->socket)
		break_off((*k)->fd);
	Py_RETURN_NONE;
}
