/* SPDX-License-Identifier: MIT */
#include "calls/waitall.h"
#include "calls/iovec.h"
#include "os/linux/interpose.h"
#include "sources/job.h"

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = 0;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* Messages have borders: only a stream can be waited for as a whole. */
static bool is_stream(int fd)
{
	return option(fd, SO_TYPE) == SOCK_STREAM;
}

/* A unix socket looks at what has come first, whatever is asked for. */
static bool peeks_at_all(int fd)
{
	return is_stream(fd) && option(fd, SO_DOMAIN) != AF_UNIX;
}

struct peek {
	struct mpg_job job;
	int fd, flags;
	struct msghdr message;
	struct iovec iov;
	char bytes[];
};

static void run_peek(struct mpg_job *job)
{
	struct peek *peek = (struct peek *)job;

	mpg_job_finish(job, REAL(recvmsg)(peek->fd, &peek->message, peek->flags));
}

/*
 * What is looked at stays, so the fd is ready from the first byte on and says nothing of the rest:
 * a worker sits in the real call.
 */
static ssize_t peek_all(struct mpg_wait *w, struct msghdr *message, int flags)
{
	size_t len = mpg_iovec_length(message->msg_iov, (int)message->msg_iovlen);
	MPG_JOB(job, mpg_job_new(sizeof(struct peek) + len, run_peek));
	struct peek *peek = (struct peek *)job;
	ssize_t r = -1;

	if (!job)
		return REAL(recvmsg)(w->fd, message, flags);
	peek->fd = w->fd;
	peek->flags = flags;
	peek->iov = (struct iovec){ peek->bytes, len };
	peek->message = (struct msghdr){ .msg_iov = &peek->iov, .msg_iovlen = 1 };
	if (mpg_job_run(w, job))
		r = job->result;
	if (r < 0)
		return -1;
	mpg_iovec_scatter(message->msg_iov, (int)message->msg_iovlen, peek->bytes, (size_t)r);
	message->msg_namelen = 0;
	message->msg_controllen = 0;
	message->msg_flags = peek->message.msg_flags;
	errno = w->saved_errno;
	return r;
}

/* Control data ends a message: what follows is another one's. */
static bool gather_more(struct mpg_wait *w, struct msghdr *message, struct mpg_iovec *rest,
			ssize_t n, bool stream)
{
	size_t len = n < 0 && errno != EAGAIN ? 0 : mpg_iovec_total(rest);

	if (n > 0 && (!stream || message->msg_controllen || message->msg_flags & MSG_CTRUNC))
		len = 0;
	return mpg_wait_more(w, n, len) && mpg_iovec_advance(rest, n);
}

ssize_t mpg_waitall_recvmsg(struct mpg_wait *w, struct msghdr *message, int flags)
{
	MPG_IOVEC(rest, message->msg_iov, (int)message->msg_iovlen);
	const struct msghdr original = *message;
	struct msghdr answer = original;
	bool stream = is_stream(w->fd) && !(flags & MSG_PEEK);
	ssize_t n;

	if (flags & MSG_PEEK && peeks_at_all(w->fd))
		return peek_all(w, message, flags);
	do {
		*message = original;
		message->msg_iov = (struct iovec *)rest.iov;
		message->msg_iovlen = (size_t)rest.n;
		n = REAL(recvmsg)(w->fd, message, flags | MSG_DONTWAIT);
		if (n >= 0 || !w->done)
			answer = *message;
	} while (gather_more(w, message, &rest, n, stream));
	/* What the last try that moved bytes has said of them. */
	*message = answer;
	message->msg_iov = original.msg_iov;
	message->msg_iovlen = original.msg_iovlen;

	return mpg_wait_total(w, n);
}

ssize_t mpg_waitall_recvfrom(struct mpg_wait *w, void *buf, size_t len, int flags,
			     struct sockaddr *addr, socklen_t *addr_len)
{
	struct iovec iov = { buf, len };
	struct msghdr message = {
		.msg_name = addr,
		.msg_namelen = addr && addr_len ? *addr_len : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n = mpg_waitall_recvmsg(w, &message, flags);

	if (n >= 0 && addr && addr_len)
		*addr_len = message.msg_namelen;
	return n;
}

ssize_t mpg_waitall_recv(struct mpg_wait *w, void *buf, size_t len, int flags)
{
	return mpg_waitall_recvfrom(w, buf, len, flags, NULL, NULL);
}
