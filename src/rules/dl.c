/* SPDX-License-Identifier: MIT */
#include "rules/dl.h"
#include "rules/apply.h"
#include "rules/bindings.h"
#include "rules/find.h"

static _Atomic bool rpath_seen;

void mpg_dl_has_seen(const struct mpg_object *object)
{
	/* The program's own counts for everybody. */
	if (*object->path && mpg_object_has_rpath(object))
		atomic_store(&rpath_seen, true);
}

/* Does nothing depend on who loads this file? DT_RPATH goes on to what the file needs. */
static bool is_same_for_all(const char *file)
{
	return file && strchr(file, '/') && !strchr(file, '$') && !atomic_load(&rpath_seen);
}

__attribute__((noinline)) static void *then_apply(void *handle)
{
	if (handle)
		mpg_apply_to_new();
	return handle;
}

/* Otherwise what it loads is new to the next call of ours: one is needed to find anything in it. */
static void *open_as_caller(const char *file, int mode)
{
	if (!is_same_for_all(file))
		return dlopen(file, mode);
	return then_apply(dlopen(file, mode));
}

static bool is_ruled(const void *handle, const char *name)
{
	return handle != RTLD_NEXT && name && mpg_bindings_know(name);
}

/* What is in everybody's reach, a caller finds where we do; what only some reach, by itself. */
__attribute__((noinline)) static void *ruled(void *handle, const char *name, const char *version)
{
	void *function = version ? dlvsym(handle, name, version) : dlsym(handle, name);

	return function ? mpg_bindings_instead_of(name, function) : NULL;
}

static void *find_as_caller(void *handle, const char *name)
{
	void *function;

	mpg_apply_to_new();
	if (!is_ruled(handle, name))
		return dlsym(handle, name);
	function = ruled(handle, name, NULL);
	if (function)
		return function;
	return dlsym(handle, name);
}

static void *find_version_as_caller(void *handle, const char *name, const char *version)
{
	void *function;

	mpg_apply_to_new();
	if (!is_ruled(handle, name))
		return dlvsym(handle, name, version);
	function = ruled(handle, name, version);
	if (function)
		return function;
	return dlvsym(handle, name, version);
}

/*
 * Their addresses are not taken as C does it: in a program that does so, too, our own calls would
 * then lead through the slots of the program, and back to here.
 */
static struct {
	const char *name;
	void *ours;
	void *_Atomic real;
} names[] = {
	{ .name = "dlopen", .ours = (void *)open_as_caller },
	{ .name = "dlsym", .ours = (void *)find_as_caller },
	{ .name = "dlvsym", .ours = (void *)find_version_as_caller },
};

#define NAMES (sizeof(names) / sizeof(names[0]))

void mpg_dl_find(void)
{
	for (size_t i = 0; i < NAMES; i++)
		if (!names[i].real)
			names[i].real = mpg_find_everyones(names[i].name).function;
}

void *mpg_dl_choose(const struct mpg_import *import)
{
	for (size_t i = 0; i < NAMES; i++)
		if (strcmp(import->name, names[i].name) == 0
		    && (import->lazy || import->value == names[i].real))
			return names[i].ours;
	return NULL;
}
