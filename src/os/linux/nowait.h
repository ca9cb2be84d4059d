/* SPDX-License-Identifier: MIT */
/*
 * The tries: one attempt at a call without blocking and without touching O_NONBLOCK, which belongs
 * to the open file description and so to other processes too. Each answers as its libc call, with
 * EAGAIN where that would block.
 */
#ifndef MPG_NOWAIT_H
#define MPG_NOWAIT_H

#include "registry/fds.h"

#pragma GCC visibility push(hidden)

ssize_t mpg_nowait_readv(struct mpg_fd *entry, int fd, const struct iovec *iov, int n, int flags);

/*
 * Writes as much as goes without blocking. `more` says that it continues a call that has written
 * before: a socket then raises no SIGPIPE, as the kernel raises none after progress.
 */
ssize_t mpg_nowait_writev(struct mpg_fd *entry, int fd, const struct iovec *iov, int n, int flags,
			  bool more);

/*
 * connect() knows no flag, so O_NONBLOCK is set for the time of the call. Nobody else can be using
 * a socket that is not connected yet for anything that this would disturb.
 */
int mpg_nowait_connect(int fd, const struct sockaddr *addr, socklen_t len);

/* Is fd ready for one of `events` now? */
bool mpg_nowait_ready(int fd, short events);

#pragma GCC visibility pop

#endif
