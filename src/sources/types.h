/* SPDX-License-Identifier: MIT */
/* The words for the types of C that a signature may use, and what libffi calls them. */
#ifndef MPG_TYPES_H
#define MPG_TYPES_H

#include "libc.h"

#pragma GCC visibility push(hidden)

enum mpg_class {
	MPG_CLASS_VOID,
	MPG_CLASS_SIGNED,
	MPG_CLASS_UNSIGNED,
	MPG_CLASS_FLOAT,
	MPG_CLASS_POINTER,
};

struct mpg_type {
	const char *name;
	unsigned bytes;
	enum mpg_class class;
};

/* NULL: no such word. */
const struct mpg_type *mpg_type_find(const char *word, size_t len);

static inline bool mpg_type_is_integer(const struct mpg_type *type)
{
	return type->class == MPG_CLASS_SIGNED || type->class == MPG_CLASS_UNSIGNED;
}

/* The integer that lies at `value`. */
int64_t mpg_type_integer(const struct mpg_type *type, const void *value);

#if HAVE_FFI
ffi_type *mpg_type_ffi(const struct mpg_type *type);
#endif

#pragma GCC visibility pop

#endif
