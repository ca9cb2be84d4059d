/* SPDX-License-Identifier: MIT */
/*
 * Calls that make a descriptor. They do not block; they only say that whatever was known of the
 * number is stale, in case an earlier fd of that number was closed where we could not see it.
 */
#include "engine/wait.h"
#include "os/linux/interpose.h"

static int both_born(int r, const int fds[2])
{
	if (r == 0) {
		mpg_wait_born(fds[0]);
		mpg_wait_born(fds[1]);
	}
	return r;
}

INTERPOSE(int, socket, int domain, int type, int protocol)
{
	return mpg_wait_born(REAL(socket)(domain, type, protocol));
}

INTERPOSE(int, socketpair, int domain, int type, int protocol, int fds[2])
{
	return both_born(REAL(socketpair)(domain, type, protocol, fds), fds);
}

INTERPOSE(int, pipe, int fds[2])
{
	return both_born(REAL(pipe)(fds), fds);
}

INTERPOSE(int, pipe2, int fds[2], int flags)
{
	return both_born(REAL(pipe2)(fds, flags), fds);
}

INTERPOSE(int, eventfd, unsigned value, int flags)
{
	return mpg_wait_born(REAL(eventfd)(value, flags));
}

INTERPOSE(int, timerfd_create, clockid_t clock, int flags)
{
	return mpg_wait_born(REAL(timerfd_create)(clock, flags));
}

/* Given an fd it changes that one. */
INTERPOSE(int, signalfd, int fd, const sigset_t *mask, int flags)
{
	int r = REAL(signalfd)(fd, mask, flags);

	return fd == -1 ? mpg_wait_born(r) : r;
}

INTERPOSE(int, inotify_init, void)
{
	return mpg_wait_born(REAL(inotify_init)());
}

INTERPOSE(int, inotify_init1, int flags)
{
	return mpg_wait_born(REAL(inotify_init1)(flags));
}

INTERPOSE(int, epoll_create, int size)
{
	return mpg_wait_born(REAL(epoll_create)(size));
}

INTERPOSE(int, epoll_create1, int flags)
{
	return mpg_wait_born(REAL(epoll_create1)(flags));
}

#if HAVE_DECL_PIDFD_OPEN
INTERPOSE(int, pidfd_open, pid_t pid, unsigned flags)
{
	return mpg_wait_born(REAL(pidfd_open)(pid, flags));
}
#endif

ALIAS(__pipe, pipe);
