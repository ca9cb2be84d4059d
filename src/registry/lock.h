/* SPDX-License-Identifier: MIT */
/*
 * The library's locks. While one is held no signal handler runs on the thread, for a handler may
 * call close() or sigaction() and would wait for itself; and the thread cannot be cancelled, for it
 * would take the lock along. Nothing that waits is called under one, and never two at a time but
 * across fork().
 */
#ifndef MPG_LOCK_H
#define MPG_LOCK_H

#include "real.h"

#pragma GCC visibility push(hidden)

struct mpg_lock {
	pthread_mutex_t mutex;
	sigset_t mask;		/* of the thread that holds it */
	int cancelling;
};

#define MPG_LOCK_INITIALIZER { .mutex = PTHREAD_MUTEX_INITIALIZER }

static inline void mpg_lock(struct mpg_lock *lock)
{
	sigset_t all, mask;
	int cancelling;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
	REAL(pthread_mutex_lock)(&lock->mutex);
	lock->mask = mask;
	lock->cancelling = cancelling;
}

static inline void mpg_unlock(struct mpg_lock *lock)
{
	sigset_t mask = lock->mask;
	int cancelling = lock->cancelling;

	REAL(pthread_mutex_unlock)(&lock->mutex);
	pthread_setcancelstate(cancelling, NULL);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

#pragma GCC visibility pop

#endif
