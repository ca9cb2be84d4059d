/* SPDX-License-Identifier: MIT */
/*
 * Many fds, and signals that become pending, made into one fd to wait for: a private epoll fd.
 *
 * Edge-triggered: it becomes readable when something has happened, not while something is so. The
 * user tries first, waits, settles, tries again; what is ready and yet not what the call asks for
 * (POLLHUP where only POLLPRI counts, an error queue nobody reads) does not spin.
 */
#ifndef MPG_FDSET_H
#define MPG_FDSET_H

#include "libc.h"

#pragma GCC visibility push(hidden)

struct mpg_fdset {
	int fd;		/* wait for POLLIN on it */
	int signals;	/* a signalfd, or -1 */
};

#define MPG_FDSET_NONE { -1, -1 }

static inline bool mpg_fdset_is_open(const struct mpg_fdset *set)
{
	return set->fd >= 0;
}

bool mpg_fdset_open(struct mpg_fdset *set);
void mpg_fdset_close(struct mpg_fdset *set);

/* False when the kernel has no room. What cannot be waited for (a regular file) is left out. */
bool mpg_fdset_add(struct mpg_fdset *set, int fd, short events);

/* Adds the signals that are blocked now and would be let through under `mask`. */
bool mpg_fdset_add_signals(struct mpg_fdset *set, const sigset_t *mask);

/* Adds that one of `signals` is pending. */
bool mpg_fdset_add_pending(struct mpg_fdset *set, const sigset_t *signals);

/*
 * Makes all sets look up: a member of one of them is closing, or waits on it are to end. One
 * eventfd that is a member of every set does it.
 */
void mpg_fdset_alarm(void);

/* In a fork child: the parent's alarm is not ours. */
void mpg_fdset_forked(void);

/* Forgets what has happened so far: call it between a wait and the next try. */
void mpg_fdset_settle(const struct mpg_fdset *set);

#pragma GCC visibility pop

#endif
