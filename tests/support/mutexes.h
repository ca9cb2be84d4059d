/* SPDX-License-Identifier: MIT */
/* The mutex of a case, of each kind there is. */
#ifndef TESTS_MUTEXES_H
#define TESTS_MUTEXES_H

#include <pthread.h>

struct mutex_kind {
	int type, protocol, robust, shared;
};

enum { KINDS = 9, RECURSIVE = 2, ERRORCHECK = 3, ROBUST = 4 };

/* Those that the kernel releases when their owner dies stand together, from ROBUST on. */
extern const struct mutex_kind kinds[KINDS];

extern pthread_mutex_t mutex;

/* Makes it one of that kind. */
void make(int row);

#endif
