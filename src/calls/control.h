/* SPDX-License-Identifier: MIT */
/* Descriptors that arrive in a message are born: what was known of their numbers is stale. */
#ifndef MPG_CONTROL_H
#define MPG_CONTROL_H

#include "libc.h"

#pragma GCC visibility push(hidden)

void mpg_control_arrived(struct msghdr *message);

/* The same for the first n of recvmmsg(). Passes n through. */
int mpg_control_arrived_in(struct mmsghdr *messages, int n);

#pragma GCC visibility pop

#endif
