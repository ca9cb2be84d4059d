/* SPDX-License-Identifier: MIT */
/* Mutexes on a green thread, for what else is made of them: conditions, C11's mtx_t. */
#ifndef MPG_MUTEX_H
#define MPG_MUTEX_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* Until a moment of a clock; NULL: for ever. They return what libc's return. */
int mpg_mutex_lock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
		   const char *call);
int mpg_mutex_trylock(pthread_mutex_t *mutex);
int mpg_mutex_unlock(pthread_mutex_t *mutex);

#pragma GCC visibility pop

#endif
