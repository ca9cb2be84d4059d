/* SPDX-License-Identifier: MIT */
/*
 * Which process owns this memory. A vfork child shares the memory of its parent, and a child made
 * by a bare clone() has run no fork handler: in both, the state of the library is not theirs.
 */
#ifndef MPG_PROCESS_H
#define MPG_PROCESS_H

#include "libc.h"

#pragma GCC visibility push(hidden)

extern pid_t mpg_process_owner;
extern unsigned mpg_process_forks;	/* how often fork() has led to this process */

/* Called by the constructor and in a fork child. */
void mpg_process_adopt(void);

static inline bool mpg_process_is_foreign(void)
{
	return getpid() != mpg_process_owner;
}

#pragma GCC visibility pop

#endif
