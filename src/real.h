/* SPDX-License-Identifier: MIT */
/*
 * The real functions behind the names that we intercept, bound by dlsym(RTLD_NEXT) as a whole: in
 * our constructor, or by the first call that comes before it.
 */
#ifndef MPG_REAL_H
#define MPG_REAL_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* Obsolete calls block as well as others. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

struct mpg_real {
#define CALL(name) __typeof__(name) *name;
#define ALIAS_OF(alias, name)
#include "calls.def"
#undef CALL
#undef ALIAS_OF
};

#pragma GCC diagnostic pop

extern struct mpg_real mpg_real;

void mpg_real_bind(void);

/* libc's function of any name; NULL if it has none. */
void *mpg_real_find(const char *name);

#pragma GCC visibility pop

#define REAL(name) \
	(*(__builtin_expect(mpg_real.name != NULL, 1) ? mpg_real.name \
						      : (mpg_real_bind(), mpg_real.name)))

#endif
