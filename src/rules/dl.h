/* SPDX-License-Identifier: MIT */
/*
 * dlopen() and dlsym() as all objects call them once there are rules or a policy on libraries: what
 * is loaded is ruled as well, and what is looked up. They are not exported: only import slots lead
 * here.
 *
 * These functions find out who calls them by the address they return to: an object's DT_RUNPATH
 * counts, and RTLD_NEXT means the next one after it. So they are jumped to wherever that matters.
 */
#ifndef MPG_DL_H
#define MPG_DL_H

#include "os/linux/imports.h"

#pragma GCC visibility push(hidden)

/* Before the first import is shown. */
void mpg_dl_find(void);

/* What an import of one of them is to lead to; NULL for others. */
void *mpg_dl_choose(const struct mpg_import *import);

/* Notes what matters for the calls of an object: shown to it before its imports. */
void mpg_dl_has_seen(const struct mpg_object *object);

#pragma GCC visibility pop

#endif
