/* SPDX-License-Identifier: MIT */
/*
 * Opening a FIFO waits until somebody opens its other end. A worker does it, for the kernel tells
 * of that in no other way: to open it with O_NONBLOCK first would be seen by whoever waits there.
 */
#ifndef MPG_OPEN_H
#define MPG_OPEN_H

#include "engine/thread.h"

#pragma GCC visibility push(hidden)

bool mpg_open_is_of_fifo(int directory, const char *path, int flags);

/*
 * Must the call that opens path be one of a worker? One fstatat() decides, on green threads and
 * where such flags wait for the other end at all.
 */
static inline bool mpg_open_may_wait(int directory, const char *path, int flags)
{
	const int exclusive = O_CREAT | O_EXCL;

	if (!mpg_thread_is_green() || (flags & O_ACCMODE) > O_WRONLY
	    || flags & (O_NONBLOCK | O_PATH | O_DIRECTORY) || (flags & exclusive) == exclusive)
		return false;
	return mpg_open_is_of_fifo(directory, path, flags);
}

/* Opens such a FIFO. */
int mpg_open_fifo(int directory, const char *path, int flags, mode_t mode, const char *call);

#pragma GCC visibility pop

#endif
