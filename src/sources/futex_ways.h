/* SPDX-License-Identifier: MIT */
/*
 * The ways behind futex.h. works() asks the kernel. wait() answers as mpg_futex_wait() does, or
 * with MPG_FUTEX_CANNOT when it lacks the means just now: then the next way is taken. end() gives
 * back f->held, in the process that took it.
 */
#ifndef MPG_FUTEX_WAYS_H
#define MPG_FUTEX_WAYS_H

#include "sources/futex.h"

#pragma GCC visibility push(hidden)

enum mpg_futex_answer { MPG_FUTEX_ENDED, MPG_FUTEX_AGAIN, MPG_FUTEX_CANNOT };

/* Nothing to be woken by: a wait for a moment. As mpg_wait_on(). */
bool mpg_futex_nap(struct mpg_wait *w);

bool mpg_futex_uring_works(void);
enum mpg_futex_answer mpg_futex_uring_wait(struct mpg_wait *w, struct mpg_futex *f);
void mpg_futex_uring_end(struct mpg_futex *f);
void mpg_futex_uring_forked(void);

bool mpg_futex_waitv_works(void);
enum mpg_futex_answer mpg_futex_waitv_wait(struct mpg_wait *w, struct mpg_futex *f);
void mpg_futex_waitv_end(struct mpg_futex *f);
void mpg_futex_waitv_before_fork(void);
void mpg_futex_waitv_after_fork(void);
void mpg_futex_waitv_forked(void);

enum mpg_futex_answer mpg_futex_worker_wait(struct mpg_wait *w, struct mpg_futex *f);

#pragma GCC visibility pop

#endif
