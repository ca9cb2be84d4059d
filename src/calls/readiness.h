/* SPDX-License-Identifier: MIT */
/*
 * What poll(), select() and epoll_wait() share: try with no time limit, wait until something has
 * happened to one of the fds (or a signal that the call lets through has come), try again; one last
 * try when the time is over.
 *
 *	do
 *		n = REAL(poll)(fds, count, 0);
 *	while (mpg_readiness_again(&r, n));
 *	return mpg_readiness_result(&r, n);
 */
#ifndef MPG_READINESS_H
#define MPG_READINESS_H

#include "engine/wait.h"

#pragma GCC visibility push(hidden)

struct mpg_readiness {
	struct mpg_wait w;
	struct mpg_fdset set;
	int fd;				/* what to wait for when there is one fd only; else -1 */
	short events;
	int error;			/* why the call ends; 0 */
	bool over;			/* the deadline has passed */
	bool listening;			/* for signal handlers */
};

/* Declares r: dropped at the end of its block, and when the thread is cancelled in a wait. */
#define MPG_READINESS(r) \
	__attribute__((cleanup(mpg_readiness_drop))) struct mpg_readiness r = { \
		.w.edge = MPG_FDSET_NONE, .set = MPG_FDSET_NONE \
	}

/*
 * Begins a call that waits for at most `ns` (-1: no limit). Its fds are added one by one; of
 * several, or together with a signal mask, it makes a set. False from any of them: block for real.
 */
bool mpg_readiness_begin(struct mpg_readiness *r, int64_t ns, const char *call);
bool mpg_readiness_one(struct mpg_readiness *r, int fd, short events);
bool mpg_readiness_add(struct mpg_readiness *r, int fd, short events);
bool mpg_readiness_mask(struct mpg_readiness *r, const sigset_t *mask);

/* Lets go of everything. Keeps errno. */
void mpg_readiness_drop(struct mpg_readiness *r);

bool mpg_readiness_again(struct mpg_readiness *r, int n);
int mpg_readiness_result(struct mpg_readiness *r, int n);

/*
 * Does a green thread that waits for fd do so through its scheduler? Any file that can be waited
 * for counts, also one whose reads are left alone (a device, a file in /proc), but none that is
 * unmarked.
 */
bool mpg_readiness_is_green(int fd);

#pragma GCC visibility pop

#endif
