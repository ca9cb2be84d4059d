/* SPDX-License-Identifier: MIT */
/* Moving bytes from fd to fd inside the kernel: sendfile(), splice() and tee(). */
#include "calls/readiness.h"
#include "os/linux/interpose.h"
#include "os/linux/nowait.h"

#define CHUNK 65536

/* A file as the source of sendfile(): read at an offset, the caller's or the file's own. */
struct source {
	int fd;
	off_t *offset;		/* the caller's; NULL: the file position */
	char *buffer;
	size_t len, sent;	/* in the buffer */
	bool end;		/* there is no more */
};

static void drop(struct source *s)
{
	free(s->buffer);
}

static ssize_t fill(struct source *s, size_t count)
{
	ssize_t n;

	if (s->sent < s->len)
		return (ssize_t)(s->len - s->sent);
	n = pread(s->fd, s->buffer, count < CHUNK ? count : CHUNK,
		  s->offset ? *s->offset : lseek(s->fd, 0, SEEK_CUR));
	s->sent = 0;
	s->len = n > 0 ? (size_t)n : 0;
	s->end = n <= 0;
	return n;
}

static void advance(struct source *s, size_t n)
{
	s->sent += n;
	if (s->offset)
		*s->offset += (off_t)n;
	else
		lseek(s->fd, (off_t)n, SEEK_CUR);
}

/* Sends what goes without blocking: 0 at the end of the file. */
static ssize_t send_some(struct mpg_wait *w, struct source *s, size_t count)
{
	size_t moved = 0;
	ssize_t n;

	while (moved < count) {
		struct iovec iov;

		n = fill(s, count - moved);
		if (n > 0) {
			iov = (struct iovec){ s->buffer + s->sent, (size_t)n };
			n = mpg_nowait_writev(w->entry, w->fd, &iov, 1, 0, w->done + moved > 0);
		}
		if (n <= 0)
			return moved ? (ssize_t)moved : n;
		advance(s, (size_t)n);
		moved += (size_t)n;
	}
	return (ssize_t)moved;
}

static bool blocks(const struct mpg_wait *w)
{
	int flags = REAL(fcntl)(w->fd, F_GETFL);

	return flags >= 0 && (!(flags & O_NONBLOCK) || mpg_fd_state(w->entry) & MPG_FD_ALWAYS);
}

/*
 * sendfile() has no flag for "do not block", and how much goes into a writable socket nobody can
 * tell. So the bytes take the way through a buffer, where each try can say no.
 */
GREEN(ssize_t, sendfile, int to, int from, off_t *offset, size_t count)
{
	__attribute__((cleanup(drop))) struct source source = { .fd = from, .offset = offset };
	struct mpg_wait w;
	ssize_t n;

	if (!count || !mpg_wait_begin(&w, to, POLLOUT, "sendfile") || !blocks(&w)
	    || mpg_fd_kind(from))
		return REAL(sendfile)(to, from, offset, count);
	source.buffer = malloc(CHUNK);
	if (!source.buffer)
		return -1;
	/* Into a pipe the kernel moves what there is room for, into a socket all of it. */
	do {
		n = send_some(&w, &source, count - w.done);
		if (source.end || (n > 0 && mpg_fd_state(w.entry) & MPG_FD_FIFO))
			count = 0;
	} while (mpg_wait_more(&w, n, count));

	return mpg_wait_total(&w, n);
}

INTERPOSE(ssize_t, sendfile, int to, int from, off_t *offset, size_t count)
{
	if (!mpg_may_wait_on(to))
		return REAL(sendfile)(to, from, offset, count);
	return green_sendfile(to, from, offset, count);
}

/*
 * With SPLICE_F_NONBLOCK the pipe does not block; the other end goes by its own O_NONBLOCK, so it
 * is asked first. What surely fits into a writable one is a page.
 */
static ssize_t try_splice(int from, off64_t *in, int to, off64_t *out, size_t len, unsigned flags)
{
	bool from_pipe = mpg_fd_kind(from) == MPG_FD_FIFO, to_pipe = mpg_fd_kind(to) == MPG_FD_FIFO;

	if ((!from_pipe && !in && !mpg_nowait_ready(from, POLLIN))
	    || (!to_pipe && !out && !mpg_nowait_ready(to, POLLOUT))) {
		errno = EAGAIN;
		return -1;
	}
	if (!to_pipe && mpg_fd_kind(to) && len > PIPE_BUF)
		len = PIPE_BUF;
	return REAL(splice)(from, in, to, out, len, flags | SPLICE_F_NONBLOCK);
}

/* Which end is it that has made the call fail with EAGAIN? */
static bool wait_for_either(struct mpg_wait *w, int from, int to)
{
	if (!mpg_nowait_ready(from, POLLIN))
		return mpg_wait_on(w, from, POLLIN);
	if (!mpg_nowait_ready(to, POLLOUT))
		return mpg_wait_on(w, to, POLLOUT);
	return true;
}

static bool is_nonblocking(int fd)
{
	int flags = REAL(fcntl)(fd, F_GETFL);

	return flags < 0 || flags & O_NONBLOCK;
}

/* The kernel takes a non-blocking end for a wish not to block at all. */
static bool may_wait(int from, int to, unsigned flags)
{
	if (flags & SPLICE_F_NONBLOCK)
		return false;
	if (!mpg_readiness_is_green(from) && !mpg_readiness_is_green(to))
		return false;
	return !is_nonblocking(from) && !is_nonblocking(to);
}

/* One end at least is a pipe, which has no time limit. */
static void begin(struct mpg_wait *w, int from, int to)
{
	w->deadline = mpg_wait_socket_deadline(from, POLLIN);
	if (w->deadline == MPGREEN_FOREVER)
		w->deadline = mpg_wait_socket_deadline(to, POLLOUT);
}

GREEN(ssize_t, splice, int from, off64_t *in, int to, off64_t *out, size_t len, unsigned flags)
{
	struct mpg_wait w;
	ssize_t n;

	if (!len || !may_wait(from, to, flags) || !mpg_wait_begin_taking(&w, "splice"))
		return REAL(splice)(from, in, to, out, len, flags);
	begin(&w, from, to);
	do
		n = try_splice(from, in, to, out, len, flags);
	while (n < 0 && errno == EAGAIN && wait_for_either(&w, from, to));
	mpg_wait_end(&w);
	if (n >= 0)
		errno = w.saved_errno;

	return n;
}

INTERPOSE(ssize_t, splice, int from, off64_t *in, int to, off64_t *out, size_t len, unsigned flags)
{
	if (!mpg_thread_is_green())
		return REAL(splice)(from, in, to, out, len, flags);
	return green_splice(from, in, to, out, len, flags);
}

GREEN(ssize_t, tee, int from, int to, size_t len, unsigned flags)
{
	struct mpg_wait w;
	ssize_t n;

	if (!len || !may_wait(from, to, flags) || !mpg_wait_begin_taking(&w, "tee"))
		return REAL(tee)(from, to, len, flags);
	begin(&w, from, to);
	do
		n = REAL(tee)(from, to, len, flags | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EAGAIN && wait_for_either(&w, from, to));
	mpg_wait_end(&w);
	if (n >= 0)
		errno = w.saved_errno;

	return n;
}

INTERPOSE(ssize_t, tee, int from, int to, size_t len, unsigned flags)
{
	if (!mpg_thread_is_green())
		return REAL(tee)(from, to, len, flags);
	return green_tee(from, to, len, flags);
}

/* It waits for the first page; then it moves what goes at once, in either direction. */
static ssize_t vmsplice_once(struct mpg_wait *w, const struct iovec *iov, size_t n, unsigned flags)
{
	bool writes = (REAL(fcntl)(w->fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
	ssize_t r;

	w->events = writes ? POLLOUT : POLLIN;
	do
		r = REAL(vmsplice)(w->fd, iov, n, flags | SPLICE_F_NONBLOCK);
	while (mpg_wait_again(w, r));

	return r;
}

GREEN(ssize_t, vmsplice, int fd, const struct iovec *iov, size_t n, unsigned flags)
{
	struct mpg_wait w;

	if (flags & SPLICE_F_NONBLOCK || n > IOV_MAX
	    || !mpg_wait_begin(&w, fd, POLLOUT, "vmsplice"))
		return REAL(vmsplice)(fd, iov, n, flags);
	return vmsplice_once(&w, iov, n, flags);
}

INTERPOSE(ssize_t, vmsplice, int fd, const struct iovec *iov, size_t n, unsigned flags)
{
	if (!mpg_may_wait_on(fd))
		return REAL(vmsplice)(fd, iov, n, flags);
	return green_vmsplice(fd, iov, n, flags);
}

ALIAS(sendfile64, sendfile);
