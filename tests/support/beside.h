/* SPDX-License-Identifier: MIT */
/*
 * The other side of a case about locks, where a thread that waits sleeps in a futex: it begins at
 * once, and each side says by a flag how far it is.
 */
#ifndef TESTS_BESIDE_H
#define TESTS_BESIDE_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Runs act() on a thread without a scheduler or, where `side` says so, on a fiber. */
void beside(int side, void (*act)(void));
void beside_join(void);

/* The test: lets the other side run until the condition holds. */
#define AWAIT(condition) \
	do { \
		while (!(condition)) \
			beside_run(); \
	} while (0)
void beside_run(void);

/* The other side: until the test is asleep, natively or in its scheduler. */
void await_sleep(void);

/* Is the thread asleep, be it in a lock? */
bool is_asleep(pid_t thread);

/* A moment from now, by a clock. */
struct timespec in_ms(clockid_t clock, long ms);

#endif
