/* SPDX-License-Identifier: MIT */
/* Condition variables on a green thread, for what else is made of them: C11's cnd_t. */
#ifndef MPG_COND_H
#define MPG_COND_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* What a wait returns that is to be made by libc, for real. */
#define MPG_COND_BLOCKS (-1)

/* Until a moment of a clock; NULL: for ever. Else it returns what libc's returns. */
int mpg_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
		  const struct timespec *time, const char *call);

/* The clock of its attributes. */
clockid_t mpg_cond_clock(const pthread_cond_t *cond);

#pragma GCC visibility pop

#endif
