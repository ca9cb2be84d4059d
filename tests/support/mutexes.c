/* SPDX-License-Identifier: MIT */
#include "mutexes.h"

#include <check.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "way.h"

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
_Atomic bool held, asking, released;

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

static void hold_until_asked(void)
{
	OK(0, pthread_mutex_lock(&mutex));
	held = true;
	while (!asking)
		usleep(500);
	await_sleep();
	released = true;
	OK(0, pthread_mutex_unlock(&mutex));
}

void begin_holding(int side)
{
	beside(side, hold_until_asked);
	AWAIT(held);
	count_waits_anew();
}

int lock_until_real(long ms)
{
	struct timespec time = in_ms(CLOCK_REALTIME, ms);

	return pthread_mutex_timedlock(&mutex, &time);
}
