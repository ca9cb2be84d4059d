/* SPDX-License-Identifier: MIT */
/*
 * The imports of the loaded objects: the slots through which each calls the functions of others.
 * A visitor chooses what a slot is to hold. Never shown to it are the slots of libc, of the loader,
 * of the sanitizers' libraries and of our own: they shall call what they call.
 *
 * The visitor runs under a lock of the loader: it must not call dlopen(), dlsym() and their kin,
 * nor allocate, nor wait.
 */
#ifndef MPG_IMPORTS_H
#define MPG_IMPORTS_H

#include "libc.h"

#pragma GCC visibility push(hidden)

typedef ElfW(Phdr) mpg_segment;

/* Valid as long as the visitor runs. */
struct mpg_object {
	const char *path;	/* as the loader has it; "" for the program itself */
	const char *soname;	/* what others link it by; without one, the path's last part */
	uintptr_t base;		/* what is added to the addresses in the file */
	const mpg_segment *segments;
	size_t n_segments;
	const void *dynamic;
	const char *strings;
};

struct mpg_import {
	const struct mpg_object *object;
	const char *name;
	const char *from;	/* the library that its version names; NULL if it has no version */
	void *value;		/* what the slot holds; if lazy, the way into the loader */
	bool lazy;		/* not bound before the first call */
	bool is_data;		/* a pointer in the object's data, which may have changed since */
};

struct mpg_imports_visitor {
	bool (*enter)(const struct mpg_object *object, void *argument);	/* NULL: all of them */
	/* What the slot shall hold; NULL to leave it alone. */
	void *(*choose)(const struct mpg_import *import, void *argument);
	void *argument;
	int chosen;		/* out: the slots that hold what was chosen */
};

/* 0, or a negative errno: -ENOTSUP on a machine whose relocations are not known. */
int mpg_imports_rewrite(struct mpg_imports_visitor *visitor);

/* Shows every object there is, libc and our own as well, under the same lock. */
void mpg_objects_visit(void (*visit)(const struct mpg_object *object, void *argument),
		       void *argument);

bool mpg_object_contains(const struct mpg_object *object, const void *address);

/* Has it been linked with the library of that soname? */
bool mpg_object_needs(const struct mpg_object *object, const char *soname);

/* Does it rule, by a DT_RPATH, where what it loads looks for what that needs? */
bool mpg_object_has_rpath(const struct mpg_object *object);

/* Does the address lie in the object that holds the library itself? */
bool mpg_imports_is_ours(const void *address);

/* How many objects have been loaded since the process started: grows with each. */
unsigned long long mpg_imports_loaded(void);

#pragma GCC visibility pop

#endif
