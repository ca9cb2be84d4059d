/* SPDX-License-Identifier: MIT */
/*
 * Objects that call libc as if the library were not there: one name in one object, for a binding;
 * or all calls that wait, in the objects that MPGREEN_SKIP or MPGREEN_ONLY tell by their names.
 */
#ifndef MPG_NATIVE_H
#define MPG_NATIVE_H

#include "os/linux/imports.h"

#pragma GCC visibility push(hidden)

/* See mpgreen_bind_native(). */
int mpg_native_bind(const void *in_object, const char *name);

/*
 * An allocator that is no part of libc or the program locks as ever: who is switched away from in
 * the middle of it keeps its locks, and whatever runs then allocates.
 */
void mpg_native_spare_allocator(void);

/* Is there such a policy at all? */
bool mpg_native_prepare(void);

/* Is it about this object? */
bool mpg_native_covers(const struct mpg_object *object);

/* What an import of it, or of another, is to lead to; NULL if it is no call of ours that waits. */
void *mpg_native_choose(const struct mpg_import *import, bool is_covered);

#pragma GCC visibility pop

#endif
