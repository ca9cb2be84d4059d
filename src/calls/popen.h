/* SPDX-License-Identifier: MIT */
/*
 * The streams that popen() has opened on green threads. The lock guards their list and is taken to
 * open and close one.
 */
#ifndef MPG_POPEN_H
#define MPG_POPEN_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* Closes a stream if it is one of these: what pclose() and fclose() return. */
bool mpg_popen_closes(FILE *stream, int *status);

/* fork(): the lock is held across it. */
void mpg_popen_before_fork(void);
void mpg_popen_after_fork(void);

/* What the call that closes it returns: `finished` and `error` are of mpg_stdio_finish(). */
int mpg_popen_result(int status, int finished, int error);

#pragma GCC visibility pop

#endif
