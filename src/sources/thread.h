/* SPDX-License-Identifier: MIT */
/* Threads of the library: they take no signals, which are the application's to handle. */
#ifndef MPG_SOURCES_THREAD_H
#define MPG_SOURCES_THREAD_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* For one that runs nothing but our own code. */
#define MPG_THREAD_SMALL_STACK ((size_t)128 * 1024)

/* `stack` in bytes. 0, or the error of pthread_create(). */
int mpg_thread_start(pthread_t *thread, size_t stack, void *(*body)(void *), void *argument);

#pragma GCC visibility pop

#endif
