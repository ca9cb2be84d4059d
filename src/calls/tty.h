/* SPDX-License-Identifier: MIT */
/* Reading from a terminal whose raw mode (VTIME, VMIN) says when the call ends. */
#ifndef MPG_TTY_H
#define MPG_TTY_H

#include "engine/wait.h"

#pragma GCC visibility push(hidden)

/* Is w's fd, a terminal, in such a mode? */
bool mpg_tty_is_timed(const struct mpg_wait *w);

ssize_t mpg_tty_timed_readv(struct mpg_wait *w, const struct iovec *iov, int n);

#pragma GCC visibility pop

#endif
