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
 * Before glibc 2.34 these are in a library of their own, which the program that calls them may have
 * loaded where RTLD_NEXT does not look, and have two more characters in front.
 */
static void *find_in_libresolv(const char *name)
{
	char old_name[32];
	void *library, *found;

	if (strncmp(name, "res_", 4) != 0)
		return NULL;
	library = dlopen("libresolv.so.2", RTLD_LAZY);
	if (!library)
		return NULL;
	found = dlsym(library, name);
	snprintf(old_name, sizeof(old_name), "__%s", name);
	return found ? found : dlsym(library, old_name);
}

/*
 * dlsym() may allocate, and a preloaded allocator may call what we intercept: such a nested call
 * binds what it needs by itself. Deeper nesting cannot get further, so it stops.
 */
void mpg_real_bind(void)
{
	/* libc calls dlsym() a leaf: without volatile the compiler may store this after it. */
	static __thread volatile int depth;
	static _Atomic bool bound;

	if (depth == 2)
		return;
	depth++;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void **slot = (void **)((char *)&mpg_real + names[i].offset);

		if (!*slot)
			*slot = dlsym(RTLD_NEXT, names[i].name);
		/* Not before somebody calls one. */
		if (!*slot && bound)
			*slot = find_in_libresolv(names[i].name);
	}
	bound = true;
	/* The first error that the application sees must be one of its own. */
	dlerror();
	depth--;
}
