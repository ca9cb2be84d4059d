/* SPDX-License-Identifier: MIT */
/* The mutex of a case, of each kind there is, and an other side that holds it. */
#ifndef TESTS_MUTEXES_H
#define TESTS_MUTEXES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct mutex_kind {
	int type, protocol, robust, shared;
};

enum { KINDS = 9, RECURSIVE = 2, ERRORCHECK = 3, ROBUST = 4 };

/* Those that the kernel releases when their owner dies stand together, from ROBUST on. */
extern const struct mutex_kind kinds[KINDS];

extern pthread_mutex_t mutex;

/* Makes it one of that kind. */
void make(int row);

/* What the sides of a case tell each other. */
extern _Atomic bool held, asking, released;

/* Returns when the other side has it, which it keeps until the case is `asking` and blocked. */
void begin_holding(int side);

/* pthread_mutex_timedlock(), so many milliseconds from now. */
int lock_until_real(long ms);

#endif
