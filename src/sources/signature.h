/* SPDX-License-Identifier: MIT */
/*
 * What a C function takes and returns, told by a line of text: "ptr crypt(str, str)". The language
 * is described in docs/offload.md. A signature is parsed once, shared by those who refer to it, and
 * never changes.
 */
#ifndef MPG_SIGNATURE_H
#define MPG_SIGNATURE_H

#include "sources/types.h"

#pragma GCC visibility push(hidden)

#define MPG_PARAMETERS 32
#define MPG_FACTORS 2

/* What becomes of the memory that an argument points to, when the function runs on a worker. */
enum mpg_memory {
	MPG_MEMORY_AS_IS,	/* or the argument is no pointer */
	MPG_MEMORY_STRING,	/* copied up to its NUL */
	MPG_MEMORY_IN,		/* copied before, */
	MPG_MEMORY_OUT,		/* or after, */
	MPG_MEMORY_INOUT,	/* or both */
};

struct mpg_parameter {
	const struct mpg_type *type;
	enum mpg_memory memory;
	size_t bytes;			/* the size of a buffer is this, times the values of */
	int factors[MPG_FACTORS];	/* these parameters; -1: none */
};

struct mpg_signature {
	_Atomic int references;
	char name[64];
	const struct mpg_type *result;
	bool serial;			/* one call at a time, until its caller goes on */
	bool unbounded;			/* waits for somebody else: must not stand in line */
	long long failure;		/* what an integer function returns when its wait fails */
	unsigned n;
	struct mpg_parameter parameters[MPG_PARAMETERS];
#if HAVE_FFI
	ffi_cif cif;			/* points into this structure */
	ffi_type *types[MPG_PARAMETERS];
#endif
};

struct mpg_signature_error {
	unsigned column;	/* from 1 on, in bytes; 0: no memory */
	char message[128];
};

/* NULL: *error says why. */
struct mpg_signature *mpg_signature_new(const char *text, struct mpg_signature_error *error);

struct mpg_signature *mpg_signature_get(const struct mpg_signature *signature);
void mpg_signature_put(const struct mpg_signature *signature);

/* How many bytes a buffer has, given pointers to all arguments. False: no size that makes sense. */
bool mpg_signature_size(const struct mpg_signature *signature, unsigned parameter,
			void *const values[], size_t *size);

#pragma GCC visibility pop

#endif
