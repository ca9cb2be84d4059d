/* SPDX-License-Identifier: MIT */
/*
 * Condition variables. Whoever waits on a green thread parks at the condition's address, from
 * before it releases the mutex on; whoever signals wakes the first of those, or all, and then
 * libc's own waiters. One signal may so wake one of each sort: spurious wake-ups are allowed, and
 * nobody's is lost.
 */
#include "calls/cond.h"
#include "calls/locking.h"
#include "calls/mutex.h"
#include "os/linux/interpose.h"
#include "registry/process.h"

/* What glibc (from 2.25 on) keeps of the attributes. */
#define SHARED 1u
#define MONOTONIC 2u

static unsigned attributes(const pthread_cond_t *cond)
{
	return __atomic_load_n(&cond->__data.__wrefs, __ATOMIC_RELAXED);
}

clockid_t mpg_cond_clock(const pthread_cond_t *cond)
{
	return attributes(cond) & MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

/* Whoever leaves the wait has the mutex again, cancelled or not. */
struct relock {
	pthread_mutex_t *mutex;		/* NULL: nothing to be done */
	int error;
};

static void take_again(struct relock *r)
{
	if (r->mutex)
		r->error = mpg_mutex_lock(r->mutex, CLOCK_REALTIME, NULL, "pthread_cond_wait");
	r->mutex = NULL;
}

static int wait_parked(struct mpg_wait *w, pthread_cond_t *cond, pthread_mutex_t *mutex,
		       clockid_t clock, const struct timespec *time)
{
	MPG_PARKED(place, mpg_parking_enter(cond, MPG_ALL_SIDES));
	__attribute__((cleanup(take_again))) struct relock relock = { NULL, 0 };
	int error;
	bool woken;

	if (!place)
		return MPG_COND_BLOCKS;
	error = mpg_mutex_unlock(mutex);
	if (error)
		return error;
	relock.mutex = mutex;
	woken = mpg_parking_wait_until(w, place, clock, time);
	take_again(&relock);
	if (relock.error)
		return relock.error;
	return woken || !time ? 0 : ETIMEDOUT;
}

int mpg_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
		  const struct timespec *time, const char *call)
{
	struct mpg_wait w;
	int error;

	if (attributes(cond) & SHARED || mpg_process_is_foreign())
		return MPG_COND_BLOCKS;
	if (time && !(mpg_locking_is_time(time) && mpg_locking_is_clock(clock)))
		return MPG_COND_BLOCKS;
	pthread_testcancel();
	if (!mpg_wait_begin_other(&w, call))
		return MPG_COND_BLOCKS;
	error = wait_parked(&w, cond, mutex, clock, time);
	errno = w.saved_errno;
	return error;
}

GREEN(int, pthread_cond_wait, pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	int error = mpg_cond_wait(cond, mutex, CLOCK_REALTIME, NULL, "pthread_cond_wait");

	return error == MPG_COND_BLOCKS ? REAL(pthread_cond_wait)(cond, mutex) : error;
}

INTERPOSE(int, pthread_cond_wait, pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	if (mpg_thread_is_green())
		return green_pthread_cond_wait(cond, mutex);
	mpg_locking_released(mutex);
	return REAL(pthread_cond_wait)(cond, mutex);
}

GREEN(int, pthread_cond_timedwait, pthread_cond_t *cond, pthread_mutex_t *mutex,
      const struct timespec *time)
{
	int error =
		mpg_cond_wait(cond, mutex, mpg_cond_clock(cond), time, "pthread_cond_timedwait");

	return error == MPG_COND_BLOCKS ? REAL(pthread_cond_timedwait)(cond, mutex, time) : error;
}

INTERPOSE(int, pthread_cond_timedwait, pthread_cond_t *cond, pthread_mutex_t *mutex,
	  const struct timespec *time)
{
	if (mpg_thread_is_green())
		return green_pthread_cond_timedwait(cond, mutex, time);
	mpg_locking_released(mutex);
	return REAL(pthread_cond_timedwait)(cond, mutex, time);
}

#if HAVE_DECL_PTHREAD_COND_CLOCKWAIT
GREEN(int, pthread_cond_clockwait, pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
      const struct timespec *time)
{
	int error = mpg_cond_wait(cond, mutex, clock, time, "pthread_cond_clockwait");

	return error == MPG_COND_BLOCKS ? REAL(pthread_cond_clockwait)(cond, mutex, clock, time)
					: error;
}

INTERPOSE(int, pthread_cond_clockwait, pthread_cond_t *cond, pthread_mutex_t *mutex,
	  clockid_t clock, const struct timespec *time)
{
	if (mpg_thread_is_green())
		return green_pthread_cond_clockwait(cond, mutex, clock, time);
	mpg_locking_released(mutex);
	return REAL(pthread_cond_clockwait)(cond, mutex, clock, time);
}
#endif

INTERPOSE(int, pthread_cond_signal, pthread_cond_t *cond)
{
	if (mpg_parking_any())
		mpg_parking_wake_one(cond, MPG_ALL_SIDES);
	return REAL(pthread_cond_signal)(cond);
}

INTERPOSE(int, pthread_cond_broadcast, pthread_cond_t *cond)
{
	if (mpg_parking_any())
		mpg_parking_wake_all(cond, MPG_ALL_SIDES);
	return REAL(pthread_cond_broadcast)(cond);
}
