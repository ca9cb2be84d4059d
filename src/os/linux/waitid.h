/* SPDX-License-Identifier: MIT */
/*
 * What the kernel tells of children: one attempt that takes all there is to know of one, and the
 * descriptor that becomes readable when one ends. By system calls of their own, since libc's
 * waitid() keeps the resource usage to itself and older ones have no pidfd_open().
 */
#ifndef MPG_WAITID_H
#define MPG_WAITID_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* For whom a call waits, and for what, in the words of waitid(). */
struct mpg_wish {
	idtype_t type;
	id_t id;
	int options;
};

struct mpg_status {
	pid_t pid;
	pid_t group;	/* 0: nobody has asked */
	uid_t uid;
	int code;	/* CLD_EXITED, ... */
	int value;	/* the exit status or the signal */
	struct rusage usage;
};

/* Has the child ended, or did it stop or go on? */
static inline bool mpg_status_is_end(const struct mpg_status *s)
{
	return s->code == CLD_EXITED || s->code == CLD_KILLED || s->code == CLD_DUMPED;
}

/* The same in the words of wait(). */
int mpg_status_word(const struct mpg_status *s);

/* waitid() with `more` options. 1: found; 0: nothing yet, with WNOHANG; -1 with errno. */
int mpg_waitid(const struct mpg_wish *wish, int more, struct mpg_status *found);

/* -1 with errno, ENOSYS for instance. */
int mpg_pidfd_open(pid_t pid);

#pragma GCC visibility pop

#endif
