/* SPDX-License-Identifier: MIT */
/*
 * What a name leads to: in everybody's reach, or in one object. None of these may be called by a
 * visitor of imports.
 *
 * A program at fixed addresses (-no-pie) that takes the address of somebody else's function has a
 * place of its own for it, from where it goes on to the function. That place is everybody's address
 * of the function, dlsym() finds it, too; but calls of others lead to the function itself.
 */
#ifndef MPG_FIND_H
#define MPG_FIND_H

#include "libc.h"

#pragma GCC visibility push(hidden)

struct mpg_found {
	void *function;		/* what most objects' calls lead to; NULL if only some find it */
	void *address;		/* the program's own place for it; NULL if it has none */
};

struct mpg_found mpg_find_everyones(const char *name);

/* What the object that holds the address defines by that name, not what it imports. */
void *mpg_find_defined(void *handle, const char *name, const void *in_object);

/* Would a slot that holds value, or nothing yet, lead to the function? */
static inline bool mpg_found_decides(const struct mpg_found *found, bool lazy, const void *value)
{
	return lazy || (found->address && value == found->address);
}

#pragma GCC visibility pop

#endif
