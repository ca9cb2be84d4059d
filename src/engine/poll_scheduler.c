/* SPDX-License-Identifier: MIT */
/*
 * MPGREEN_SCHEDULER=poll: waits with the real poll(), so it needs no fibers: any unmodified program
 * can be driven through the whole cooperative path. A close() on another thread rings the waiting
 * thread's doorbell.
 */
#include "engine/clock.h"
#include "engine/doorbell.h"
#include "engine/scheduler.h"
#include "real.h"

/* Made by the first wait: a program that lists its fds sees one more only once it has waited. */
static __thread _Atomic int own_bell;

/* A close() since this wait began may have found no bell to ring: let the engine look again. */
static int first_wait(_Atomic int *bell)
{
	int fd = mpg_doorbell();

	if (fd < 0)
		return MPGREEN_NATIVE;
	atomic_store(bell, fd);
	return MPGREEN_READY;
}

static int wait_for(void *self, const mpgreen_wait *what)
{
	int bell = atomic_load((_Atomic int *)self);
	struct pollfd fds[] = {
		{ .fd = what->fd, .events = what->events },
		{ .fd = bell, .events = POLLIN },
	};
	struct timespec left, *limit = NULL;
	int n;

	if (!bell)
		return first_wait(self);
	if (what->deadline_ns != MPGREEN_FOREVER) {
		left = mpg_clock_left(what->deadline_ns);
		limit = &left;
	}
	n = REAL(ppoll)(fds, 2, limit, NULL);
	if (n > 0 && fds[1].revents)
		mpg_doorbell_silence(bell);
	return n == 0 ? MPGREEN_TIMEOUT : MPGREEN_READY;
}

static void closing(void *self, int fd)
{
	int bell = atomic_load((_Atomic int *)self);

	(void)fd;
	if (bell)
		mpg_doorbell_ring(bell);
}

static const mpgreen_scheduler scheduler = {
	.abi = MPGREEN_ABI,
	.wait = wait_for,
	.closing = closing,
};

int mpg_poll_scheduler_attach(void)
{
	atomic_store(&own_bell, 0);
	return mpg_scheduler_attach(&scheduler, &own_bell);
}
