/* SPDX-License-Identifier: MIT */
/*
 * How a thread of ours that sits in a system call is made to leave it with EINTR. The signal is
 * glibc's for cancellation, whose handler does nothing on a thread that has disabled it. Newer
 * glibcs install it with SA_RESTART, by which flock(), fcntl() and open() go on: so that flag is
 * taken away for the time of the interruption.
 */
#ifndef MPG_INTERRUPT_H
#define MPG_INTERRUPT_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* After pthread_cancel() of it, which installs the handler. Nests, over all threads. */
void mpg_interrupt_begin(void);
void mpg_interrupt_end(void);

/* Between these two, as often as it takes: it may come before the system call has begun. */
void mpg_interrupt(pid_t thread);

#pragma GCC visibility pop

#endif
