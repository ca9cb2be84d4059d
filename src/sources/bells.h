/* SPDX-License-Identifier: MIT */
/*
 * Eventfds by which a fiber of the calling thread is woken. A thread keeps those that were given
 * back, so that its scheduler may keep them registered.
 */
#ifndef MPG_BELLS_H
#define MPG_BELLS_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* A silent one, to be rung by mpg_doorbell_ring(); -1 with errno. */
int mpg_bells_take(void);

/* By the thread that took it, when nobody is going to ring it. */
void mpg_bells_give(int bell);

/* In a fork child: the parent's bells are not ours. */
void mpg_bells_forked(void);

#pragma GCC visibility pop

#endif
