/* SPDX-License-Identifier: MIT */
/* MSG_WAITALL: a stream socket's receive that waits until the whole buffer is full. */
#ifndef MPG_WAITALL_H
#define MPG_WAITALL_H

#include "engine/wait.h"

#pragma GCC visibility push(hidden)

ssize_t mpg_waitall_recv(struct mpg_wait *w, void *buf, size_t len, int flags);
ssize_t mpg_waitall_recvfrom(struct mpg_wait *w, void *buf, size_t len, int flags,
			     struct sockaddr *addr, socklen_t *addr_len);
ssize_t mpg_waitall_recvmsg(struct mpg_wait *w, struct msghdr *message, int flags);

#pragma GCC visibility pop

#endif
