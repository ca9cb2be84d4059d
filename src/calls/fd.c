/* SPDX-License-Identifier: MIT */
/*
 * The life of a descriptor: close() and what closes along the way, and the copies. Waits on an fd
 * that is closed end with EBADF, and its number begins anew. The library's own fds stay open.
 */
#include "calls/lock.h"
#include "calls/popen.h"
#include "calls/stdio.h"
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "registry/private.h"

static int refuse(void)
{
	errno = EBADF;
	return -1;
}

GREEN(int, close, int fd)
{
	int r;

	if (mpg_private_is(fd))
		return refuse();
	mpg_wait_forget(fd);
	r = REAL(close)(fd);
	mpg_wait_closed();
	return r;
}

INTERPOSE(int, close, int fd)
{
	return mpg_fd_is_entered(fd) ? green_close(fd) : REAL(close)(fd);
}

/* libc closes behind our back, after it has flushed: the number must be forgotten by then. */
INTERPOSE(int, fclose, FILE *stream)
{
	int saved_errno, r, finished = 0;

	/* Calls that are under way on other threads and fibers come to their end. */
	if (mpg_fds_are_active())
		finished = mpg_stdio_finish(stream, "fclose");
	saved_errno = errno;
	if (mpg_popen_closes(stream, &r))
		return mpg_popen_result(r, finished, saved_errno);
	if (mpg_fds_are_active())
		mpg_wait_forget(fileno(stream));
	errno = saved_errno;	/* a stream in memory has no fd */
	r = REAL(fclose)(stream);
	mpg_wait_closed();
	if (finished < 0)
		errno = saved_errno;
	return finished < 0 ? finished : r;
}

INTERPOSE(int, closedir, DIR *directory)
{
	int r;

	if (mpg_fds_are_active() && directory)
		mpg_wait_forget(dirfd(directory));
	r = REAL(closedir)(directory);
	mpg_wait_closed();
	return r;
}

static bool is_open(int fd)
{
	return REAL(fcntl)(fd, F_GETFD) >= 0;
}

/* What `fd` becomes a copy of `from`: its old file is closed, if the call succeeds at all. */
static bool may_become(int fd, int from)
{
	if (!mpg_fds_are_active() || fd == from)
		return true;
	if (mpg_private_is(fd))
		return false;
	if (is_open(from))
		mpg_wait_forget(fd);
	return true;
}

static int became(int r)
{
	mpg_wait_closed();
	return r;
}

INTERPOSE(int, dup, int fd)
{
	return mpg_wait_born(REAL(dup)(fd));
}

INTERPOSE(int, dup2, int from, int fd)
{
	return may_become(fd, from) ? became(REAL(dup2)(from, fd)) : refuse();
}

INTERPOSE(int, dup3, int from, int fd, int flags)
{
	return may_become(fd, from) ? became(REAL(dup3)(from, fd, flags)) : refuse();
}

/* The third argument is a number or a pointer: both pass as a long, on every ABI of Linux. */
INTERPOSE(int, fcntl, int fd, int command, ...)
{
	va_list arguments;
	void *argument;
	int r;

	va_start(arguments, command);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (mpg_lock_may_wait(command))
		return mpg_lock_record(fd, command, argument);
	r = REAL(fcntl)(fd, command, argument);
	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
		mpg_wait_born(r);
	return r;
}

/* Two calls that put another file behind the standard fds with libc's own dup2(). */
static int forget_stdio(int r)
{
	if (r == 0)
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			mpg_wait_forget(fd);
	return r;
}

INTERPOSE(int, login_tty, int fd)
{
	return forget_stdio(REAL(login_tty)(fd));
}

INTERPOSE(int, daemon, int keep_directory, int keep_stdio)
{
	int r = REAL(daemon)(keep_directory, keep_stdio);

	return keep_stdio ? r : forget_stdio(r);
}

#if HAVE_DECL_CLOSE_RANGE || HAVE_DECL_CLOSEFROM
/* Calls `range` on what lies between the library's own fds. */
static int spare_ours(unsigned first, unsigned last, unsigned flags,
		      int (*range)(unsigned, unsigned, int))
{
	unsigned highest = (unsigned)mpg_fds_highest();

	for (unsigned fd = first; fd <= last && fd <= highest; fd++) {
		if (!mpg_private_is((int)fd)) {
			mpg_wait_forget((int)fd);
			continue;
		}
		if (fd > first && range(first, fd - 1, (int)flags) < 0)
			return -1;
		first = fd + 1;
	}
	if (first <= last && range(first, last, (int)flags) < 0)
		return -1;
	mpg_wait_closed();
	return 0;
}
#endif

#if HAVE_DECL_CLOSE_RANGE
INTERPOSE(int, close_range, unsigned first, unsigned last, int flags)
{
	if (!mpg_fds_are_active() || mpg_fds_highest() < 0 || first > last
	    || flags & CLOSE_RANGE_CLOEXEC)
		return REAL(close_range)(first, last, flags);
	return spare_ours(first, last, (unsigned)flags, mpg_real.close_range);
}
#endif

#if HAVE_DECL_CLOSEFROM
static int close_all(unsigned first, unsigned last, int flags)
{
	(void)flags;
	for (unsigned fd = first; last != UINT_MAX && fd <= last; fd++)
		REAL(close)((int)fd);
	if (last == UINT_MAX)
		REAL(closefrom)((int)first);
	return 0;
}

INTERPOSE(void, closefrom, int first)
{
	if (!mpg_fds_are_active() || mpg_fds_highest() < 0)
		REAL(closefrom)(first);
	else
		spare_ours(first < 0 ? 0 : (unsigned)first, UINT_MAX, 0, close_all);
}
#endif

ALIAS(_IO_fclose, fclose);
ALIAS(__close, close);
ALIAS(__dup2, dup2);
ALIAS(__fcntl, fcntl);
ALIAS(fcntl64, fcntl);
