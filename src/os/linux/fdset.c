/* SPDX-License-Identifier: MIT */
#include "os/linux/fdset.h"
#include "real.h"
#include "registry/private.h"

#define ANY (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)

static _Atomic int alarm_fd = -1;

static int alarm_bell(void)
{
	int bell = atomic_load(&alarm_fd), none = -1;

	if (bell >= 0)
		return bell;
	bell = mpg_private_adopt(REAL(eventfd)(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (bell < 0 || atomic_compare_exchange_strong(&alarm_fd, &none, bell))
		return bell;
	mpg_private_close(bell);
	return none;
}

void mpg_fdset_alarm(void)
{
	int saved_errno = errno, bell = atomic_load(&alarm_fd);
	uint64_t ring = 1;

	/* Edge-triggered: each write is an event, and nobody need ever read. */
	if (bell >= 0 && mpg_private_is(bell))
		syscall(SYS_write, bell, &ring, sizeof(ring));
	errno = saved_errno;
}

void mpg_fdset_forked(void)
{
	atomic_store(&alarm_fd, -1);
}

static bool add(const struct mpg_fdset *set, int fd, uint32_t events)
{
	struct epoll_event e = { .events = EPOLLET | events, .data.fd = fd };

	return epoll_ctl(set->fd, EPOLL_CTL_ADD, fd, &e) == 0;
}

bool mpg_fdset_open(struct mpg_fdset *set)
{
	int bell = alarm_bell();

	*set = (struct mpg_fdset)MPG_FDSET_NONE;
	set->fd = bell < 0 ? -1 : mpg_private_adopt(REAL(epoll_create1)(EPOLL_CLOEXEC));
	if (set->fd >= 0 && add(set, bell, EPOLLIN)) {
		mpg_fdset_settle(set);
		return true;
	}
	mpg_fdset_close(set);
	return false;
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

static void now_member(int fd)
{
	struct mpg_fd *entry = mpg_fd_entry(fd);

	if (entry && !(mpg_fd_state(entry) & MPG_FD_MEMBER)) {
		atomic_fetch_or_explicit(&entry->state, MPG_FD_MEMBER, memory_order_relaxed);
		mpg_fds_entered(fd);
	}
}

bool mpg_fdset_add(struct mpg_fdset *set, int fd, short events)
{
	struct epoll_event e = { .events = EPOLLET | ANY, .data.fd = fd };

	now_member(fd);
	if (add(set, fd, (uint16_t)events))
		return true;
	switch (errno) {
	case EEXIST:	/* listed twice: waking up too often is harmless */
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
