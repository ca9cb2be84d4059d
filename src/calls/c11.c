/* SPDX-License-Identifier: MIT */
/*
 * C11's mutexes and conditions. glibc's are its pthread ones under other names, and call these
 * where nobody can see it.
 */
#include "calls/cond.h"
#include "calls/locking.h"
#include "calls/mutex.h"
#include "os/linux/interpose.h"

static pthread_mutex_t *mutex_of(mtx_t *mutex)
{
	return (pthread_mutex_t *)mutex;
}

static pthread_cond_t *cond_of(cnd_t *cond)
{
	return (pthread_cond_t *)cond;
}

static int result_of(int error)
{
	switch (error) {
	case 0:
		return thrd_success;
	case ENOMEM:
		return thrd_nomem;
	case ETIMEDOUT:
		return thrd_timedout;
	case EBUSY:
		return thrd_busy;
	default:
		return thrd_error;
	}
}

GREEN(int, mtx_lock, mtx_t *mutex)
{
	return result_of(mpg_mutex_lock(mutex_of(mutex), CLOCK_REALTIME, NULL, "mtx_lock"));
}

INTERPOSE(int, mtx_lock, mtx_t *mutex)
{
	return mpg_thread_has_fibers() ? green_mtx_lock(mutex) : REAL(mtx_lock)(mutex);
}

GREEN(int, mtx_timedlock, mtx_t *mutex, const struct timespec *time)
{
	return result_of(mpg_mutex_lock(mutex_of(mutex), CLOCK_REALTIME, time, "mtx_timedlock"));
}

INTERPOSE(int, mtx_timedlock, mtx_t *restrict mutex, const struct timespec *restrict time)
{
	return mpg_thread_has_fibers() ? green_mtx_timedlock(mutex, time)
				       : REAL(mtx_timedlock)(mutex, time);
}

INTERPOSE(int, mtx_trylock, mtx_t *mutex)
{
	return mpg_thread_has_fibers() ? result_of(mpg_mutex_trylock(mutex_of(mutex)))
				       : REAL(mtx_trylock)(mutex);
}

INTERPOSE(int, mtx_unlock, mtx_t *mutex)
{
	return mpg_locking_is_quiet() ? REAL(mtx_unlock)(mutex)
				      : result_of(mpg_mutex_unlock(mutex_of(mutex)));
}

INTERPOSE(void, mtx_destroy, mtx_t *mutex)
{
	if (mpg_thread_has_fibers())
		mpg_held_forget(mutex);
	REAL(mtx_destroy)(mutex);
}

static int wait_for(cnd_t *cond, mtx_t *mutex, const struct timespec *time, const char *call)
{
	return mpg_cond_wait(cond_of(cond), mutex_of(mutex), CLOCK_REALTIME, time, call);
}

GREEN(int, cnd_wait, cnd_t *cond, mtx_t *mutex)
{
	int error = wait_for(cond, mutex, NULL, "cnd_wait");

	return error == MPG_COND_BLOCKS ? REAL(cnd_wait)(cond, mutex) : result_of(error);
}

INTERPOSE(int, cnd_wait, cnd_t *cond, mtx_t *mutex)
{
	if (mpg_thread_is_green())
		return green_cnd_wait(cond, mutex);
	mpg_locking_released(mutex);
	return REAL(cnd_wait)(cond, mutex);
}

GREEN(int, cnd_timedwait, cnd_t *cond, mtx_t *mutex, const struct timespec *time)
{
	int error = wait_for(cond, mutex, time, "cnd_timedwait");

	return error == MPG_COND_BLOCKS ? REAL(cnd_timedwait)(cond, mutex, time) : result_of(error);
}

INTERPOSE(int, cnd_timedwait, cnd_t *restrict cond, mtx_t *restrict mutex,
	  const struct timespec *restrict time)
{
	if (mpg_thread_is_green())
		return green_cnd_timedwait(cond, mutex, time);
	mpg_locking_released(mutex);
	return REAL(cnd_timedwait)(cond, mutex, time);
}

INTERPOSE(int, cnd_signal, cnd_t *cond)
{
	if (mpg_parking_any())
		mpg_parking_wake_one(cond, MPG_ALL_SIDES);
	return REAL(cnd_signal)(cond);
}

INTERPOSE(int, cnd_broadcast, cnd_t *cond)
{
	if (mpg_parking_any())
		mpg_parking_wake_all(cond, MPG_ALL_SIDES);
	return REAL(cnd_broadcast)(cond);
}
