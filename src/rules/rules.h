/* SPDX-License-Identifier: MIT */
/*
 * The file MPGREEN_RULES: functions of other libraries that run on a worker when a green thread
 * calls them, a line for each, such as "libcrypt.so.1: ptr crypt(str, str)". It is read once, and
 * says which rules there are. What comes of one in a loaded library: rules/bindings.h.
 */
#ifndef MPG_RULES_H
#define MPG_RULES_H

#include "rules/find.h"
#include "sources/signature.h"

#pragma GCC visibility push(hidden)

#define MPG_RULES 256

struct mpg_rule {
	char *library;				/* its soname, or a pattern of sonames */
	const struct mpg_signature *signature;	/* with the function's name */
	struct mpg_binding *_Atomic bindings;
	struct mpg_found everyones;		/* by the function's name */
};

extern struct mpg_rule mpg_rules[MPG_RULES];
extern size_t mpg_rules_n;

/* Says what is wrong with the file, and then there are no rules. */
void mpg_rules_read(const char *path);

#pragma GCC visibility pop

#endif
