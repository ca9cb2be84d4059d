/* SPDX-License-Identifier: MIT */
/*
 * One io_uring per process, for calls that have no other way to be tried without blocking. Each
 * operation completes before its call returns. Absent on old kernels and in many containers: every
 * user has another way.
 */
#ifndef MPG_URING_H
#define MPG_URING_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* Can accept() be tried here? Asks the kernel once. */
bool mpg_uring_can_accept(void);

/* accept4() without blocking: -1 with EAGAIN when no connection is there. */
int mpg_uring_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags);

/* fork(): the lock is held across it; the child drops the parent's ring. */
void mpg_uring_before_fork(void);
void mpg_uring_after_fork(void);
void mpg_uring_forked(void);

#pragma GCC visibility pop

#endif
