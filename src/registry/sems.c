/* SPDX-License-Identifier: MIT */
#include "registry/sems.h"
#include "real.h"

/* Open addressing. An entry is an address, and in its lowest bit whether it is to stay native. */
#define ROOM 1024
#define MOST 768
#define GONE ((uintptr_t)2)

static _Atomic uintptr_t table[ROOM];
_Atomic int mpg_sems_marked;

static size_t place(const sem_t *sem)
{
	return (size_t)((uintptr_t)sem * UINT64_C(0x9e3779b97f4a7c15) >> 40) % ROOM;
}

static _Atomic uintptr_t *find(const sem_t *sem)
{
	for (size_t i = place(sem), n = 0; n < ROOM; i = (i + 1) % ROOM, n++) {
		uintptr_t entry = atomic_load(&table[i]);

		if (!entry)
			return NULL;
		if ((entry & ~(uintptr_t)1) == (uintptr_t)sem)
			return &table[i];
	}
	return NULL;
}

enum mpg_sems_mark mpg_sems_mark_of(const sem_t *sem)
{
	const _Atomic uintptr_t *entry = find(sem);

	if (!entry)
		return MPG_SEMS_UNMARKED;
	return atomic_load(entry) & 1 ? MPG_SEMS_NATIVE : MPG_SEMS_GREEN;
}

static int insert(const sem_t *sem, uintptr_t value)
{
	if (atomic_fetch_add(&mpg_sems_marked, 1) >= MOST) {
		atomic_fetch_sub(&mpg_sems_marked, 1);
		return -ENOBUFS;
	}
	for (size_t i = place(sem);; i = (i + 1) % ROOM) {
		uintptr_t entry = atomic_load(&table[i]);

		while (!entry || entry == GONE)
			if (atomic_compare_exchange_weak(&table[i], &entry, value))
				return 0;
	}
}

int mpg_sems_mark(const sem_t *sem, enum mpg_sems_mark mark)
{
	uintptr_t value = (uintptr_t)sem | (mark == MPG_SEMS_NATIVE);
	_Atomic uintptr_t *entry = find(sem);

	if (mark != MPG_SEMS_UNMARKED && !entry)
		return insert(sem, value);
	if (!entry)
		return 0;
	atomic_store(entry, mark == MPG_SEMS_UNMARKED ? GONE : value);
	if (mark == MPG_SEMS_UNMARKED)
		atomic_fetch_sub(&mpg_sems_marked, 1);
	return 0;
}

/* Each half of the word, seen through libc, and both kinds of sharing. */
static bool is_as_we_think(void)
{
	union {
		sem_t sem;
		struct mpg_sem ours;
	} own, shared;
	int value = 0;

	if (sizeof(long) < 8 || REAL(sem_init)(&own.sem, 0, 5) < 0
	    || REAL(sem_init)(&shared.sem, 1, 7) < 0)
		return false;
	if (own.ours.data != 5 || own.ours.sharing != 0 || shared.ours.data != 7
	    || shared.ours.sharing != MPG_SEM_SHARED)
		return false;
	atomic_store(&own.ours.data, 3 + 2 * MPG_SEM_WAITER);
	if (sem_getvalue(&own.sem, &value) < 0 || value != 3)
		return false;
	if (sem_trywait(&own.sem) < 0 || own.ours.data != 2 + 2 * MPG_SEM_WAITER)
		return false;
	return sem_post(&own.sem) == 0 && own.ours.data == 3 + 2 * MPG_SEM_WAITER;
}

bool mpg_sems_known(void)
{
	static _Atomic enum { UNASKED, KNOWN, UNKNOWN } answer;
	int saved_errno;

	if (__builtin_expect(atomic_load_explicit(&answer, memory_order_relaxed) == UNASKED, 0)) {
		saved_errno = errno;
		atomic_store(&answer, is_as_we_think() ? KNOWN : UNKNOWN);
		errno = saved_errno;
	}
	return atomic_load_explicit(&answer, memory_order_relaxed) == KNOWN;
}
