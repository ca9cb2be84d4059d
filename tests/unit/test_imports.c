/* SPDX-License-Identifier: MIT */
/* src/os/linux/imports.c: slots are rewritten, whole and for good, and no page is left open. */
#include "os/linux/imports.h"
#include "real.h"
#include "support.h"

#include <sched.h>

typedef long (*slow)(int fd);

static slow first, instead;

static void *load(const char *name)
{
	char path[PATH_MAX];
	void *handle;

	snprintf(path, sizeof(path), "%s/%s", RULES_LIBS, name);
	handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	ck_assert_msg(handle != NULL, "%s", dlerror());
	return handle;
}

static void find_slow(void)
{
	void *library = load("libslow.so");

	first = (slow)dlsym(library, "slow_wait");
	instead = (slow)dlsym(library, "slow_wait_too");
	ck_assert(first && instead);
}

static void *choose_instead(const struct mpg_import *import, void *argument)
{
	(void)argument;
	if (strcmp(import->name, "slow_wait") != 0)
		return NULL;
	return import->lazy || import->value == (void *)first ? (void *)instead : NULL;
}

static int rewrite(void)
{
	struct mpg_imports_visitor visitor = { .choose = choose_instead };

	ck_assert_int_eq(mpg_imports_rewrite(&visitor), 0);
	return visitor.chosen;
}

static const char *const callers[] = { "caller_lazy.so", "caller_now.so" };
enum { CALLERS = 2 };

START_TEST(each_slot_of_a_name_is_rewritten_once)
{
	void *caller;
	const slow *table;

	find_slow();
	caller = load(callers[_i]);
	table = dlsym(caller, "caller_table");
	ck_assert(table[1] == first);
	ck_assert_int_eq(rewrite(), 2);
	ck_assert(table[1] == instead);
	ck_assert_int_eq(rewrite(), 0);
}
END_TEST

/* Only the kernel can be asked: it writes nothing to a page that it may not write to. */
static bool is_writable(const void *address)
{
	int ends[2];
	bool writable;

	open_pipe(ends);
	ck_assert_int_eq(REAL(write)(ends[1], address, sizeof(address)), sizeof(address));
	writable = REAL(read)(ends[0], (void *)address, sizeof(address)) > 0;
	REAL(close)(ends[0]);
	REAL(close)(ends[1]);
	return writable;
}

START_TEST(a_page_that_was_read_only_is_so_again)
{
	const slow *table;

	find_slow();
	table = dlsym(load("caller_now.so"), "caller_table");
	ck_assert(!is_writable(&table[1]));
	ck_assert_int_eq(rewrite(), 2);
	ck_assert(!is_writable(&table[1]));
}
END_TEST

static void *choose_nothing(const struct mpg_import *import, void *argument)
{
	const struct mpg_object *object = import->object;

	(void)argument;
	ck_assert_int_ne(strncmp(object->soname, "libc.so.", 8), 0);
	ck_assert_int_ne(strncmp(object->soname, "ld-linux", 8), 0);
	ck_assert(!mpg_object_contains(object, (const void *)mpg_imports_rewrite));
	return NULL;
}

START_TEST(libc_the_loader_and_the_library_itself_are_not_shown)
{
	struct mpg_imports_visitor visitor = { .choose = choose_nothing };

	ck_assert_int_eq(mpg_imports_rewrite(&visitor), 0);
	ck_assert_int_eq(visitor.chosen, 0);
	ck_assert(mpg_imports_is_ours((const void *)mpg_imports_rewrite));
	ck_assert(!mpg_imports_is_ours(dlsym(RTLD_NEXT, "read")));
	ck_assert(!mpg_imports_is_ours(NULL));
}
END_TEST

static void count_caller(const struct mpg_object *object, void *argument)
{
	if (strcmp(object->soname, "caller_now.so") != 0)
		return;
	(*(int *)argument)++;
	ck_assert(mpg_object_needs(object, "libslow.so"));
	ck_assert(!mpg_object_needs(object, "libslow"));
	ck_assert(!mpg_object_has_rpath(object));
}

START_TEST(an_object_is_known_by_its_soname_and_by_what_it_needs)
{
	unsigned long long before = mpg_imports_loaded();
	int n = 0;

	mpg_objects_visit(count_caller, &n);
	ck_assert_int_eq(n, 0);
	load("caller_now.so");
	mpg_objects_visit(count_caller, &n);
	ck_assert_int_eq(n, 1);
	ck_assert_uint_gt(mpg_imports_loaded(), before);
}
END_TEST

static _Atomic pid_t loader, writer;
static _Atomic bool begun, over;

static void *load_held(void *unused)
{
	int (*held)(void);

	loader = gettid();
	held = (int (*)(void))dlsym(load("held.so"), "held_calls");
	ck_assert_int_eq(held(), 1);
	return unused;
}

static void *rewrite_when_begun(void *unused)
{
	while (!begun)
		sched_yield();
	writer = gettid();
	rewrite();
	over = true;
	return unused;
}

static bool is_asleep(pid_t thread)
{
	char path[64], text[512];
	const char *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : REAL(read)(fd, text, sizeof(text) - 1);
	REAL(close)(fd);
	text[n > 0 ? n : 0] = '\0';
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

static bool is_listed(const char *name)
{
	struct link_map *map = _r_debug.r_map;

	while (map && strcmp(map->l_name, name) != 0)
		map = map->l_next;
	return map;
}

START_TEST(a_library_that_another_thread_is_loading_is_left_until_it_is_complete)
{
	pthread_t threads[2];
	int ends[2];

	find_slow();
	open_pipe(ends);
	ck_assert_int_eq(REAL(dup2)(ends[0], 100), 100);
	/* No thread can be made while the loader is at work. */
	ck_assert_int_eq(pthread_create(&threads[0], NULL, rewrite_when_begun, NULL), 0);
	ck_assert_int_eq(pthread_create(&threads[1], NULL, load_held, NULL), 0);
	while (!is_listed(RULES_LIBS "/held.so") || !is_asleep(loader))
		sched_yield();
	begun = true;
	while (!over && !(writer && is_asleep(writer)))
		sched_yield();
	write_a_byte(ends[1]);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}
END_TEST

SUITE_OF(imports, { each_slot_of_a_name_is_rewritten_once, CALLERS },
	 { a_page_that_was_read_only_is_so_again, 0 },
	 { libc_the_loader_and_the_library_itself_are_not_shown, 0 },
	 { an_object_is_known_by_its_soname_and_by_what_it_needs, 0 },
	 /* TSan does not see the locks of the loader. */
	 { a_library_that_another_thread_is_loading_is_left_until_it_is_complete, NOT_UNDER_TSAN })
