/* SPDX-License-Identifier: MIT */
/*
 * poll() and ppoll(). They yield even when the application has made its fds non-blocking: that is
 * how C drivers wait.
 */
#include "calls/readiness.h"
#include "os/linux/interpose.h"

#define PLAIN (POLLIN | POLLOUT)
#define TOLD_ANYWAY (POLLERR | POLLHUP | POLLNVAL)

/* One fd and plain events: a scheduler can watch that itself. */
static const struct pollfd *only_one(const struct pollfd *fds, nfds_t n)
{
	const struct pollfd *one = NULL;

	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].fd < 0)
			continue;
		if (one)
			return NULL;
		one = &fds[i];
	}
	return one && one->events & PLAIN && !(one->events & ~(PLAIN | TOLD_ANYWAY)) ? one : NULL;
}

static bool any_is_green(const struct pollfd *fds, nfds_t n)
{
	bool empty = true;

	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].fd < 0)
			continue;
		if (mpg_readiness_is_green(fds[i].fd))
			return true;
		empty = false;
	}
	return empty;
}

static bool add_all(struct mpg_readiness *r, const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd >= 0 && !mpg_readiness_add(r, fds[i].fd, fds[i].events))
			return false;
	return true;
}

/* Nothing is ready: what is there to wait for? False: nothing of ours. */
static bool prepare(struct mpg_readiness *r, const struct pollfd *fds, nfds_t n,
		    const sigset_t *mask)
{
	const struct pollfd *one = mask ? NULL : only_one(fds, n);

	if (!any_is_green(fds, n))
		return false;
	if (one)
		return mpg_readiness_one(r, one->fd, one->events & PLAIN);
	return add_all(r, fds, n) && mpg_readiness_mask(r, mask);
}

/* The one fd was closed in the meantime: poll() has a word for that. */
static int closed(const struct mpg_readiness *r, struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = fds[i].fd == r->fd ? POLLNVAL : 0;
	return 1;
}

static int result(struct mpg_readiness *r, int ready, struct pollfd *fds, nfds_t n)
{
	if (r->error != EBADF)
		return mpg_readiness_result(r, ready);
	errno = r->w.saved_errno;
	return closed(r, fds, n);
}

GREEN(int, poll, struct pollfd *fds, nfds_t n, int timeout)
{
	int64_t ns = timeout < 0 ? -1 : timeout * MPG_MILLISECOND;
	MPG_READINESS(r);
	int ready;

	if (!mpg_readiness_begin(&r, ns, "poll"))
		return REAL(poll)(fds, n, timeout);
	ready = REAL(poll)(fds, n, 0);
	if (ready == 0 && !prepare(&r, fds, n, NULL))
		return REAL(poll)(fds, n, timeout);
	while (mpg_readiness_again(&r, ready))
		ready = REAL(poll)(fds, n, 0);

	return result(&r, ready, fds, n);
}

GREEN(int, ppoll, struct pollfd *fds, nfds_t n, const struct timespec *timeout,
      const sigset_t *mask)
{
	const struct timespec now = { 0, 0 };
	MPG_READINESS(r);
	int ready;

	if (!mpg_readiness_begin(&r, timeout ? mpg_clock_ns(timeout) : -1, "ppoll"))
		return REAL(ppoll)(fds, n, timeout, mask);
	ready = REAL(ppoll)(fds, n, &now, mask);
	if (ready == 0 && !prepare(&r, fds, n, mask))
		return REAL(ppoll)(fds, n, timeout, mask);
	while (mpg_readiness_again(&r, ready))
		ready = REAL(ppoll)(fds, n, &now, mask);

	return result(&r, ready, fds, n);
}

INTERPOSE(int, poll, struct pollfd *fds, nfds_t n, int timeout)
{
	if (!mpg_thread_is_green() || timeout == 0)
		return REAL(poll)(fds, n, timeout);
	return green_poll(fds, n, timeout);
}

INTERPOSE(int, ppoll, struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	  const sigset_t *mask)
{
	if (!mpg_thread_is_green() || (timeout && mpg_clock_is_empty_or_invalid(timeout)))
		return REAL(ppoll)(fds, n, timeout, mask);
	return green_ppoll(fds, n, timeout, mask);
}

ALIAS(__poll, poll);
