/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that belong to the library. They have high numbers, out of the way of programs that
 * count on getting the lowest one, close on exec, and the application cannot close them.
 */
#ifndef MPG_PRIVATE_H
#define MPG_PRIVATE_H

#include "registry/fds.h"

#pragma GCC visibility push(hidden)

/*
 * Makes the kernel's table of fds large enough for our numbers: once, and best before there are
 * threads, for then the kernel must wait until all of them have seen the larger table.
 */
void mpg_private_reserve(void);

/* Takes a new fd over. Returns its new number; -1 (with errno) if fd was -1 or cannot be moved. */
int mpg_private_adopt(int fd);
void mpg_private_close(int fd);

/* fd is waited for no more: the calling thread's schedulers, which watched it, hear of it. */
void mpg_private_unwatch(int fd);

/* How they hear. Only the thread that made a private fd ever waits for it. Set by the engine. */
extern void (*mpg_private_closing)(int fd);

static inline bool mpg_private_is(int fd)
{
	const struct mpg_fd *entry = mpg_fd_lookup(fd);

	return entry && mpg_fd_state(entry) & MPG_FD_PRIVATE;
}

#pragma GCC visibility pop

#endif
