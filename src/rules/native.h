/* SPDX-License-Identifier: MIT */
/* Objects that call libc as if the library were not there: their imports lead past it. */
#ifndef MPG_NATIVE_H
#define MPG_NATIVE_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* See mpgreen_bind_native(). */
int mpg_native_bind(const void *in_object, const char *name);

#pragma GCC visibility pop

#endif
