/* SPDX-License-Identifier: MIT */
/* Receiving from sockets. MSG_WAITALL is in waitall.c. */
#include "calls/control.h"
#include "calls/waitall.h"
#include "engine/wait.h"
#include "os/linux/interpose.h"

/* What never blocks, or has been told not to. */
#define NATIVE (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)

GREEN(ssize_t, recv, int fd, void *buf, size_t len, int flags)
{
	struct mpg_wait w;
	ssize_t n;

	if (flags & NATIVE || !mpg_wait_begin(&w, fd, POLLIN, "recv"))
		return REAL(recv)(fd, buf, len, flags);
	if (flags & MSG_WAITALL)
		return mpg_waitall_recv(&w, buf, len, flags);
	do
		n = REAL(recv)(fd, buf, len, flags | MSG_DONTWAIT);
	while (mpg_wait_again(&w, n));

	return n;
}

INTERPOSE(ssize_t, recv, int fd, void *buf, size_t len, int flags)
{
	if (!mpg_may_wait_on(fd))
		return REAL(recv)(fd, buf, len, flags);
	return green_recv(fd, buf, len, flags);
}

GREEN(ssize_t, recvfrom, int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
      socklen_t *addr_len)
{
	struct mpg_wait w;
	ssize_t n;

	if (flags & NATIVE || !mpg_wait_begin(&w, fd, POLLIN, "recvfrom"))
		return REAL(recvfrom)(fd, buf, len, flags, addr, addr_len);
	if (flags & MSG_WAITALL)
		return mpg_waitall_recvfrom(&w, buf, len, flags, addr, addr_len);
	do
		n = REAL(recvfrom)(fd, buf, len, flags | MSG_DONTWAIT, addr, addr_len);
	while (mpg_wait_again(&w, n));

	return n;
}

INTERPOSE(ssize_t, recvfrom, int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
	  socklen_t *addr_len)
{
	if (!mpg_may_wait_on(fd))
		return REAL(recvfrom)(fd, buf, len, flags, addr, addr_len);
	return green_recvfrom(fd, buf, len, flags, addr, addr_len);
}

/* On any thread: fds may arrive. */
GREEN(ssize_t, recvmsg, int fd, struct msghdr *message, int flags)
{
	struct mpg_wait w;
	ssize_t n;

	if (flags & NATIVE || !mpg_may_wait_on(fd) || !mpg_wait_begin(&w, fd, POLLIN, "recvmsg"))
		n = REAL(recvmsg)(fd, message, flags);
	else if (flags & MSG_WAITALL)
		n = mpg_waitall_recvmsg(&w, message, flags);
	else
		do
			n = REAL(recvmsg)(fd, message, flags | MSG_DONTWAIT);
		while (mpg_wait_again(&w, n));
	if (n >= 0)
		mpg_control_arrived(message);

	return n;
}

INTERPOSE(ssize_t, recvmsg, int fd, struct msghdr *message, int flags)
{
	if (!mpg_fds_are_active())
		return REAL(recvmsg)(fd, message, flags);
	return green_recvmsg(fd, message, flags);
}

/*
 * The kernel receives one message after the other and looks at the time limit only in between, so
 * that a call can last longer than its limit. One with MSG_WAITFORONE waits for the first only.
 */
GREEN(int, recvmmsg, int fd, struct mmsghdr *messages, unsigned n, int flags,
      struct timespec *limit)
{
	int wait_for_all = !(flags & MSG_WAITFORONE);
	struct mpg_wait w;
	int64_t deadline;
	size_t len;
	int r;

	if (flags & NATIVE || (limit && mpg_clock_is_invalid(limit)) || !mpg_may_wait_on(fd)
	    || !mpg_wait_begin(&w, fd, POLLIN, "recvmmsg"))
		return mpg_control_arrived_in(messages,
					      REAL(recvmmsg)(fd, messages, n, flags, limit));
	deadline = limit ? mpg_clock_after(mpg_clock_ns(limit)) : MPGREEN_FOREVER;
	do {
		r = REAL(recvmmsg)(fd, messages + w.done, n - (unsigned)w.done,
				   flags | MSG_DONTWAIT, NULL);
		len = r > 0 && (!wait_for_all || mpg_clock_now() >= deadline) ? 0 : n;
		/* SO_RCVTIMEO is for each message anew. */
		if (r > 0)
			w.asked = false;
	} while (mpg_wait_more(&w, r, len));
	if (limit)
		*limit = mpg_clock_left(deadline);

	return mpg_control_arrived_in(messages, (int)mpg_wait_total(&w, r));
}

INTERPOSE(int, recvmmsg, int fd, struct mmsghdr *messages, unsigned n, int flags,
	  struct timespec *limit)
{
	if (!mpg_fds_are_active())
		return REAL(recvmmsg)(fd, messages, n, flags, limit);
	return green_recvmmsg(fd, messages, n, flags, limit);
}
