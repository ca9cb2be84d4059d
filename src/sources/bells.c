/* SPDX-License-Identifier: MIT */
#include "sources/bells.h"
#include "engine/doorbell.h"
#include "real.h"
#include "registry/private.h"

/* More are closed: a burst of waiters must not hold descriptors for ever. */
#define KEPT 64

static __thread struct {
	int n;
	int bell[KEPT];
} pool;

static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void thread_ends(void *unused)
{
	(void)unused;
	while (pool.n)
		mpg_private_close(pool.bell[--pool.n]);
}

static void prepare(void)
{
	pthread_key_create(&ending, thread_ends);
}

int mpg_bells_take(void)
{
	if (pool.n) {
		int bell = pool.bell[--pool.n];

		if (mpg_private_is(bell))
			return bell;
	}
	REAL(pthread_once)(&once, prepare);
	pthread_setspecific(ending, &pool);
	return mpg_private_adopt(REAL(eventfd)(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void mpg_bells_give(int bell)
{
	mpg_doorbell_silence(bell);
	if (pool.n < KEPT)
		pool.bell[pool.n++] = bell;
	else
		mpg_private_close(bell);
}

void mpg_bells_forked(void)
{
	thread_ends(NULL);
}
