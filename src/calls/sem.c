/* SPDX-License-Identifier: MIT */
/*
 * POSIX semaphores. The protocol is glibc's own, so peers need not have the library: who waits is
 * counted in the semaphore for the whole of the call, and tokens are taken by the waiter alone, in
 * one step with its leaving the line. So none can be lost with whoever gives up.
 */
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "registry/process.h"
#include "registry/sems.h"
#include "sources/futex.h"

/* One who waits. Undone at each end of the wait, and when the thread is cancelled in it. */
struct place {
	struct mpg_sem *sem;
	bool in_line;
	bool may_owe;			/* a wake-up may have been taken that was for another */
	bool shared;
	unsigned forks;
};

static void leave(const struct place *place)
{
	uint64_t data;

	/* In a fork child the place in the line is the parent's. */
	if (!place->may_owe || place->forks != mpg_process_forks)
		return;
	if (place->in_line)
		data = atomic_fetch_sub(&place->sem->data, MPG_SEM_WAITER) - MPG_SEM_WAITER;
	else
		data = atomic_load(&place->sem->data);
	if (mpg_sem_must_wake(data))
		mpg_futex_wake_one(mpg_sem_word(place->sem), place->shared);
}

/*
 * A peer on this processor may be about to post, and to park a fiber costs more than to let it run:
 * so give way to it once. Where that brings nothing, or takes longer than a turn of the loop may,
 * it is tried more and more seldom.
 */
#define GIVE_WAY_NS 200000
#define SELDOM 1024

static __thread struct {
	unsigned skip, pause;
} giving_way;

static bool give_way(struct mpg_sem *sem)
{
	int64_t began;
	bool taken;

	if (giving_way.skip) {
		giving_way.skip--;
		return false;
	}
	began = mpg_clock_now();
	syscall(SYS_sched_yield);
	taken = mpg_sem_take(sem, false);
	if (taken && mpg_clock_now() - began < GIVE_WAY_NS) {
		giving_way.pause = 0;
		return true;
	}
	giving_way.pause = giving_way.pause < SELDOM ? 2 * giving_way.pause + 1 : SELDOM;
	giving_way.skip = giving_way.pause;
	return taken;
}

/* The wait has ended: does the call end, too? */
static bool is_over(clockid_t clock, const struct timespec *time)
{
	return errno != ETIMEDOUT || !time || mpg_clock_until(clock, time) <= 0;
}

static int wait_in_line(struct mpg_wait *w, sem_t *sem, clockid_t clock,
			const struct timespec *time)
{
	__attribute__((cleanup(leave))) struct place place = {
		.sem = mpg_sem(sem),
		.shared = mpg_sem_is_shared(sem),
		.in_line = true,
		.may_owe = true,
		.forks = mpg_process_forks,
	};
	MPG_FUTEX(f, mpg_sem_word(place.sem), 0, place.shared);

	w->timeout_error = ETIMEDOUT;
	w->never_restarts = time != NULL;
	atomic_fetch_add(&place.sem->data, MPG_SEM_WAITER);
	while (!mpg_sem_take(place.sem, true)) {
		if (time)
			w->deadline = mpg_clock_next_look(clock, time);
		if (!mpg_futex_wait(w, &f) && is_over(clock, time))
			return -1;
	}
	place.in_line = false;
	place.may_owe = f.held != NULL;
	errno = w->saved_errno;
	return 0;
}

static int wait_for(struct mpg_wait *w, sem_t *sem, clockid_t clock, const struct timespec *time)
{
	if (give_way(mpg_sem(sem))) {
		errno = w->saved_errno;
		return 0;
	}
	return wait_in_line(w, sem, clock, time);
}

/* As libc does: a cancellation point even when there is a token. */
static bool take_at_once(sem_t *sem)
{
	pthread_testcancel();
	return mpg_sem_take(mpg_sem(sem), false);
}

/* A child of a bare clone() has nobody who waits for it: rings and threads are its parent's. */
static bool must_block(void)
{
	return mpg_process_is_foreign();
}

GREEN(int, sem_wait, sem_t *sem)
{
	struct mpg_wait w;

	if (!mpg_sem_is_green(sem))
		return REAL(sem_wait)(sem);
	if (take_at_once(sem))
		return 0;
	if (must_block() || !mpg_wait_begin_taking(&w, "sem_wait"))
		return REAL(sem_wait)(sem);
	return wait_for(&w, sem, CLOCK_MONOTONIC, NULL);
}

INTERPOSE(int, sem_wait, sem_t *sem)
{
	return mpg_thread_is_green() ? green_sem_wait(sem) : REAL(sem_wait)(sem);
}

static bool has_bad_nanoseconds(const struct timespec *time)
{
	return time->tv_nsec < 0 || time->tv_nsec >= MPG_SECOND;
}

GREEN(int, sem_timedwait, sem_t *sem, const struct timespec *time)
{
	struct mpg_wait w;

	if (!mpg_sem_is_green(sem) || has_bad_nanoseconds(time))
		return REAL(sem_timedwait)(sem, time);
	if (take_at_once(sem))
		return 0;
	if (must_block() || !mpg_wait_begin_taking(&w, "sem_timedwait"))
		return REAL(sem_timedwait)(sem, time);
	return wait_for(&w, sem, CLOCK_REALTIME, time);
}

INTERPOSE(int, sem_timedwait, sem_t *sem, const struct timespec *time)
{
	return mpg_thread_is_green() ? green_sem_timedwait(sem, time)
				     : REAL(sem_timedwait)(sem, time);
}

#if HAVE_DECL_SEM_CLOCKWAIT
GREEN(int, sem_clockwait, sem_t *sem, clockid_t clock, const struct timespec *time)
{
	struct mpg_wait w;

	if (!mpg_sem_is_green(sem) || has_bad_nanoseconds(time)
	    || (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME))
		return REAL(sem_clockwait)(sem, clock, time);
	if (take_at_once(sem))
		return 0;
	if (must_block() || !mpg_wait_begin_taking(&w, "sem_clockwait"))
		return REAL(sem_clockwait)(sem, clock, time);
	return wait_for(&w, sem, clock, time);
}

INTERPOSE(int, sem_clockwait, sem_t *sem, clockid_t clock, const struct timespec *time)
{
	return mpg_thread_is_green() ? green_sem_clockwait(sem, clock, time)
				     : REAL(sem_clockwait)(sem, clock, time);
}
#endif

/* A mark is for a semaphore, not for whatever will be at its address. */
static sem_t *forget(sem_t *sem)
{
	if (__builtin_expect(atomic_load_explicit(&mpg_sems_marked, memory_order_relaxed), 0)
	    && !mpg_process_is_foreign())
		mpg_sems_mark(sem, MPG_SEMS_UNMARKED);
	return sem;
}

INTERPOSE(int, sem_init, sem_t *sem, int shared, unsigned value)
{
	return REAL(sem_init)(forget(sem), shared, value);
}

INTERPOSE(int, sem_destroy, sem_t *sem)
{
	return REAL(sem_destroy)(forget(sem));
}

INTERPOSE(int, sem_close, sem_t *sem)
{
	return REAL(sem_close)(forget(sem));
}
