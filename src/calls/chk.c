/* SPDX-License-Identifier: MIT */
/*
 * The fortified entries that _FORTIFY_SOURCE compiles calls into. One whose size is wrong is left
 * to libc, which aborts; else it is the plain call.
 */
#include "engine/thread.h"
#include "os/linux/interpose.h"

INTERPOSE(ssize_t, __read_chk, int fd, void *buf, size_t len, size_t size)
{
	return len > size ? REAL(__read_chk)(fd, buf, len, size) : read(fd, buf, len);
}

INTERPOSE(ssize_t, __recv_chk, int fd, void *buf, size_t len, size_t size, int flags)
{
	return len > size ? REAL(__recv_chk)(fd, buf, len, size, flags) : recv(fd, buf, len, flags);
}

INTERPOSE(ssize_t, __recvfrom_chk, int fd, void *buf, size_t len, size_t size, int flags,
	  struct sockaddr *addr, socklen_t *addr_len)
{
	if (len > size)
		return REAL(__recvfrom_chk)(fd, buf, len, size, flags, addr, addr_len);
	return recvfrom(fd, buf, len, flags, addr, addr_len);
}

INTERPOSE(int, __poll_chk, struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	return size / sizeof(*fds) < n ? REAL(__poll_chk)(fds, n, timeout, size)
				       : poll(fds, n, timeout);
}

INTERPOSE(int, __ppoll_chk, struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	  const sigset_t *mask, size_t size)
{
	return size / sizeof(*fds) < n ? REAL(__ppoll_chk)(fds, n, timeout, mask, size)
				       : ppoll(fds, n, timeout, mask);
}

/* Whether n * size is too large to be a size at all is libc's to say, too. */
static bool fits(size_t size, size_t n, size_t room)
{
	size_t len;

	return !__builtin_mul_overflow(size, n, &len) && len <= room;
}

INTERPOSE(size_t, __fread_chk, void *to, size_t room, size_t size, size_t n, FILE *file)
{
	return fits(size, n, room) ? fread(to, size, n, file)
				   : REAL(__fread_chk)(to, room, size, n, file);
}

INTERPOSE(size_t, __fread_unlocked_chk, void *to, size_t room, size_t size, size_t n, FILE *file)
{
	return fits(size, n, room) ? fread_unlocked(to, size, n, file)
				   : REAL(__fread_unlocked_chk)(to, room, size, n, file);
}
