/* SPDX-License-Identifier: MIT */
#include "real.h"

/* What an allocator calls under its own lock, under which dlsym() would find no memory. */
struct mpg_real mpg_real = { .pthread_once = __pthread_once };

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
 * glibc before 2.36 finds the oldest of several versions by RTLD_NEXT. That of the conditions is of
 * before 2.3.2, and takes them for another struct; newer machines have but one.
 */
void *mpg_real_find(const char *name)
{
	void *found = NULL;

	if (strncmp(name, "pthread_cond_", strlen("pthread_cond_")) == 0)
		found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
	return found ? found : dlsym(RTLD_NEXT, name);
}

/*
 * An allocator locks its mutexes while it starts, and dlsym() may be what starts it. So these are
 * bound without dlsym() at first, by names that libc exports as well, though no longer to linkers.
 */
static void bind_mutexes(void)
{
	mpg_real.pthread_mutex_destroy = __pthread_mutex_destroy;
	mpg_real.pthread_mutex_lock = __pthread_mutex_lock;
	mpg_real.pthread_mutex_trylock = __pthread_mutex_trylock;
	mpg_real.pthread_mutex_unlock = __pthread_mutex_unlock;
}

/* Somebody else may have intercepted them, too. */
static void bind_mutexes_again(void)
{
	mpg_real.pthread_mutex_destroy = mpg_real_find("pthread_mutex_destroy");
	mpg_real.pthread_mutex_lock = mpg_real_find("pthread_mutex_lock");
	mpg_real.pthread_mutex_trylock = mpg_real_find("pthread_mutex_trylock");
	mpg_real.pthread_mutex_unlock = mpg_real_find("pthread_mutex_unlock");
	mpg_real.pthread_once = mpg_real_find("pthread_once");
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
	if (depth++ == 0)
		bind_mutexes();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void **slot = (void **)((char *)&mpg_real + names[i].offset);

		if (!*slot)
			*slot = mpg_real_find(names[i].name);
		/* Not before somebody calls one. */
		if (!*slot && bound)
			*slot = find_in_libresolv(names[i].name);
	}
	bound = true;
	/* The first error that the application sees must be one of its own. */
	dlerror();
	if (--depth == 0)
		bind_mutexes_again();
}
