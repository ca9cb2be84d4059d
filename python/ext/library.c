/* SPDX-License-Identifier: MIT */
/*
 * The library is found in the process, not linked to: without the preload the extension loads as
 * well, and can say so.
 */
#include "binding.h"

#include <dlfcn.h>
#include <stdarg.h>

struct mpb_library mpb_library;
const struct mpb_greenlet_api *mpb_greenlet;
PyObject *mpb_nothing;

bool mpb_library_find(void)
{
	struct {
		void *slot;
		const char *name;
	} table[] = {
		{ &mpb_library.attach, "mpgreen_attach" },
		{ &mpb_library.detach, "mpgreen_detach" },
		{ &mpb_library.mark, "mpgreen_mark" },
		{ &mpb_library.unmark, "mpgreen_unmark" },
		{ &mpb_library.marks, "mpgreen_marks" },
		{ &mpb_library.wake, "mpgreen_wake" },
		{ &mpb_library.switched, "mpgreen_switched" },
		{ &mpb_library.bind_native, "mpgreen_bind_native" },
		{ &mpb_library.native_enter, "mpgreen_native_enter" },
		{ &mpb_library.native_leave, "mpgreen_native_leave" },
		{ &mpb_library.stats_read, "mpgreen_stats_read" },
		{ &mpb_library.version, "mpgreen_version" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		void *found = dlsym(RTLD_DEFAULT, table[i].name);

		if (!found) {
			mpb_library = (struct mpb_library){ 0 };
			return false;
		}
		*(void **)table[i].slot = found;
	}
	return true;
}

/*
 * The GIL is a mutex and a condition. Whoever waits for it must block: to park a greenlet takes the
 * GIL. And it is handed over so often that not even a question may be asked each time.
 */
void mpb_library_spare_gil(void)
{
	static const char *const names[] = {
		"pthread_cond_broadcast", "pthread_cond_clockwait", "pthread_cond_signal",
		"pthread_cond_timedwait", "pthread_cond_wait",	    "pthread_mutex_destroy",
		"pthread_mutex_lock",	  "pthread_mutex_trylock",  "pthread_mutex_unlock",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		mpb_library.bind_native((const void *)&PyEval_RestoreThread, names[i]);
}

int mpb_call(PyObject *object, const char *method, const char *format, ...)
{
	PyObject *function = PyObject_GetAttrString(object, method), *args, *result = NULL;
	va_list list;

	if (!function)
		return -1;
	va_start(list, format);
	args = Py_VaBuildValue(format, list);
	va_end(list);
	if (args)
		result = PyObject_Call(function, args, NULL);
	Py_XDECREF(args);
	Py_DECREF(function);
	Py_XDECREF(result);
	return result ? 0 : -1;
}
