/* SPDX-License-Identifier: MIT */
/*
 * Byte I/O on streams: read() and write() and their vectors. A blocking write() writes all of what
 * it is given; a read() returns what is there.
 */
#include "calls/stream.h"
#include "calls/iovec.h"
#include "calls/tty.h"
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "os/linux/nowait.h"
#include "settings.h"

/*
 * CPython's buffered streams remember their owner by thread: a second fiber that prints while the
 * first is parked in the write would get an error. So standard output and error stay native.
 */
bool mpg_stream_is_native(int fd)
{
	return (fd == STDOUT_FILENO || fd == STDERR_FILENO)
		&& mpg_settings.stdio == MPG_STDIO_NATIVE;
}

static ssize_t read_all_there_is(struct mpg_wait *w, const struct iovec *iov, int n, int flags)
{
	ssize_t r;

	if (__builtin_expect(mpg_fd_state(w->entry) & MPG_FD_TTY, 0) && mpg_tty_is_timed(w))
		return mpg_tty_timed_readv(w, iov, n);
	do
		r = mpg_nowait_readv(w->entry, w->fd, iov, n, flags);
	while (mpg_wait_again(w, r));

	return r;
}

/* Only a try that has moved bytes or found no room shows that the kernel has accepted the iovec. */
static bool write_more(struct mpg_wait *w, struct mpg_iovec *rest, ssize_t r)
{
	size_t len = r >= 0 || errno == EAGAIN ? mpg_iovec_total(rest) : 0;

	return mpg_wait_more(w, r, len) && mpg_iovec_advance(rest, r);
}

static ssize_t write_all(struct mpg_wait *w, const struct iovec *iov, int n, int flags)
{
	MPG_IOVEC(rest, iov, n);
	ssize_t r;

	do
		r = mpg_nowait_writev(w->entry, w->fd, rest.iov, rest.n, flags, w->done > 0);
	while (write_more(w, &rest, r));

	return mpg_wait_total(w, r);
}

ssize_t mpg_stream_read(int fd, void *buf, size_t len, const char *call)
{
	const struct iovec iov = { buf, len };
	struct mpg_wait w;

	if (!len || !mpg_wait_begin(&w, fd, POLLIN, call))
		return REAL(read)(fd, buf, len);
	return read_all_there_is(&w, &iov, 1, 0);
}

INTERPOSE(ssize_t, read, int fd, void *buf, size_t len)
{
	if (!mpg_may_wait_on(fd))
		return REAL(read)(fd, buf, len);
	return mpg_stream_read(fd, buf, len, "read");
}

GREEN(ssize_t, readv, int fd, const struct iovec *iov, int n)
{
	struct mpg_wait w;

	if (!mpg_wait_begin(&w, fd, POLLIN, "readv"))
		return REAL(readv)(fd, iov, n);
	return read_all_there_is(&w, iov, n, 0);
}

INTERPOSE(ssize_t, readv, int fd, const struct iovec *iov, int n)
{
	return mpg_may_wait_on(fd) ? green_readv(fd, iov, n) : REAL(readv)(fd, iov, n);
}

/* What a stream accepts and ignores. With other flags (RWF_NOWAIT, unknown ones) it never waits. */
#define STREAM_FLAGS (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)

/* At an offset it is for files, which never wait. */
static bool is_for_streams(off_t offset, int flags)
{
	return offset == -1 && !(flags & ~STREAM_FLAGS);
}

GREEN(ssize_t, preadv2, int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	struct mpg_wait w;

	if (!is_for_streams(offset, flags) || !mpg_wait_begin(&w, fd, POLLIN, "preadv2"))
		return REAL(preadv2)(fd, iov, n, offset, flags);
	return read_all_there_is(&w, iov, n, flags);
}

INTERPOSE(ssize_t, preadv2, int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	if (!mpg_may_wait_on(fd))
		return REAL(preadv2)(fd, iov, n, offset, flags);
	return green_preadv2(fd, iov, n, offset, flags);
}

ssize_t mpg_stream_write(int fd, const void *buf, size_t len, const char *call)
{
	const struct iovec iov = { (void *)buf, len };
	struct mpg_wait w;

	if (!len || mpg_stream_is_native(fd) || !mpg_wait_begin(&w, fd, POLLOUT, call))
		return REAL(write)(fd, buf, len);
	return write_all(&w, &iov, 1, 0);
}

INTERPOSE(ssize_t, write, int fd, const void *buf, size_t len)
{
	if (!mpg_may_wait_on(fd))
		return REAL(write)(fd, buf, len);
	return mpg_stream_write(fd, buf, len, "write");
}

GREEN(ssize_t, writev, int fd, const struct iovec *iov, int n)
{
	struct mpg_wait w;

	if (mpg_stream_is_native(fd) || !mpg_wait_begin(&w, fd, POLLOUT, "writev"))
		return REAL(writev)(fd, iov, n);
	return write_all(&w, iov, n, 0);
}

INTERPOSE(ssize_t, writev, int fd, const struct iovec *iov, int n)
{
	return mpg_may_wait_on(fd) ? green_writev(fd, iov, n) : REAL(writev)(fd, iov, n);
}

GREEN(ssize_t, pwritev2, int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	struct mpg_wait w;

	if (!is_for_streams(offset, flags) || mpg_stream_is_native(fd)
	    || !mpg_wait_begin(&w, fd, POLLOUT, "pwritev2"))
		return REAL(pwritev2)(fd, iov, n, offset, flags);
	return write_all(&w, iov, n, flags);
}

INTERPOSE(ssize_t, pwritev2, int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	if (!mpg_may_wait_on(fd))
		return REAL(pwritev2)(fd, iov, n, offset, flags);
	return green_pwritev2(fd, iov, n, offset, flags);
}

/* libc's own read the eight bytes behind our back. */
INTERPOSE(int, eventfd_read, int fd, eventfd_t *value)
{
	return read(fd, value, sizeof(*value)) == sizeof(*value) ? 0 : -1;
}

INTERPOSE(int, eventfd_write, int fd, eventfd_t value)
{
	return write(fd, &value, sizeof(value)) == sizeof(value) ? 0 : -1;
}

ALIAS(__read, read);
ALIAS(__write, write);
ALIAS(preadv64v2, preadv2);
ALIAS(pwritev64v2, pwritev2);
