/* SPDX-License-Identifier: MIT */
/*
 * The one thing the library does for Python: let a Python process find the package `mpgreen`, whose
 * gevent plug-in attaches the scheduler.
 */
#ifndef MPG_PYTHON_H
#define MPG_PYTHON_H

#pragma GCC visibility push(hidden)

/* Puts the package's directory on PYTHONPATH if this is a Python process. */
void mpg_python_prepare(void);

#pragma GCC visibility pop

#endif
