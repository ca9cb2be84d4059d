/* SPDX-License-Identifier: MIT */
#include "os/linux/nowait.h"
#include "os/linux/proc.h"
#include "real.h"

/*
 * What surely goes into a file that poll() calls writable: a pipe has a free page, a terminal at
 * least 256 bytes, into which 32 characters fit even if each is a tab that becomes eight blanks.
 */
#define TTY_BYTES 32

static bool has(const struct mpg_fd *entry, uint32_t bit)
{
	return mpg_fd_state(entry) & bit;
}

/* Reading and writing apart: an eventfd can be asked for the one and not for the other. */
static void remember_refusal(struct mpg_fd *entry, uint32_t bit)
{
	atomic_fetch_or_explicit(&entry->state, bit, memory_order_relaxed);
}

static bool is_green(const struct mpg_fd *entry)
{
	return mpg_fd_state(entry) & MPG_FD_GREEN;
}

bool mpg_nowait_ready(int fd, short events)
{
	struct pollfd fds = { .fd = fd, .events = events };

	return REAL(poll)(&fds, 1, 0) != 0;
}

static int would_block(void)
{
	errno = EAGAIN;
	return -1;
}

/*
 * An eventfd polls writable while there is room for 1. A larger number may still have to wait; how
 * far the count has come is in /proc.
 */
static bool eventfd_has_room(int fd, const struct iovec *iov)
{
	unsigned long long number;
	char path[64];

	if (iov->iov_len < sizeof(number))
		return true;
	memcpy(&number, iov->iov_base, sizeof(number));
	if (number <= 1 || number == ULLONG_MAX)
		return true;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return number < ULLONG_MAX - mpg_proc_number(path, "eventfd-count:", 16, 0);
}

static size_t total(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

/* Nothing to move, or a count that the kernel refuses: neither waits. */
static bool is_for_kernel(const struct iovec *iov, int n)
{
	return n <= 0 || n > IOV_MAX || !total(iov, n);
}

/* With VMIN 0 and VTIME 0 a terminal's read() returns 0 at once, though poll() says not ready. */
static bool never_blocks(const struct mpg_fd *entry, int fd)
{
	struct termios t;

	return mpg_fd_state(entry) & MPG_FD_TTY && tcgetattr(fd, &t) == 0 && !(t.c_lflag & ICANON)
		&& !t.c_cc[VMIN] && !t.c_cc[VTIME];
}

/*
 * For a socket recv() and send() are read() and write() with a flag, and cost a third less than
 * preadv2(). Not a socket after all, or a length that only read() refuses: the other way.
 */
static bool is_for_recv(const struct mpg_fd *entry, const struct iovec *iov, int n, int flags)
{
	return n == 1 && !flags && mpg_fd_state(entry) & MPG_FD_SOCKET && iov->iov_len
		&& iov->iov_len <= SSIZE_MAX;
}

static bool is_answer(ssize_t r)
{
	return r >= 0 || errno != ENOTSOCK;
}

ssize_t mpg_nowait_readv(struct mpg_fd *entry, int fd, const struct iovec *iov, int n, int flags)
{
	ssize_t r;

	if (!is_green(entry))
		return flags ? REAL(preadv2)(fd, iov, n, -1, flags) : REAL(readv)(fd, iov, n);
	if (is_for_recv(entry, iov, n, flags)) {
		r = REAL(recv)(fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT);
		if (is_answer(r))
			return r;
	}
	/* The kernel sees a vector first: it refuses a bad one before it says no to the flag. */
	if (n != 1 || !has(entry, MPG_FD_NO_NOWAIT_READ)) {
		r = REAL(preadv2)(fd, iov, n, -1, flags | RWF_NOWAIT);
		if (r >= 0 || errno != EOPNOTSUPP)
			return r;
		remember_refusal(entry, MPG_FD_NO_NOWAIT_READ);
	}
	if (!mpg_nowait_ready(fd, POLLIN) && !is_for_kernel(iov, n) && !never_blocks(entry, fd))
		return would_block();
	return flags ? REAL(preadv2)(fd, iov, n, -1, flags) : REAL(readv)(fd, iov, n);
}

/* The first `max` bytes of iov, in one piece each: enough to make progress. */
static ssize_t write_bounded(int fd, const struct iovec *iov, size_t max)
{
	size_t len = iov->iov_len < max ? iov->iov_len : max;

	return REAL(write)(fd, iov->iov_base, len);
}

static ssize_t write_ready(struct mpg_fd *entry, int fd, const struct iovec *iov, int n)
{
	size_t max = mpg_fd_state(entry) & MPG_FD_TTY ? TTY_BYTES : PIPE_BUF;
	size_t done = 0, within = 0;
	ssize_t r = 0;

	for (int i = 0; i < n;) {
		struct iovec rest = { (char *)iov[i].iov_base + within, iov[i].iov_len - within };

		if (!rest.iov_len) {
			i++;
			within = 0;
			continue;
		}
		r = mpg_nowait_ready(fd, POLLOUT) ? write_bounded(fd, &rest, max) : would_block();
		if (r < 0)
			break;
		done += (size_t)r;
		within += (size_t)r;
	}
	return done ? (ssize_t)done : r;
}

/* What must arrive as one piece: an eventfd's number, an atomic write to a FIFO. */
static ssize_t write_whole(int fd, const struct iovec *iov, int n)
{
	return mpg_nowait_ready(fd, POLLOUT) ? REAL(writev)(fd, iov, n) : would_block();
}

static ssize_t write_to_socket(int fd, const struct iovec *iov, int n)
{
	const struct msghdr message = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };

	return REAL(sendmsg)(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t mpg_nowait_writev(struct mpg_fd *entry, int fd, const struct iovec *iov, int n, int flags,
			  bool more)
{
	uint32_t state = mpg_fd_state(entry);
	ssize_t r;

	if (!is_green(entry))
		return flags ? REAL(pwritev2)(fd, iov, n, -1, flags) : REAL(writev)(fd, iov, n);
	if (state & MPG_FD_SOCKET && more)
		return write_to_socket(fd, iov, n);
	if (is_for_recv(entry, iov, n, flags) && !(state & MPG_FD_RECORDS)) {
		r = REAL(send)(fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT);
		if (is_answer(r))
			return r;
	}
	if (n != 1 || !has(entry, MPG_FD_NO_NOWAIT_WRITE)) {
		r = REAL(pwritev2)(fd, iov, n, -1, flags | RWF_NOWAIT);
		if (r >= 0 || errno != EOPNOTSUPP)
			return r;
		remember_refusal(entry, MPG_FD_NO_NOWAIT_WRITE);
	}
	if (is_for_kernel(iov, n))
		return REAL(writev)(fd, iov, n);
	if (state & MPG_FD_ANON)
		return eventfd_has_room(fd, iov) ? write_whole(fd, iov, n) : would_block();
	if (state & MPG_FD_FIFO && total(iov, n) <= PIPE_BUF)
		return write_whole(fd, iov, n);
	return write_ready(entry, fd, iov, n);
}

/* A datagram's connect() never waits, and such sockets are shared while they are connected anew. */
static bool connect_may_wait(int fd)
{
	socklen_t len = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0
		&& (type == SOCK_STREAM || type == SOCK_SEQPACKET);
}

int mpg_nowait_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int flags = REAL(fcntl)(fd, F_GETFL);
	int r, error, cancelling;

	if (flags < 0 || flags & O_NONBLOCK || !connect_may_wait(fd))
		return REAL(connect)(fd, addr, len);
	/* Cancelled in between the thread would leave the flag behind. */
	pthread_testcancel();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
	REAL(fcntl)(fd, F_SETFL, flags | O_NONBLOCK);
	r = REAL(connect)(fd, addr, len);
	error = errno;
	REAL(fcntl)(fd, F_SETFL, flags);
	pthread_setcancelstate(cancelling, NULL);
	errno = error;
	return r;
}
