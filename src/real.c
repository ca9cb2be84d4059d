/* SPDX-License-Identifier: MIT */
#include "real.h"

struct mpg_real mpg_real;

static const struct {
	const char *name;
	size_t offset;
} names[] = {
#define CALL(name) { #name, offsetof(struct mpg_real, name) },
#define ALIAS_OF(alias, name)
#include "calls.def"
#undef CALL
#undef ALIAS_OF
};

/*
 * dlsym() may allocate, and a preloaded allocator may call what we intercept: such a nested call
 * binds what it needs by itself. Deeper nesting cannot get further, so it stops.
 */
void mpg_real_bind(void)
{
	/* libc calls dlsym() a leaf: without volatile the compiler may store this after it. */
	static __thread volatile int depth;

	if (depth == 2)
		return;
	depth++;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void **slot = (void **)((char *)&mpg_real + names[i].offset);

		if (!*slot)
			*slot = dlsym(RTLD_NEXT, names[i].name);
	}
	/* The first error that the application sees must be one of its own. */
	dlerror();
	depth--;
}
