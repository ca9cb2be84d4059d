/* SPDX-License-Identifier: MIT */
#include "rules/bindings.h"
#include "engine/thread.h"
#include "sources/offload.h"

struct mpg_binding {
	const struct mpg_rule *rule;
	struct mpg_binding *next;
	void *real;
	void *code;		/* what is called in its place */
	char soname[128];	/* where the real one lies */
};

/* The loaded objects whose names some rule has, each by an address in it. */
struct found {
	const void *in_object;
	char soname[128];
};

struct search {
	struct found *found;
	size_t n, size;
};

static bool is_ruled(const char *soname)
{
	for (size_t i = 0; i < mpg_rules_n; i++)
		if (fnmatch(mpg_rules[i].library, soname, 0) == 0)
			return true;
	return false;
}

static void note(const struct mpg_object *object, void *argument)
{
	struct search *search = argument;
	struct found *found;

	if (!is_ruled(object->soname) || search->n++ >= search->size)
		return;
	found = &search->found[search->n - 1];
	found->in_object = object->dynamic;
	snprintf(found->soname, sizeof(found->soname), "%s", object->soname);
}

/* Memory is taken outside of the loader's lock: until there was enough. */
static void search_all(struct search *search)
{
	*search = (struct search){ .size = 16 };
	while (true) {
		search->found = calloc(search->size, sizeof(*search->found));
		search->n = 0;
		if (!search->found)
			return;
		mpg_objects_visit(note, search);
		if (search->n <= search->size)
			return;
		search->size = search->n + 8;
		free(search->found);
	}
}

#if HAVE_FFI
static void call(ffi_cif *cif, void *result, void **values, void *argument)
{
	const struct mpg_binding *binding = argument;

	if (mpg_thread_is_green())
		mpg_offload_call(binding->rule->signature, FFI_FN(binding->real), result, values,
				 binding->rule->signature->name);
	else
		ffi_call(cif, FFI_FN(binding->real), result, values);
}

/* NULL: no memory, or none that may be executed. */
static void *make_code(struct mpg_binding *binding)
{
	void *code;
	ffi_cif *cif = (ffi_cif *)&binding->rule->signature->cif;
	ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), &code);

	if (!closure)
		return NULL;
	if (ffi_prep_closure_loc(closure, cif, call, binding, code) == FFI_OK)
		return code;
	ffi_closure_free(closure);
	return NULL;
}
#else
static void *make_code(struct mpg_binding *binding)
{
	(void)binding;
	return NULL;
}
#endif

static struct mpg_binding *first(const struct mpg_rule *rule)
{
	return atomic_load_explicit(&((struct mpg_rule *)rule)->bindings, memory_order_acquire);
}

static struct mpg_binding *lookup(const struct mpg_rule *rule, const void *real)
{
	struct mpg_binding *binding = first(rule);

	while (binding && binding->real != real)
		binding = binding->next;
	return binding;
}

/* Two threads that make the same one at a time make two, and both do. */
static void add(struct mpg_rule *rule, void *real, const char *soname)
{
	struct mpg_binding *binding = calloc(1, sizeof(*binding));

	if (!binding)
		return;
	binding->rule = rule;
	binding->real = real;
	snprintf(binding->soname, sizeof(binding->soname), "%s", soname);
	binding->code = make_code(binding);
	if (!binding->code) {
		free(binding);
		return;
	}
	binding->next = first(rule);
	while (!atomic_compare_exchange_weak(&rule->bindings, &binding->next, binding))
		;
}

/* What the object itself defines, not what it imports. */
static void *defined_by(void *handle, const char *name, const void *in_object)
{
	void *function = dlsym(handle, name);
	Dl_info where, object;

	if (function && dladdr(function, &where) && dladdr(in_object, &object)
	    && where.dli_fbase == object.dli_fbase)
		return function;
	return NULL;
}

static void *open_again(const void *in_object)
{
	struct link_map *map = NULL;
	Dl_info info;

	if (!dladdr1(in_object, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
		return NULL;
	return dlopen(*map->l_name ? map->l_name : NULL, RTLD_LAZY | RTLD_NOLOAD);
}

static void bind_in(const struct found *found)
{
	void *handle = open_again(found->in_object);

	for (size_t i = 0; handle && i < mpg_rules_n; i++) {
		struct mpg_rule *rule = &mpg_rules[i];
		void *real;

		if (fnmatch(rule->library, found->soname, 0) != 0)
			continue;
		real = defined_by(handle, rule->signature->name, found->in_object);
		if (real && !lookup(rule, real))
			add(rule, real, found->soname);
	}
	if (handle)
		dlclose(handle);
}

void mpg_bindings_find(void)
{
	struct search search;

	search_all(&search);
	for (size_t i = 0; search.found && i < search.n; i++)
		bind_in(&search.found[i]);
	free(search.found);
	for (size_t i = 0; i < mpg_rules_n; i++)
		mpg_rules[i].everyones = dlsym(RTLD_DEFAULT, mpg_rules[i].signature->name);
}

/* What an import that is not bound yet would be bound to: it must be certain. */
static void *choose_lazy(const struct mpg_import *import, const struct mpg_rule *rule)
{
	for (struct mpg_binding *b = first(rule); b; b = b->next) {
		if (rule->everyones) {
			if (rule->everyones == b->real)
				return b->code;
		} else if (import->from ? strcmp(import->from, b->soname) == 0
					: mpg_object_needs(import->object, b->soname)) {
			return b->code;
		}
	}
	return NULL;
}

void *mpg_bindings_choose(const struct mpg_import *import)
{
	for (size_t i = 0; i < mpg_rules_n; i++) {
		const struct mpg_rule *rule = &mpg_rules[i];
		struct mpg_binding *binding;
		void *code;

		if (strcmp(import->name, rule->signature->name) != 0)
			continue;
		binding = lookup(rule, import->value);
		if (binding)
			return binding->code;
		code = import->lazy ? choose_lazy(import, rule) : NULL;
		if (code)
			return code;
	}
	return NULL;
}

bool mpg_bindings_know(const char *name)
{
	for (size_t i = 0; i < mpg_rules_n; i++)
		if (strcmp(mpg_rules[i].signature->name, name) == 0)
			return true;
	return false;
}

void *mpg_bindings_instead_of(const char *name, void *function)
{
	for (size_t i = 0; i < mpg_rules_n; i++) {
		const struct mpg_rule *rule = &mpg_rules[i];
		struct mpg_binding *binding;

		/* At the same address there may have been another library's, gone by now. */
		if (strcmp(name, rule->signature->name) != 0)
			continue;
		binding = lookup(rule, function);
		if (binding)
			return binding->code;
	}
	return function;
}
