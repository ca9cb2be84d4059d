/* SPDX-License-Identifier: MIT */
#include "engine/doorbell.h"
#include "real.h"
#include "registry/private.h"

static __thread int own = -1;
static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void thread_ends(void *unused)
{
	(void)unused;
	mpg_private_close(own);
	own = -1;
}

static void prepare(void)
{
	pthread_key_create(&ending, thread_ends);
}

int mpg_doorbell(void)
{
	if (own >= 0)
		return own;
	pthread_once(&once, prepare);
	own = mpg_private_adopt(REAL(eventfd)(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (own >= 0)
		pthread_setspecific(ending, &own);
	return own;
}

void mpg_doorbell_ring(int bell)
{
	int saved_errno = errno;
	uint64_t ring = 1;

	/* EAGAIN: it has been ringing since long ago. */
	if (REAL(write)(bell, &ring, sizeof(ring)) < 0)
		errno = saved_errno;
}

void mpg_doorbell_silence(int bell)
{
	int saved_errno = errno;
	uint64_t rings;

	if (REAL(read)(bell, &rings, sizeof(rings)) < 0)
		errno = saved_errno;
}

void mpg_doorbell_forked(void)
{
	if (own >= 0)
		mpg_private_close(own);
	own = -1;
}
