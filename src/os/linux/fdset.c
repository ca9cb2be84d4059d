/* SPDX-License-Identifier: MIT */
#include "os/linux/fdset.h"
#include "real.h"
#include "registry/private.h"

#define ANY (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)

bool mpg_fdset_open(struct mpg_fdset *set)
{
	*set = (struct mpg_fdset)MPG_FDSET_NONE;
	set->fd = mpg_private_adopt(REAL(epoll_create1)(EPOLL_CLOEXEC));
	return set->fd >= 0;
}

void mpg_fdset_close(struct mpg_fdset *set)
{
	int saved_errno = errno;

	if (set->signals >= 0)
		mpg_private_close(set->signals);
	if (set->fd >= 0)
		mpg_private_close(set->fd);
	*set = (struct mpg_fdset)MPG_FDSET_NONE;
	errno = saved_errno;
}

bool mpg_fdset_add(struct mpg_fdset *set, int fd, short events)
{
	struct epoll_event e = { .events = EPOLLET | (uint16_t)events, .data.fd = fd };

	if (epoll_ctl(set->fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return true;
	switch (errno) {
	case EEXIST:	/* listed twice: waking up too often is harmless */
		e.events = EPOLLET | ANY;
		return epoll_ctl(set->fd, EPOLL_CTL_MOD, fd, &e) == 0;
	case EPERM:
	case EBADF:
		return true;
	default:
		return false;
	}
}

bool mpg_fdset_add_pending(struct mpg_fdset *set, const sigset_t *signals)
{
	set->signals = mpg_private_adopt(REAL(signalfd)(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK));
	return set->signals >= 0 && mpg_fdset_add(set, set->signals, POLLIN);
}

bool mpg_fdset_add_signals(struct mpg_fdset *set, const sigset_t *mask)
{
	sigset_t blocked, let_through;
	bool any = false;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	sigemptyset(&let_through);
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&blocked, sig) == 1 && !sigismember(mask, sig)) {
			sigaddset(&let_through, sig);
			any = true;
		}
	return !any || mpg_fdset_add_pending(set, &let_through);
}

void mpg_fdset_settle(const struct mpg_fdset *set)
{
	struct epoll_event events[64];
	int n, saved_errno = errno;

	do
		n = REAL(epoll_wait)(set->fd, events, 64, 0);
	while (n == 64);
	errno = saved_errno;
}
