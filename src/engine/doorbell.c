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
	REAL(pthread_once)(&once, prepare);
	own = mpg_private_adopt(REAL(eventfd)(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (own >= 0)
		pthread_setspecific(ending, &own);
	return own;
}

/*
 * By bare system calls: libc's are cancellation points, and a signal handler rings too. A bell that
 * was closed behind our back (syscall(SYS_close_range)) may be a file of the application's by now.
 */
void mpg_doorbell_ring(int bell)
{
	int saved_errno = errno;
	uint64_t ring = 1;

	/* EAGAIN: it has been ringing since long ago. */
	if (mpg_private_is(bell))
		syscall(SYS_write, bell, &ring, sizeof(ring));
	errno = saved_errno;
}

void mpg_doorbell_silence(int bell)
{
	int saved_errno = errno;
	uint64_t rings;

	if (mpg_private_is(bell))
		syscall(SYS_read, bell, &rings, sizeof(rings));
	errno = saved_errno;
}

void mpg_doorbell_forked(void)
{
	if (own >= 0)
		mpg_private_close(own);
	own = -1;
}
