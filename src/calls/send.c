/* SPDX-License-Identifier: MIT */
/*
 * Sending on sockets. On a stream all of it is sent; of a datagram the kernel takes all or nothing,
 * so that the same loop serves both. A try that continues a call raises no SIGPIPE, as the kernel
 * raises none once part has been sent.
 */
#include "calls/iovec.h"
#include "engine/wait.h"
#include "os/linux/interpose.h"

/*
 * What does not block, or has been told not to. A send that opens its connection (MSG_FASTOPEN) has
 * no form that could be tried: it blocks for as long as that takes.
 */
#define NATIVE (MSG_DONTWAIT | MSG_FASTOPEN)

static int try_flags(const struct mpg_wait *w, int flags)
{
	return flags | MSG_DONTWAIT | (w->done ? MSG_NOSIGNAL : 0);
}

GREEN(ssize_t, send, int fd, const void *buf, size_t len, int flags)
{
	struct mpg_wait w;
	ssize_t n;

	if (flags & NATIVE || !mpg_wait_begin(&w, fd, POLLOUT, "send"))
		return REAL(send)(fd, buf, len, flags);
	do
		n = REAL(send)(fd, (const char *)buf + w.done, len - w.done, try_flags(&w, flags));
	while (mpg_wait_more(&w, n, len));

	return mpg_wait_total(&w, n);
}

INTERPOSE(ssize_t, send, int fd, const void *buf, size_t len, int flags)
{
	if (!mpg_may_wait_on(fd))
		return REAL(send)(fd, buf, len, flags);
	return green_send(fd, buf, len, flags);
}

GREEN(ssize_t, sendto, int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
      socklen_t addr_len)
{
	struct mpg_wait w;
	ssize_t n;

	if (flags & NATIVE || !mpg_wait_begin(&w, fd, POLLOUT, "sendto"))
		return REAL(sendto)(fd, buf, len, flags, addr, addr_len);
	do
		n = REAL(sendto)(fd, (const char *)buf + w.done, len - w.done, try_flags(&w, flags),
				 addr, addr_len);
	while (mpg_wait_more(&w, n, len));

	return mpg_wait_total(&w, n);
}

INTERPOSE(ssize_t, sendto, int fd, const void *buf, size_t len, int flags,
	  const struct sockaddr *addr, socklen_t addr_len)
{
	if (!mpg_may_wait_on(fd))
		return REAL(sendto)(fd, buf, len, flags, addr, addr_len);
	return green_sendto(fd, buf, len, flags, addr, addr_len);
}

/* Control data (an fd that is passed) goes with the first byte and must not be sent again. */
static bool send_more(struct mpg_wait *w, struct msghdr *message, struct mpg_iovec *rest, ssize_t n)
{
	size_t len = n >= 0 || errno == EAGAIN ? mpg_iovec_total(rest) : 0;

	if (!mpg_wait_more(w, n, len) || !mpg_iovec_advance(rest, n))
		return false;
	message->msg_iov = (struct iovec *)rest->iov;
	message->msg_iovlen = (size_t)rest->n;
	if (w->done) {
		message->msg_control = NULL;
		message->msg_controllen = 0;
	}
	return true;
}

static ssize_t send_message(struct mpg_wait *w, struct msghdr message, int flags)
{
	MPG_IOVEC(rest, message.msg_iov, (int)message.msg_iovlen);
	ssize_t n;

	do
		n = REAL(sendmsg)(w->fd, &message, try_flags(w, flags));
	while (send_more(w, &message, &rest, n));

	return mpg_wait_total(w, n);
}

GREEN(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
	struct mpg_wait w;

	if (flags & NATIVE || !message || !mpg_wait_begin(&w, fd, POLLOUT, "sendmsg"))
		return REAL(sendmsg)(fd, message, flags);
	return send_message(&w, *message, flags);
}

INTERPOSE(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
	if (!mpg_may_wait_on(fd))
		return REAL(sendmsg)(fd, message, flags);
	return green_sendmsg(fd, message, flags);
}

static size_t length_of(const struct msghdr *message)
{
	return mpg_iovec_length(message->msg_iov, (int)message->msg_iovlen);
}

/* One message after the other, as the kernel does; an error after the first is the next call's. */
GREEN(int, sendmmsg, int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	int saved_errno = errno;
	unsigned sent = 0;
	struct mpg_wait w;
	ssize_t len = 0;

	if (flags & NATIVE || !n || !mpg_wait_begin(&w, fd, POLLOUT, "sendmmsg"))
		return REAL(sendmmsg)(fd, messages, n, flags);
	if (n > IOV_MAX)
		n = IOV_MAX;
	for (;;) {
		len = send_message(&w, messages[sent].msg_hdr, flags);
		if (len < 0)
			break;
		messages[sent].msg_len = (unsigned)len;
		if (++sent == n || (size_t)len < length_of(&messages[sent - 1].msg_hdr)
		    || mpg_wait_begin_or_end(&w, fd, POLLOUT, "sendmmsg") <= 0)
			break;
	}

	if (!sent)
		return -1;
	errno = saved_errno;
	return (int)sent;
}

INTERPOSE(int, sendmmsg, int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	if (!mpg_may_wait_on(fd))
		return REAL(sendmmsg)(fd, messages, n, flags);
	return green_sendmmsg(fd, messages, n, flags);
}

ALIAS(__send, send);
