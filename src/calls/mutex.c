/* SPDX-License-Identifier: MIT */
/*
 * Mutexes: between fibers of one thread, and between these and other threads.
 *
 * Of an ordinary mutex libc says which thread holds it; if it is this one, then a fiber of it does.
 * A recursive or an error-checking one acts by thread itself, and one that processes share may name
 * a thread of another; for these, held.h tells fibers apart.
 */
#include "calls/mutex.h"
#include "calls/locking.h"
#include "os/linux/interpose.h"

#include <linux/futex.h>

/* Bits of a mutex' kind. */
#define TYPE 3
#define ROBUST 16
#define INHERIT 32
#define SHARED 128

static int type_of(const pthread_mutex_t *mutex)
{
	return mutex->__data.__kind & TYPE;
}

static bool knows_threads(const pthread_mutex_t *mutex)
{
	int type = type_of(mutex);

	return type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK
		|| mutex->__data.__kind & SHARED;
}

/* Of a recursive mutex that this thread holds: is it the first lock, and the last unlock? */
static bool is_outermost(const pthread_mutex_t *mutex)
{
	return type_of(mutex) != PTHREAD_MUTEX_RECURSIVE || mutex->__data.__count <= 1;
}

static int noted(pthread_mutex_t *mutex, int error)
{
	if ((error == 0 || error == EOWNERDEAD) && is_outermost(mutex))
		mpg_held_add(mutex);
	return error;
}

static int try(void *lock)
{
	return REAL(pthread_mutex_trylock)(lock);
}

/* Of these two kinds the kernel knows; to libc one whose owner has died is nobody's for a while. */
static pid_t owner_of(const pthread_mutex_t *mutex)
{
	if (mutex->__data.__kind & (ROBUST | INHERIT))
		return __atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED) & FUTEX_TID_MASK;
	return __atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
}

static bool is_of_this_thread(const void *lock)
{
	return owner_of(lock) == mpg_thread_id();
}

static int block(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time)
{
	if (!time)
		return REAL(pthread_mutex_lock)(mutex);
#if HAVE_DECL_PTHREAD_MUTEX_CLOCKLOCK
	if (clock != CLOCK_REALTIME)
		return REAL(pthread_mutex_clocklock)(mutex, clock, time);
#endif
	(void)clock;
	return REAL(pthread_mutex_timedlock)(mutex, time);
}

static int try_until(void *lock, const struct timespec *time)
{
	return REAL(pthread_mutex_timedlock)(lock, time);
}

/* What was unlocked past us, or on a thread that was not green, is no fiber's. */
static bool is_of_other(const void *lock)
{
	if (!mpg_held_by_other(lock))
		return false;
	if (is_of_this_thread(lock))
		return true;
	mpg_held_forget(lock);
	return false;
}

static int try_noted(void *lock)
{
	if (is_of_other(lock))
		return EBUSY;
	return noted(lock, REAL(pthread_mutex_trylock)(lock));
}

static int try_noted_until(void *lock, const struct timespec *time)
{
	return noted(lock, REAL(pthread_mutex_timedlock)(lock, time));
}

/* The running fiber may hold it already: libc knows what to say to that. */
static int lock_noted(pthread_mutex_t *mutex, struct mpg_locking *how)
{
	int error = MPG_LOCKING_BLOCKS;

	how->try = try_noted;
	how->try_until = try_noted_until;
	how->is_ours = is_of_other;
	if (is_of_other(mutex) || !is_of_this_thread(mutex))
		error = mpg_locking_take(how, mutex);
	if (error == MPG_LOCKING_BLOCKS)
		error = noted(mutex, block(mutex, how->clock, how->time));
	return error;
}

__attribute__((noinline)) static int lock_slowly(pthread_mutex_t *mutex, clockid_t clock,
						 const struct timespec *time, const char *call)
{
	struct mpg_locking how = { call, try, try_until, is_of_this_thread, clock, time };
	int error;

	if (time && !(mpg_locking_is_time(time) && mpg_locking_is_clock(clock)))
		return block(mutex, clock, time);
	if (knows_threads(mutex))
		return lock_noted(mutex, &how);
	error = mpg_locking_take(&how, mutex);
	return error == MPG_LOCKING_BLOCKS ? block(mutex, clock, time) : error;
}

static inline int try_either(pthread_mutex_t *mutex)
{
	return knows_threads(mutex) ? try_noted(mutex) : REAL(pthread_mutex_trylock)(mutex);
}

int mpg_mutex_trylock(pthread_mutex_t *mutex)
{
	return try_either(mutex);
}

/* Mostly it is free, and nobody stands in line. */
static inline int lock_until(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
			     const char *call)
{
	int error = mpg_parking_any() ? EBUSY : try_either(mutex);

	return error == EBUSY ? lock_slowly(mutex, clock, time, call) : error;
}

int mpg_mutex_lock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
		   const char *call)
{
	return lock_until(mutex, clock, time, call);
}

/*
 * Whose it is libc checks. The mutex may be gone when it has been unlocked. A thread without fibers
 * comes here only while somebody is parked.
 */
int mpg_mutex_unlock(pthread_mutex_t *mutex)
{
	bool is_noted = mpg_thread_has_fibers() && knows_threads(mutex) && is_outermost(mutex);
	int error = REAL(pthread_mutex_unlock)(mutex);

	if (error)
		return error;
	if (is_noted)
		mpg_held_remove(mutex);
	mpg_locking_released(mutex);
	return 0;
}

GREEN(int, pthread_mutex_lock, pthread_mutex_t *mutex)
{
	return lock_until(mutex, CLOCK_REALTIME, NULL, "pthread_mutex_lock");
}

INTERPOSE(int, pthread_mutex_lock, pthread_mutex_t *mutex)
{
	return mpg_thread_has_fibers() ? green_pthread_mutex_lock(mutex)
				       : REAL(pthread_mutex_lock)(mutex);
}

GREEN(int, pthread_mutex_timedlock, pthread_mutex_t *mutex, const struct timespec *time)
{
	return mpg_mutex_lock(mutex, CLOCK_REALTIME, time, "pthread_mutex_timedlock");
}

INTERPOSE(int, pthread_mutex_timedlock, pthread_mutex_t *mutex, const struct timespec *time)
{
	return mpg_thread_has_fibers() ? green_pthread_mutex_timedlock(mutex, time)
				       : REAL(pthread_mutex_timedlock)(mutex, time);
}

#if HAVE_DECL_PTHREAD_MUTEX_CLOCKLOCK
GREEN(int, pthread_mutex_clocklock, pthread_mutex_t *mutex, clockid_t clock,
      const struct timespec *time)
{
	return mpg_mutex_lock(mutex, clock, time, "pthread_mutex_clocklock");
}

INTERPOSE(int, pthread_mutex_clocklock, pthread_mutex_t *mutex, clockid_t clock,
	  const struct timespec *time)
{
	return mpg_thread_has_fibers() ? green_pthread_mutex_clocklock(mutex, clock, time)
				       : REAL(pthread_mutex_clocklock)(mutex, clock, time);
}
#endif

INTERPOSE(int, pthread_mutex_trylock, pthread_mutex_t *mutex)
{
	return mpg_thread_has_fibers() ? mpg_mutex_trylock(mutex)
				       : REAL(pthread_mutex_trylock)(mutex);
}

INTERPOSE(int, pthread_mutex_unlock, pthread_mutex_t *mutex)
{
	return mpg_locking_is_quiet() ? REAL(pthread_mutex_unlock)(mutex) : mpg_mutex_unlock(mutex);
}

GREEN(int, pthread_mutex_destroy, pthread_mutex_t *mutex)
{
	int error = REAL(pthread_mutex_destroy)(mutex);

	if (!error)
		mpg_held_forget(mutex);
	return error;
}

INTERPOSE(int, pthread_mutex_destroy, pthread_mutex_t *mutex)
{
	return mpg_thread_has_fibers() ? green_pthread_mutex_destroy(mutex)
				       : REAL(pthread_mutex_destroy)(mutex);
}
