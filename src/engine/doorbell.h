/* SPDX-License-Identifier: MIT */
/* One eventfd per thread, made when first needed, by which others make a wait there look up. */
#ifndef MPG_DOORBELL_H
#define MPG_DOORBELL_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* The calling thread's doorbell; -1 with errno. Closed when the thread ends. */
int mpg_doorbell(void);

/* Any thread, and signal handlers. */
void mpg_doorbell_ring(int bell);
void mpg_doorbell_silence(int bell);

/* In a fork child: the parent's doorbells are not ours. */
void mpg_doorbell_forked(void);

#pragma GCC visibility pop

#endif
