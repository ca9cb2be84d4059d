/* SPDX-License-Identifier: MIT */
/*
 * What a rule becomes in a loaded library: a function of our own making, by libffi, that calls the
 * real one, on a worker where the thread is green. They are found again by the real function's
 * address, and never go away; nor does the library, from then on.
 */
#ifndef MPG_BINDINGS_H
#define MPG_BINDINGS_H

#include "os/linux/imports.h"
#include "rules/rules.h"

#pragma GCC visibility push(hidden)

/* Looks for the functions of all rules in all loaded libraries. */
void mpg_bindings_find(void);

/* What an import is to lead to instead; NULL if no rule is about it. */
void *mpg_bindings_choose(const struct mpg_import *import);

/* Is there a rule for this name? */
bool mpg_bindings_know(const char *name);

/* The same for what dlsym() has found by that name. */
void *mpg_bindings_instead_of(const char *name, void *function);

#pragma GCC visibility pop

#endif
