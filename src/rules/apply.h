/* SPDX-License-Identifier: MIT */
/*
 * Applies the rules and the policy on libraries to what is loaded: at start-up, and to what is
 * loaded later by dlopen(). Without rules and such a policy nothing here ever runs.
 */
#ifndef MPG_APPLY_H
#define MPG_APPLY_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* Whatever there is of rules and of such a policy by now. */
void mpg_apply_start(void);

/* What has been loaded since the last time. */
void mpg_apply_to_new(void);

#pragma GCC visibility pop

#endif
