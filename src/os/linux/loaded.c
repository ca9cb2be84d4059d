/* SPDX-License-Identifier: MIT */
#include "os/linux/loaded.h"

struct link_map *mpg_loaded_at(const void *address)
{
	struct link_map *map = NULL;
	Dl_info info;

	return dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) ? map : NULL;
}

void *mpg_loaded_open(const void *address)
{
	const struct link_map *map = mpg_loaded_at(address);

	if (!map)
		return NULL;
	return dlopen(*map->l_name ? map->l_name : NULL, RTLD_LAZY | RTLD_NOLOAD);
}
