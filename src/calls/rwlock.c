/* SPDX-License-Identifier: MIT */
/*
 * Read-write locks between fibers of one thread. libc knows the thread that writes and of readers
 * only the number, so what fibers of this thread hold is written down. Who comes to read does not
 * stand behind a writer in line: it may be reading already.
 */
#include "calls/locking.h"
#include "os/linux/interpose.h"

static int noted(const void *lock, int error)
{
	if (!error)
		mpg_held_add(lock);
	return error;
}

static int try_read(void *lock)
{
	return noted(lock, REAL(pthread_rwlock_tryrdlock)(lock));
}

static int try_write(void *lock)
{
	return noted(lock, REAL(pthread_rwlock_trywrlock)(lock));
}

static int try_read_until(void *lock, const struct timespec *time)
{
	return noted(lock, REAL(pthread_rwlock_timedrdlock)(lock, time));
}

static int try_write_until(void *lock, const struct timespec *time)
{
	return noted(lock, REAL(pthread_rwlock_timedwrlock)(lock, time));
}

static int read_for_real(pthread_rwlock_t *lock, clockid_t clock, const struct timespec *time)
{
	if (!time)
		return REAL(pthread_rwlock_rdlock)(lock);
#if HAVE_DECL_PTHREAD_RWLOCK_CLOCKRDLOCK
	if (clock != CLOCK_REALTIME)
		return REAL(pthread_rwlock_clockrdlock)(lock, clock, time);
#endif
	(void)clock;
	return REAL(pthread_rwlock_timedrdlock)(lock, time);
}

static int write_for_real(pthread_rwlock_t *lock, clockid_t clock, const struct timespec *time)
{
	if (!time)
		return REAL(pthread_rwlock_wrlock)(lock);
#if HAVE_DECL_PTHREAD_RWLOCK_CLOCKWRLOCK
	if (clock != CLOCK_REALTIME)
		return REAL(pthread_rwlock_clockwrlock)(lock, clock, time);
#endif
	(void)clock;
	return REAL(pthread_rwlock_timedwrlock)(lock, time);
}

static bool is_refused(clockid_t clock, const struct timespec *time)
{
	return time && !(mpg_locking_is_time(time) && mpg_locking_is_clock(clock));
}

static int read_green(pthread_rwlock_t *lock, clockid_t clock, const struct timespec *time,
		      const char *call)
{
	struct mpg_locking how = { call, try_read, try_read_until, mpg_held_by_other, clock, time };
	int error;

	if (is_refused(clock, time))
		return read_for_real(lock, clock, time);
	error = try_read(lock);
	if (error == EBUSY)
		error = mpg_locking_wait(&how, lock);
	return error == MPG_LOCKING_BLOCKS ? noted(lock, read_for_real(lock, clock, time)) : error;
}

static int write_green(pthread_rwlock_t *lock, clockid_t clock, const struct timespec *time,
		       const char *call)
{
	struct mpg_locking how = {
		call, try_write, try_write_until, mpg_held_by_other, clock, time
	};
	int error;

	if (is_refused(clock, time))
		return write_for_real(lock, clock, time);
	error = mpg_locking_take(&how, lock);
	return error == MPG_LOCKING_BLOCKS ? noted(lock, write_for_real(lock, clock, time)) : error;
}

GREEN(int, pthread_rwlock_rdlock, pthread_rwlock_t *lock)
{
	return read_green(lock, CLOCK_REALTIME, NULL, "pthread_rwlock_rdlock");
}

INTERPOSE(int, pthread_rwlock_rdlock, pthread_rwlock_t *lock)
{
	return mpg_thread_has_fibers() ? green_pthread_rwlock_rdlock(lock)
				       : REAL(pthread_rwlock_rdlock)(lock);
}

GREEN(int, pthread_rwlock_wrlock, pthread_rwlock_t *lock)
{
	return write_green(lock, CLOCK_REALTIME, NULL, "pthread_rwlock_wrlock");
}

INTERPOSE(int, pthread_rwlock_wrlock, pthread_rwlock_t *lock)
{
	return mpg_thread_has_fibers() ? green_pthread_rwlock_wrlock(lock)
				       : REAL(pthread_rwlock_wrlock)(lock);
}

INTERPOSE(int, pthread_rwlock_tryrdlock, pthread_rwlock_t *lock)
{
	return mpg_thread_has_fibers() ? try_read(lock) : REAL(pthread_rwlock_tryrdlock)(lock);
}

INTERPOSE(int, pthread_rwlock_trywrlock, pthread_rwlock_t *lock)
{
	return mpg_thread_has_fibers() ? try_write(lock) : REAL(pthread_rwlock_trywrlock)(lock);
}

GREEN(int, pthread_rwlock_timedrdlock, pthread_rwlock_t *lock, const struct timespec *time)
{
	return read_green(lock, CLOCK_REALTIME, time, "pthread_rwlock_timedrdlock");
}

INTERPOSE(int, pthread_rwlock_timedrdlock, pthread_rwlock_t *lock, const struct timespec *time)
{
	return mpg_thread_has_fibers() ? green_pthread_rwlock_timedrdlock(lock, time)
				       : REAL(pthread_rwlock_timedrdlock)(lock, time);
}

GREEN(int, pthread_rwlock_timedwrlock, pthread_rwlock_t *lock, const struct timespec *time)
{
	return write_green(lock, CLOCK_REALTIME, time, "pthread_rwlock_timedwrlock");
}

INTERPOSE(int, pthread_rwlock_timedwrlock, pthread_rwlock_t *lock, const struct timespec *time)
{
	return mpg_thread_has_fibers() ? green_pthread_rwlock_timedwrlock(lock, time)
				       : REAL(pthread_rwlock_timedwrlock)(lock, time);
}

#if HAVE_DECL_PTHREAD_RWLOCK_CLOCKRDLOCK
GREEN(int, pthread_rwlock_clockrdlock, pthread_rwlock_t *lock, clockid_t clock,
      const struct timespec *time)
{
	return read_green(lock, clock, time, "pthread_rwlock_clockrdlock");
}

INTERPOSE(int, pthread_rwlock_clockrdlock, pthread_rwlock_t *lock, clockid_t clock,
	  const struct timespec *time)
{
	return mpg_thread_has_fibers() ? green_pthread_rwlock_clockrdlock(lock, clock, time)
				       : REAL(pthread_rwlock_clockrdlock)(lock, clock, time);
}
#endif

#if HAVE_DECL_PTHREAD_RWLOCK_CLOCKWRLOCK
GREEN(int, pthread_rwlock_clockwrlock, pthread_rwlock_t *lock, clockid_t clock,
      const struct timespec *time)
{
	return write_green(lock, clock, time, "pthread_rwlock_clockwrlock");
}

INTERPOSE(int, pthread_rwlock_clockwrlock, pthread_rwlock_t *lock, clockid_t clock,
	  const struct timespec *time)
{
	return mpg_thread_has_fibers() ? green_pthread_rwlock_clockwrlock(lock, clock, time)
				       : REAL(pthread_rwlock_clockwrlock)(lock, clock, time);
}
#endif

/* Readers can go on together. */
GREEN(int, pthread_rwlock_unlock, pthread_rwlock_t *lock)
{
	int error = REAL(pthread_rwlock_unlock)(lock);

	if (error)
		return error;
	if (mpg_thread_has_fibers())
		mpg_held_remove(lock);
	if (mpg_parking_any())
		mpg_parking_wake_sides(lock, true);
	return 0;
}

INTERPOSE(int, pthread_rwlock_unlock, pthread_rwlock_t *lock)
{
	return mpg_locking_is_quiet() ? REAL(pthread_rwlock_unlock)(lock)
				      : green_pthread_rwlock_unlock(lock);
}

GREEN(int, pthread_rwlock_destroy, pthread_rwlock_t *lock)
{
	mpg_held_forget(lock);
	return REAL(pthread_rwlock_destroy)(lock);
}

INTERPOSE(int, pthread_rwlock_destroy, pthread_rwlock_t *lock)
{
	return mpg_thread_has_fibers() ? green_pthread_rwlock_destroy(lock)
				       : REAL(pthread_rwlock_destroy)(lock);
}
