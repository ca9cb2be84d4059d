/* SPDX-License-Identifier: MIT */
/*
 * A library that opens its neighbour by a bare name: only its own DT_RUNPATH leads there. And that
 * asks for the next function of a name after itself. The calls must not be jumps, or the callers of
 * these functions would be taken for this library.
 */
#include "slow.h"

#include <dlfcn.h>

#pragma GCC visibility push(default)

void *plugin_open(const char *name);
void *plugin_next(const char *name);
void *plugin_find(void *handle, const char *name);
int plugin_fail(int error);

void *plugin_open(const char *name)
{
	void *volatile handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	return handle;
}

void *plugin_find(void *handle, const char *name)
{
	void *volatile found = dlsym(handle, name);

	return found;
}

void *plugin_next(const char *name)
{
	void *volatile found = dlsym(RTLD_NEXT, name);

	return found;
}

/* In front of the real one, for whoever loads this first. */
long slow_wait_too(int fd)
{
	return fd;
}

/* So that it needs that library. */
int plugin_fail(int error)
{
	return slow_fail(error);
}
