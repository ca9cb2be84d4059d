/* SPDX-License-Identifier: MIT */
/* The loaded object that an address lies in, and how to keep it loaded. */
#ifndef MPG_LOADED_H
#define MPG_LOADED_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* NULL: the address lies in none. */
struct link_map *mpg_loaded_at(const void *address);

/* As by dlopen(): until dlclose() it stays. NULL if it lies in none. */
void *mpg_loaded_open(const void *address);

#pragma GCC visibility pop

#endif
