/* SPDX-License-Identifier: MIT */
#include "rules/native.h"
#include "real.h"
#include "registry/policy.h"
#include "rules/find.h"

/* What leads through the program would go where that one goes. */
static void *past_program(const struct mpg_found *found, const struct mpg_import *import)
{
	return found->address && import->value == found->address ? found->function : NULL;
}

/* One name, in one object. */
struct one {
	const void *in_object;
	const char *name;
	struct mpg_found first;	/* what the loader finds: ours, or the real one if we have none */
	void *real;
	bool entered, is_it;
	int bound;
};

static bool enter_one(const struct mpg_object *object, void *argument)
{
	struct one *one = argument;

	one->is_it = mpg_object_contains(object, one->in_object);
	one->entered |= one->is_it;
	return one->is_it || one->first.address;
}

/* Somebody else's function, another preloaded library's for instance, is left where it is. */
static bool leads_to_ours(const struct one *one, const struct mpg_import *import)
{
	return one->first.function
		&& (import->value == one->first.function
		    || mpg_found_decides(&one->first, import->lazy, import->value));
}

static void *choose_one(const struct mpg_import *import, void *argument)
{
	struct one *one = argument;

	if (strcmp(import->name, one->name) != 0)
		return NULL;
	if (!one->is_it)
		return past_program(&one->first, import);
	if (import->value != one->real && !leads_to_ours(one, import))
		return NULL;
	one->bound++;
	return one->real;
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

	one.real = mpg_real_find(name);
	one.first = mpg_find_everyones(name);
	dlerror();
	if (!one.real)
		return -ENOENT;
	if (one.first.function != one.real && !mpg_imports_is_ours(one.first.function))
		one.first.function = NULL;
	r = mpg_imports_rewrite(&visitor);
	if (r < 0)
		return r;
	return one.entered ? one.bound : -ENOENT;
}

static const void *object_of(const void *address)
{
	Dl_info info;

	return address && dladdr(address, &info) ? info.dli_fbase : NULL;
}

void mpg_native_spare_allocator(void)
{
	static const char *const locks[] = {
		"pthread_mutex_lock",	 "pthread_mutex_trylock", "pthread_mutex_unlock",
		"pthread_mutex_destroy", "pthread_cond_wait",	  "pthread_cond_timedwait",
		"pthread_cond_signal",
	};
	const void *allocator = dlsym(RTLD_DEFAULT, "malloc"), *object = object_of(allocator);

	if (!object || object == object_of((const void *)REAL(read))
	    || object == object_of((const void *)getauxval(AT_PHDR)))
		return;
	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++)
		mpg_native_bind(allocator, locks[i]);
}

/*
 * What keeps the library's books stays: descriptors that are closed, handlers, semaphores that end;
 * and what must be one and the same for all, the locks between fibers and the streams of popen().
 */
static const char *const kept[] = {
	"*close*",   "*dup[23]",     "daemon", "login_tty", "*sigaction",
	"*signal",   "siginterrupt", "sigset", "sem_init",  "sem_destroy",
	"pthread_*", "mtx_*",	     "cnd_*",  "*popen",    "*flockfile",
};

static const struct name {
	const char *name;
	size_t real;	/* its place in mpg_real */
} names[] = {
#define CALL(name) { #name, offsetof(struct mpg_real, name) },
#define ALIAS_OF(alias, name) { #alias, offsetof(struct mpg_real, name) },
#include "calls.def"
#undef CALL
#undef ALIAS_OF
};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* By the names' order; an import that is not bound yet would lead to us only if nobody is first. */
static struct sorted {
	const struct name *name;
	struct mpg_found first;
	bool is_first;
} sorted[NAMES];

static size_t n_sorted;

static bool is_kept(const char *name)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (fnmatch(kept[i], name, 0) == 0)
			return true;
	return false;
}

static struct sorted sort_in(const struct name *name)
{
	struct mpg_found first = mpg_find_everyones(name->name);

	return (struct sorted){ name, first, mpg_imports_is_ours(first.function) };
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct sorted *)a)->name->name,
		      ((const struct sorted *)b)->name->name);
}

bool mpg_native_prepare(void)
{
	if (!mpg_policy.libraries)
		return false;
	for (size_t i = 0; i < NAMES; i++)
		if (!is_kept(names[i].name))
			sorted[n_sorted++] = sort_in(&names[i]);
	qsort(sorted, n_sorted, sizeof(sorted[0]), compare);
	return true;
}

bool mpg_native_covers(const struct mpg_object *object)
{
	const char *slash = strrchr(object->path, '/');

	return mpg_policy.libraries
		&& !mpg_policy_allows_library(object->soname, slash ? slash + 1 : object->path);
}

void *mpg_native_choose(const struct mpg_import *import, bool is_covered)
{
	const struct name wanted = { .name = import->name };
	const struct sorted key = { .name = &wanted };
	const struct sorted *found = bsearch(&key, sorted, n_sorted, sizeof(sorted[0]), compare);
	bool is_ours;

	if (!found)
		return NULL;
	if (!is_covered)
		return past_program(&found->first, import);
	is_ours = mpg_found_decides(&found->first, import->lazy, import->value)
		? found->is_first
		: mpg_imports_is_ours(import->value);
	if (!is_ours)
		return NULL;
	return *(void **)((char *)&mpg_real + found->name->real);
}
