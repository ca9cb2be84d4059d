/* SPDX-License-Identifier: MIT */
/*
 * What all files of the extension share: Python's stable ABI, the library's functions as found in
 * the process, and greenlet's C API. It includes nothing of the library but mpgreen.h.
 */
#ifndef MPB_BINDING_H
#define MPB_BINDING_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03080000
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "mpgreen.h"

/* The functions of the library; all NULL when it is not preloaded. */
struct mpb_library {
	__typeof__(&mpgreen_attach) attach;
	__typeof__(&mpgreen_detach) detach;
	__typeof__(&mpgreen_mark) mark;
	__typeof__(&mpgreen_unmark) unmark;
	__typeof__(&mpgreen_marks) marks;
	__typeof__(&mpgreen_wake) wake;
	__typeof__(&mpgreen_switched) switched;
	__typeof__(&mpgreen_bind_native) bind_native;
	__typeof__(&mpgreen_native_enter) native_enter;
	__typeof__(&mpgreen_native_leave) native_leave;
	__typeof__(&mpgreen_stats_read) stats_read;
	__typeof__(&mpgreen_version) version;
};

extern struct mpb_library mpb_library;

/* False if the library, or a part of it, is not there. */
bool mpb_library_find(void);

/* The interpreter's own lock stays libc's. */
void mpb_library_spare_gil(void);

/*
 * greenlet's C API: the table that the capsule "greenlet._C_API" holds, in the order of greenlet.h
 * (PyGreenlet_GetCurrent_NUM is 4 and so on), which is the same in every release.
 */
struct mpb_greenlet_api {
	void *types_and_new[4];
	PyObject *(*current)(void);
	PyObject *(*throw)(PyObject *greenlet, PyObject *type, PyObject *value, PyObject *tb);
	PyObject *(*switch_to)(PyObject *greenlet, PyObject *args, PyObject *kwargs);
};

extern const struct mpb_greenlet_api *mpb_greenlet;
extern PyObject *mpb_nothing;		/* an empty tuple */

/* A call of an object's method with nothing to say about its result. -1: an exception is set. */
int mpb_call(PyObject *object, const char *method, const char *format, ...);

#endif
