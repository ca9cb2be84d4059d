/* SPDX-License-Identifier: MIT */
/* What the look-ups of names have in common. */
#ifndef MPG_NAMES_H
#define MPG_NAMES_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* Is it an address in digits, which libc answers by itself? */
bool mpg_names_is_address(const char *name);

/* May a look-up of this thread go to a worker? */
bool mpg_names_may_wait(void);

#pragma GCC visibility pop

#endif
