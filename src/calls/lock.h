/* SPDX-License-Identifier: MIT */
/* Record locks, which are commands of fcntl(): see fd.c. */
#ifndef MPG_LOCK_H
#define MPG_LOCK_H

#include "engine/thread.h"

#pragma GCC visibility push(hidden)

/* With 64 bits F_SETLKW64 is the same number. */
static inline bool mpg_lock_may_wait(int command)
{
	return (command == F_SETLKW || command == F_OFD_SETLKW) && mpg_thread_is_green();
}

int mpg_lock_record(int fd, int command, struct flock *lock);

#pragma GCC visibility pop

#endif
