/* SPDX-License-Identifier: MIT */
#include "rules/apply.h"
#include "os/linux/imports.h"
#include "registry/process.h"
#include "rules/bindings.h"
#include "rules/dl.h"
#include "rules/native.h"
#include "settings.h"

static _Atomic unsigned long long applied;	/* of mpg_imports_loaded() */

static bool enter(const struct mpg_object *object, void *argument)
{
	bool *is_native = argument;

	*is_native = mpg_native_covers(object);
	mpg_dl_has_seen(object);
	return true;
}

static void *choose(const struct mpg_import *import, void *argument)
{
	const bool *is_native = argument;
	void *chosen = mpg_bindings_choose(import);

	if (!chosen)
		chosen = mpg_dl_choose(import);
	if (!chosen)
		chosen = mpg_native_choose(import, *is_native);
	return chosen;
}

/* What is loaded meanwhile is new the next time. */
static void apply(unsigned long long loaded)
{
	bool is_native;
	struct mpg_imports_visitor visitor = {
		.enter = enter,
		.choose = choose,
		.argument = &is_native,
	};

	mpg_bindings_find();
	mpg_dl_find();
	if (mpg_imports_rewrite(&visitor) == 0)
		atomic_store(&applied, loaded);
	/* The first error that the application sees must be one of its own. */
	dlerror();
}

void mpg_apply_to_new(void)
{
	int saved_errno = errno;
	unsigned long long loaded;

	if (!mpg_process_is_foreign()) {
		loaded = mpg_imports_loaded();
		if (loaded != applied)
			apply(loaded);
	}
	errno = saved_errno;
}

void mpg_apply_start(void)
{
	bool has_policy = mpg_native_prepare();

	if (mpg_rules_n || has_policy)
		mpg_apply_to_new();
}
