/* SPDX-License-Identifier: MIT */
/* Reading from a terminal in whose raw mode a timer (VTIME) ends the call. */
#ifndef MPG_TTY_H
#define MPG_TTY_H

#include "engine/wait.h"

#pragma GCC visibility push(hidden)

/* Does a read() of w's fd, a terminal, end by such a timer? */
bool mpg_tty_is_timed(const struct mpg_wait *w);

ssize_t mpg_tty_timed_readv(struct mpg_wait *w, const struct iovec *iov, int n);

#pragma GCC visibility pop

#endif
