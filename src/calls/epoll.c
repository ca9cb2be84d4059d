/* SPDX-License-Identifier: MIT */
/*
 * epoll_wait() and its variants: an epoll fd is itself an fd to wait for. A scheduler unmarks the
 * one of its own loop, whose waits then pass through.
 */
#include "calls/readiness.h"
#include "os/linux/interpose.h"

static bool prepare(struct mpg_readiness *r, int fd, const sigset_t *mask)
{
	if (!mask)
		return mpg_readiness_one(r, fd, POLLIN);
	if (mpg_readiness_add(r, fd, POLLIN) && mpg_readiness_mask(r, mask))
		return true;
	mpg_readiness_drop(r);
	return false;
}

static bool begin(struct mpg_readiness *r, int fd, int64_t ns, const char *call)
{
	return mpg_readiness_is_green(fd) && mpg_readiness_begin(r, ns, call);
}

INTERPOSE(int, epoll_wait, int fd, struct epoll_event *events, int max, int timeout)
{
	int64_t ns = timeout < 0 ? -1 : timeout * MPG_MILLISECOND;
	struct mpg_readiness r;
	int n;

	if (!mpg_thread_is_green() || timeout == 0 || !begin(&r, fd, ns, "epoll_wait"))
		return REAL(epoll_wait)(fd, events, max, timeout);
	n = REAL(epoll_wait)(fd, events, max, 0);
	if (n == 0)
		prepare(&r, fd, NULL);
	while (mpg_readiness_again(&r, n))
		n = REAL(epoll_wait)(fd, events, max, 0);

	return mpg_readiness_result(&r, n);
}

INTERPOSE(int, epoll_pwait, int fd, struct epoll_event *events, int max, int timeout,
	  const sigset_t *mask)
{
	int64_t ns = timeout < 0 ? -1 : timeout * MPG_MILLISECOND;
	struct mpg_readiness r;
	int n;

	if (!mpg_thread_is_green() || timeout == 0 || !begin(&r, fd, ns, "epoll_pwait"))
		return REAL(epoll_pwait)(fd, events, max, timeout, mask);
	n = REAL(epoll_pwait)(fd, events, max, 0, mask);
	if (n == 0 && !prepare(&r, fd, mask))
		return REAL(epoll_pwait)(fd, events, max, timeout, mask);
	while (mpg_readiness_again(&r, n))
		n = REAL(epoll_pwait)(fd, events, max, 0, mask);

	return mpg_readiness_result(&r, n);
}

#if HAVE_DECL_EPOLL_PWAIT2
INTERPOSE(int, epoll_pwait2, int fd, struct epoll_event *events, int max,
	  const struct timespec *timeout, const sigset_t *mask)
{
	const struct timespec now = { 0, 0 };
	struct mpg_readiness r;
	int n;

	if (!mpg_thread_is_green() || (timeout && mpg_clock_is_empty_or_invalid(timeout))
	    || !begin(&r, fd, timeout ? mpg_clock_ns(timeout) : -1, "epoll_pwait2"))
		return REAL(epoll_pwait2)(fd, events, max, timeout, mask);
	n = REAL(epoll_pwait2)(fd, events, max, &now, mask);
	if (n == 0 && !prepare(&r, fd, mask))
		return REAL(epoll_pwait2)(fd, events, max, timeout, mask);
	while (mpg_readiness_again(&r, n))
		n = REAL(epoll_pwait2)(fd, events, max, &now, mask);

	return mpg_readiness_result(&r, n);
}
#endif
