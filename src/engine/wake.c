/* SPDX-License-Identifier: MIT */
/* How waits end from outside: because their fd is closed, or reused, or by mpgreen_wake(). */
#include "engine/scheduler.h"
#include "engine/wait.h"

int mpg_wait_forget_entered(int fd)
{
	uint32_t state = mpg_fd_forget(fd);

	if (state & MPG_FD_WATCHED)
		mpg_scheduler_closing(fd);
	if (state & MPG_FD_MEMBER) {
		mpg_fdset_alarm();
		mpg_thread.alarm_due = true;
	}
	return fd;
}

void mpg_wait_ring_again(void)
{
	mpg_thread.alarm_due = false;
	mpg_fdset_alarm();
}

int mpg_wait_wake(int fd, int error)
{
	struct mpg_fd *entry = mpg_fd_lookup(fd);
	unsigned waiters;

	if (error <= 0)
		return -EINVAL;
	if (!entry)
		return -EBADF;
	waiters = mpg_fd_wake(entry, error);
	if (waiters)
		mpg_scheduler_closing(fd);
	if (mpg_fd_state(entry) & MPG_FD_MEMBER)
		mpg_fdset_alarm();
	return (int)waiters;
}
