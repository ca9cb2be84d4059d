/* SPDX-License-Identifier: MIT */
/* Numbers that the kernel tells in files under /proc only. */
#ifndef MPG_PROC_H
#define MPG_PROC_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* The number behind `name` at the beginning of a line of the file; `otherwise` if there is none. */
unsigned long long mpg_proc_number(const char *path, const char *name, int base,
				   unsigned long long otherwise);

#pragma GCC visibility pop

#endif
