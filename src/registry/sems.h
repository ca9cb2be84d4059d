/* SPDX-License-Identifier: MIT */
/*
 * What glibc keeps in a sem_t: on 64-bit machines the value in the low half of a word, the number
 * of waiters in the high half, then whether processes share it. So a semaphore itself says whether
 * it is green: shared ones are, others (each lock of CPython is one) when they were marked. All of
 * it is shared with processes that do not have the library.
 */
#ifndef MPG_SEMS_H
#define MPG_SEMS_H

#include "libc.h"

#pragma GCC visibility push(hidden)

struct mpg_sem {
	_Atomic uint64_t data;
	int sharing;
};

#define MPG_SEM_SHARED 128
#define MPG_SEM_WAITER (UINT64_C(1) << 32)

enum mpg_sems_mark { MPG_SEMS_UNMARKED, MPG_SEMS_GREEN, MPG_SEMS_NATIVE };

/* Does this libc keep it so? Asked of libc once. */
bool mpg_sems_known(void);

/* How many are marked: none, as a rule. */
extern _Atomic int mpg_sems_marked;

enum mpg_sems_mark mpg_sems_mark_of(const sem_t *sem);

/* 0, or -ENOBUFS. To unmark always succeeds. */
int mpg_sems_mark(const sem_t *sem, enum mpg_sems_mark mark);

static inline struct mpg_sem *mpg_sem(sem_t *sem)
{
	return (struct mpg_sem *)sem;
}

static inline bool mpg_sem_is_shared(const sem_t *sem)
{
	return ((const struct mpg_sem *)sem)->sharing == MPG_SEM_SHARED;
}

static inline bool mpg_sem_is_green(const sem_t *sem)
{
	enum mpg_sems_mark mark = MPG_SEMS_UNMARKED;

	if (!mpg_sems_known())
		return false;
	if (__builtin_expect(atomic_load_explicit(&mpg_sems_marked, memory_order_relaxed), 0))
		mark = mpg_sems_mark_of(sem);
	return mark == MPG_SEMS_UNMARKED ? mpg_sem_is_shared(sem) : mark == MPG_SEMS_GREEN;
}

/* The half that is the value: what waiters wait for to leave 0. */
static inline uint32_t *mpg_sem_word(struct mpg_sem *sem)
{
	return (uint32_t *)(void *)sem + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

static inline bool mpg_sem_has_token(uint64_t data)
{
	return (uint32_t)data != 0;
}

/* Is there a token that nobody takes, and somebody who sleeps? */
static inline bool mpg_sem_must_wake(uint64_t data)
{
	return mpg_sem_has_token(data) && data >= MPG_SEM_WAITER;
}

/* Takes a token; a waiter leaves the line with it. */
static inline bool mpg_sem_take(struct mpg_sem *sem, bool waiter)
{
	uint64_t data = atomic_load_explicit(&sem->data, memory_order_relaxed);

	while (mpg_sem_has_token(data))
		if (atomic_compare_exchange_weak_explicit(
			    &sem->data, &data, data - 1 - (waiter ? MPG_SEM_WAITER : 0),
			    memory_order_acquire, memory_order_relaxed))
			return true;
	return false;
}

#pragma GCC visibility pop

#endif
