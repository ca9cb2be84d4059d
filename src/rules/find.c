/* SPDX-License-Identifier: MIT */
#include "rules/find.h"
#include "os/linux/loaded.h"

static bool is_in_program(void *function)
{
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	return dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol
		&& symbol->st_shndx == SHN_UNDEF;
}

void *mpg_find_defined(void *handle, const char *name, const void *in_object)
{
	void *function = dlsym(handle, name);

	if (function && mpg_loaded_at(function) == mpg_loaded_at(in_object)
	    && !is_in_program(function))
		return function;
	return NULL;
}

/*
 * The objects after the program, in the order in which names are looked up. The first that has it
 * was there when the program started, or that would not have started: it and those before never go.
 */
static void *find_behind(const struct link_map *map, const char *name)
{
	void *function = NULL;

	while (map && !function && (map = map->l_next)) {
		void *handle = mpg_loaded_open(map->l_ld);

		if (!handle)
			continue;
		function = mpg_find_defined(handle, name, map->l_ld);
		dlclose(handle);
	}
	return function;
}

struct mpg_found mpg_find_everyones(const char *name)
{
	struct mpg_found found = { .function = dlsym(RTLD_DEFAULT, name) };

	if (found.function && is_in_program(found.function)) {
		found.address = found.function;
		found.function = find_behind(mpg_loaded_at(found.address), name);
	}
	return found;
}
