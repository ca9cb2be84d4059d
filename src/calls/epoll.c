/* SPDX-License-Identifier: MIT */
/*
 * epoll_wait() and its variants: an epoll fd is itself an fd to wait for. A scheduler unmarks the
 * one of its own loop, whose waits then pass through.
 */
#include "calls/readiness.h"
#include "os/linux/interpose.h"

/* The variants differ in how they say the time limit; a try is `timeout` 0 of each. */
struct call {
	const char *name;
	int fd;
	struct epoll_event *events;
	int max;
	const sigset_t *mask;
};

static int try(const struct call *c)
{
	const struct timespec now = { 0, 0 };
	int n = REAL(epoll_pwait)(c->fd, c->events, c->max, 0, c->mask);

	/* With no time it does not look at the signals that its mask lets through; ppoll() does. */
	return n == 0 && c->mask ? REAL(ppoll)(NULL, 0, &now, c->mask) : n;
}

static bool prepare(struct mpg_readiness *r, const struct call *c)
{
	if (!c->mask)
		return mpg_readiness_one(r, c->fd, POLLIN);
	return mpg_readiness_add(r, c->fd, POLLIN) && mpg_readiness_mask(r, c->mask);
}

/* False: not in our way, block for real. */
static bool wait_green(const struct call *c, int64_t ns, int *result)
{
	MPG_READINESS(r);
	int n;

	if (!mpg_readiness_is_green(c->fd) || !mpg_readiness_begin(&r, ns, c->name))
		return false;
	n = r.error ? -1 : try(c);
	if (n == 0 && !prepare(&r, c))
		return false;
	while (mpg_readiness_again(&r, n))
		n = try(c);
	*result = mpg_readiness_result(&r, n);
	return true;
}

static int64_t milliseconds(int timeout)
{
	return timeout < 0 ? -1 : timeout * MPG_MILLISECOND;
}

GREEN(int, epoll_wait, int fd, struct epoll_event *events, int max, int timeout)
{
	const struct call c = { "epoll_wait", fd, events, max, NULL };
	int n;

	if (timeout && wait_green(&c, milliseconds(timeout), &n))
		return n;
	return REAL(epoll_wait)(fd, events, max, timeout);
}

INTERPOSE(int, epoll_wait, int fd, struct epoll_event *events, int max, int timeout)
{
	if (!mpg_may_wait_on(fd))
		return REAL(epoll_wait)(fd, events, max, timeout);
	return green_epoll_wait(fd, events, max, timeout);
}

GREEN(int, epoll_pwait, int fd, struct epoll_event *events, int max, int timeout,
      const sigset_t *mask)
{
	const struct call c = { "epoll_pwait", fd, events, max, mask };
	int n;

	if (timeout && wait_green(&c, milliseconds(timeout), &n))
		return n;
	return REAL(epoll_pwait)(fd, events, max, timeout, mask);
}

INTERPOSE(int, epoll_pwait, int fd, struct epoll_event *events, int max, int timeout,
	  const sigset_t *mask)
{
	if (!mpg_may_wait_on(fd))
		return REAL(epoll_pwait)(fd, events, max, timeout, mask);
	return green_epoll_pwait(fd, events, max, timeout, mask);
}

#if HAVE_DECL_EPOLL_PWAIT2
GREEN(int, epoll_pwait2, int fd, struct epoll_event *events, int max,
      const struct timespec *timeout, const sigset_t *mask)
{
	const struct call c = { "epoll_pwait2", fd, events, max, mask };
	int n;

	if (!(timeout && mpg_clock_is_empty_or_invalid(timeout))
	    && wait_green(&c, timeout ? mpg_clock_ns(timeout) : -1, &n))
		return n;
	return REAL(epoll_pwait2)(fd, events, max, timeout, mask);
}

INTERPOSE(int, epoll_pwait2, int fd, struct epoll_event *events, int max,
	  const struct timespec *timeout, const sigset_t *mask)
{
	if (!mpg_may_wait_on(fd))
		return REAL(epoll_pwait2)(fd, events, max, timeout, mask);
	return green_epoll_pwait2(fd, events, max, timeout, mask);
}
#endif
