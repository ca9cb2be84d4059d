/* SPDX-License-Identifier: MIT */
/* Threads of the library: a small stack, and no signals, which are the application's to handle. */
#ifndef MPG_SOURCES_THREAD_H
#define MPG_SOURCES_THREAD_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* 0, or the error of pthread_create(). */
int mpg_thread_start(pthread_t *thread, void *(*body)(void *), void *argument);

#pragma GCC visibility pop

#endif
