/* SPDX-License-Identifier: MIT */
#include "rules/native.h"
#include "os/linux/imports.h"

/* One name, in one object. */
struct one {
	const void *in_object;
	const char *name;
	void *first;	/* what the loader finds first: ours, or the real one if we have none */
	void *real;
	bool entered;
};

static bool enter_one(const struct mpg_object *object, void *argument)
{
	struct one *one = argument;
	bool contains = mpg_object_contains(object, one->in_object);

	one->entered |= contains;
	return contains;
}

/* Somebody else's function, another preloaded library's for instance, is left where it is. */
static void *choose_one(const struct mpg_import *import, void *argument)
{
	const struct one *one = argument;

	if (strcmp(import->name, one->name) != 0)
		return NULL;
	if (import->value == one->real || (one->first && import->value == one->first))
		return one->real;
	return one->first && import->lazy ? one->real : NULL;
}

int mpg_native_bind(const void *in_object, const char *name)
{
	struct one one = { .in_object = in_object, .name = name };
	struct mpg_imports_visitor visitor = {
		.enter = enter_one,
		.choose = choose_one,
		.argument = &one,
	};
	int r;

	one.real = dlsym(RTLD_NEXT, name);
	one.first = dlsym(RTLD_DEFAULT, name);
	dlerror();
	if (!one.real)
		return -ENOENT;
	if (one.first != one.real && !mpg_imports_is_ours(one.first))
		one.first = NULL;
	r = mpg_imports_rewrite(&visitor);
	if (r < 0)
		return r;
	return one.entered ? visitor.chosen : -ENOENT;
}
