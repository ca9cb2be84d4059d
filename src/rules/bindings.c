/* SPDX-License-Identifier: MIT */
#include "rules/bindings.h"
#include "engine/thread.h"
#include "os/linux/loaded.h"
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
static bool add(struct mpg_rule *rule, void *real, const char *soname)
{
	struct mpg_binding *binding = calloc(1, sizeof(*binding));

	if (!binding)
		return false;
	binding->rule = rule;
	binding->real = real;
	snprintf(binding->soname, sizeof(binding->soname), "%s", soname);
	binding->code = make_code(binding);
	if (!binding->code) {
		free(binding);
		return false;
	}
	binding->next = first(rule);
	while (!atomic_compare_exchange_weak(&rule->bindings, &binding->next, binding))
		;
	return true;
}

/*
 * A library with a binding stays loaded: a worker may be at the function when the last of its users
 * closes it, and what is loaded next may have another function at that address.
 */
static void bind_in(const struct found *found)
{
	void *handle = mpg_loaded_open(found->in_object);
	bool binds = false;

	for (size_t i = 0; handle && i < mpg_rules_n; i++) {
		struct mpg_rule *rule = &mpg_rules[i];
		void *real;

		if (fnmatch(rule->library, found->soname, 0) != 0)
			continue;
		real = mpg_find_defined(handle, rule->signature->name, found->in_object);
		if (real && !lookup(rule, real))
			binds |= add(rule, real, found->soname);
	}
	if (handle && !binds)
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
		mpg_rules[i].everyones = mpg_find_everyones(mpg_rules[i].signature->name);
}

/* What an import that is not bound yet would be bound to: it must be certain. */
static void *choose_lazy(const struct mpg_import *import, const struct mpg_rule *rule)
{
	for (struct mpg_binding *b = first(rule); b; b = b->next) {
		if (rule->everyones.function) {
			if (rule->everyones.function == b->real)
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
		code = mpg_found_decides(&rule->everyones, import->lazy, import->value)
			? choose_lazy(import, rule)
			: NULL;
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

		/* Two names of one function may be two rules. */
		if (strcmp(name, rule->signature->name) != 0)
			continue;
		binding = lookup(rule, function);
		if (binding)
			return binding->code;
	}
	return function;
}
