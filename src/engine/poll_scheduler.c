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

static int wait_for(void *self, const mpgreen_wait *what)
{
	int bell = (int)(intptr_t)self;
	struct pollfd fds[] = {
		{ .fd = what->fd, .events = what->events },
		{ .fd = bell, .events = POLLIN },
	};
	struct timespec left, *limit = NULL;
	int n;

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
	(void)fd;
	mpg_doorbell_ring((int)(intptr_t)self);
}

static const mpgreen_scheduler scheduler = {
	.abi = MPGREEN_ABI,
	.wait = wait_for,
	.closing = closing,
};

int mpg_poll_scheduler_attach(void)
{
	int bell;

	mpg_scheduler_prepare();
	bell = mpg_doorbell();
	if (bell < 0)
		return -errno;
	return mpg_scheduler_attach(&scheduler, (void *)(intptr_t)bell);
}
