/* SPDX-License-Identifier: MIT */
#include "mutexes.h"

#include <check.h>

const struct mutex_kind kinds[KINDS] = {
	{ .type = PTHREAD_MUTEX_NORMAL },
	{ .type = PTHREAD_MUTEX_ADAPTIVE_NP },
	{ .type = PTHREAD_MUTEX_RECURSIVE },
	{ .type = PTHREAD_MUTEX_ERRORCHECK },
	{ .type = PTHREAD_MUTEX_NORMAL, .robust = PTHREAD_MUTEX_ROBUST },
	{ .type = PTHREAD_MUTEX_RECURSIVE, .robust = PTHREAD_MUTEX_ROBUST },
	{ .type = PTHREAD_MUTEX_NORMAL, .shared = PTHREAD_PROCESS_SHARED },
	{ .type = PTHREAD_MUTEX_NORMAL, .protocol = PTHREAD_PRIO_INHERIT },
	{ .type = PTHREAD_MUTEX_ERRORCHECK, .protocol = PTHREAD_PRIO_INHERIT },
};

pthread_mutex_t mutex;

void make(int row)
{
	const struct mutex_kind *kind = &kinds[row];
	pthread_mutexattr_t attr;

	ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
	ck_assert_int_eq(pthread_mutexattr_settype(&attr, kind->type), 0);
	ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, kind->protocol), 0);
	ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, kind->robust), 0);
	ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, kind->shared), 0);
	ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
	pthread_mutexattr_destroy(&attr);
}
