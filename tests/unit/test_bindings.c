/* SPDX-License-Identifier: MIT */
/*
 * src/rules/bindings.c, apply.c, dl.c: a ruled function runs on a worker, in whichever way it is
 * called and whenever its caller was loaded; and dlopen() and dlsym() still know who calls them.
 */
#include "../rules/caller.h"
#include "../rules/slow.h"
#include "engine/stats.h"
#include "real.h"
#include "rules/apply.h"
#include "rules/bindings.h"
#include "rules/rules.h"
#include "support.h"

typedef long (*slow)(int fd);

static const char *const callers[] = { RULES_LIBS "/caller_lazy.so", RULES_LIBS "/caller_now.so" };
enum { CALLERS = 2 };

static __typeof__(caller_calls) *calls;
static __typeof__(caller_address) *address;
static const slow *table;
static int ends[2];

static void read_rules(const char *text)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/r", scratch_folder());
	fd = REAL(open)(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_eq(REAL(write)(fd, text, strlen(text)), strlen(text));
	REAL(close)(fd);
	mpg_rules_read(path);
	ck_assert_uint_ge(mpg_rules_n, 1);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	mpg_apply_start();
}

static void *open_library(const char *path)
{
	void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);

	ck_assert_msg(handle != NULL, "%s", dlerror());
	return handle;
}

static void find_caller(void *handle)
{
	calls = (__typeof__(calls))dlsym(handle, "caller_calls");
	address = (__typeof__(address))dlsym(handle, "caller_address");
	table = dlsym(handle, "caller_table");
	ck_assert(calls && address && table);
}

static void load_caller(int which)
{
	find_caller(open_library(callers[which]));
}

/* Waits through the scheduler until a worker has read the byte that the wait writes. */
static bool runs_on_worker(slow function)
{
	long thread;

	open_pipe(ends);
	PLAY(READY_AFTER(write_a_byte, ends[1]), NATIVE);
	thread = function(ends[0]);
	ck_assert_int_gt(thread, 0);
	ck_assert_int_eq(mpgreen_detach(), 0);
	return thread != gettid();
}

static bool runs_here(slow function)
{
	open_pipe(ends);
	write_a_byte(ends[1]);
	NOTHING_TO_WAIT_FOR();
	ck_assert_int_eq(function(ends[0]), gettid());
	ck_assert_int_eq(mpgreen_detach(), 0);
	return true;
}

static void assert_ruled(void)
{
	ck_assert(runs_on_worker(calls));
	ck_assert(runs_on_worker(address()));
	ck_assert(runs_on_worker(table[1]));
}

#define RULE "libslow.so: long slow_wait(int)"

START_TEST(each_way_of_calling_a_ruled_function_leads_to_a_worker)
{
	load_caller(_i);
	read_rules(RULE);
	assert_ruled();
}
END_TEST

START_TEST(a_function_that_has_been_called_before_is_ruled_as_well)
{
	load_caller(_i);
	ck_assert(runs_here(calls));
	read_rules(RULE);
	assert_ruled();
}
END_TEST

START_TEST(a_library_in_everybodys_reach_is_ruled)
{
	ck_assert_ptr_nonnull(dlopen(RULES_LIBS "/libslow.so", RTLD_NOW | RTLD_GLOBAL));
	load_caller(_i);
	read_rules(RULE);
	assert_ruled();
}
END_TEST

START_TEST(libraries_that_are_loaded_later_are_ruled)
{
	read_rules(RULE);
	load_caller(_i);
	mpg_apply_to_new();
	assert_ruled();
	load_caller(!_i);
	mpg_apply_to_new();
	assert_ruled();
}
END_TEST

START_TEST(a_thread_that_is_not_green_calls_the_function_itself)
{
	load_caller(_i);
	read_rules(RULE);
	open_pipe(ends);
	write_a_byte(ends[1]);
	ck_assert_int_eq(calls(ends[0]), gettid());
	ck_assert_uint_eq(mpg_stats.worked, 0);
}
END_TEST

static const char *const patterns[] = {
	"*: long slow_wait(int)",
	"lib*.so: long slow_wait(int)",
	"libother.so: long slow_wait(int)\nlibslow.so: long slow_wait(int)",
};
enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

START_TEST(a_library_may_be_a_pattern)
{
	load_caller(_i % CALLERS);
	read_rules(patterns[_i / CALLERS]);
	assert_ruled();
}
END_TEST

static const char *const others[] = {
	"libother.so: long slow_wait(int)", "slow: long slow_wait(int)",
	"libslow.so: long slow_wai(int)",   "libslow.so: long slow_wait_too(int)",
	"caller*: long slow_wait(int)",
};
enum { OTHERS = sizeof(others) / sizeof(others[0]) };

START_TEST(a_rule_for_another_function_or_library_changes_nothing)
{
	load_caller(_i % CALLERS);
	read_rules(others[_i / CALLERS]);
	ck_assert(runs_here(calls));
	ck_assert(runs_here(address()));
	ck_assert(runs_here(table[1]));
}
END_TEST

static int call_in_child(void *argument)
{
	(void)argument;
	write_a_byte(ends[1]);
	return calls(ends[0]) == gettid() ? 0 : 1;
}

START_TEST(a_fork_child_calls_the_function_itself)
{
	load_caller(_i);
	read_rules(RULE);
	open_pipe(ends);
	NOTHING_TO_WAIT_FOR();
	ck_assert_int_eq(in_child(call_in_child, NULL), 0);
}
END_TEST

/* These two have a dlopen() of their own, which calls the real one. */
#define UNLESS_SANITIZED(times) (NOT_UNDER_ASAN || NOT_UNDER_TSAN ? -1 : (times))

static void *plugin;
static void *(*plugin_open)(const char *name);
static void *(*plugin_next)(const char *name);
static void *(*plugin_find)(void *handle, const char *name);

static void load_plugin(void)
{
	plugin = open_library(RULES_LIBS "/plugin.so");
	plugin_open = (__typeof__(plugin_open))dlsym(plugin, "plugin_open");
	plugin_next = (__typeof__(plugin_next))dlsym(plugin, "plugin_next");
	plugin_find = (__typeof__(plugin_find))dlsym(plugin, "plugin_find");
	ck_assert(plugin_open && plugin_next && plugin_find);
}

START_TEST(what_another_library_opens_by_its_path_is_ruled_at_once)
{
	void *handle;

	load_plugin();
	read_rules(RULE);
	handle = plugin_open(callers[_i]);
	ck_assert_ptr_nonnull(handle);
	find_caller(handle);
	assert_ruled();
}
END_TEST

START_TEST(a_library_that_opens_its_neighbour_by_a_bare_name_finds_it)
{
	const char *name = strrchr(callers[_i], '/') + 1;
	void *handle;

	load_plugin();
	read_rules(RULE);
	ck_assert_ptr_null(dlopen(name, RTLD_NOW));
	handle = plugin_open(name);
	ck_assert_msg(handle != NULL, "%s", dlerror());
	ck_assert_ptr_nonnull(plugin_find(handle, "caller_calls"));
	find_caller(handle);
	assert_ruled();
}
END_TEST

START_TEST(a_ruled_function_that_is_looked_up_is_ruled)
{
	void *handle;

	load_plugin();
	read_rules("libslow.so: long slow_wait(int)\nlibslow.so: int slow_fail(int)");
	handle = plugin_open(RULES_LIBS "/libslow.so");
	ck_assert_ptr_nonnull(handle);
	ck_assert(runs_on_worker((slow)plugin_find(handle, "slow_wait")));
	ck_assert(runs_here((slow)plugin_find(handle, "slow_wait_too")));
	ck_assert_ptr_null(plugin_find(handle, "slow_nothing"));
	/* What only the caller reaches is found for it by the loader, which knows no rules. */
	ck_assert(runs_here((slow)plugin_find(RTLD_DEFAULT, "slow_wait")));
}
END_TEST

START_TEST(a_function_is_ruled_by_its_own_name_alone)
{
	void *handle = open_library(RULES_LIBS "/libslow.so");
	void *wait = dlsym(handle, "slow_wait");

	read_rules("libslow.so: long slow_wait(int)\nlibslow.so: int slow_fail(int)");
	ck_assert_ptr_ne(mpg_bindings_instead_of("slow_wait", wait), wait);
	ck_assert_ptr_eq(mpg_bindings_instead_of("slow_fail", wait), wait);
}
END_TEST

static bool is_loaded(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);

	if (handle)
		dlclose(handle);
	return handle;
}

/* A worker may be in it. */
START_TEST(only_a_library_that_is_ruled_stays_when_it_is_closed)
{
	void *handle = open_library(RULES_LIBS "/libslow.so");

	read_rules(_i ? RULE : others[0]);
	ck_assert_int_eq(dlclose(handle), 0);
	ck_assert_int_eq(is_loaded(RULES_LIBS "/libslow.so"), _i);
}
END_TEST

START_TEST(the_next_function_of_a_name_is_the_next_one_after_the_caller)
{
	void *handle = open_library(RULES_LIBS "/libslow.so");
	void *next = dlsym(handle, "slow_wait_too");

	load_plugin();
	ck_assert_ptr_eq(plugin_next("slow_wait_too"), next);
	read_rules("libslow.so: long slow_wait_too(int)");
	ck_assert_ptr_eq(plugin_next("slow_wait_too"), next);
	ck_assert_ptr_ne(plugin_find(plugin, "slow_wait_too"), next);
}
END_TEST

START_TEST(a_ruled_function_leaves_its_result_and_its_errno)
{
	int (*failing)(int);

	load_plugin();
	read_rules("libslow.so: int slow_fail(int)");
	failing = (int (*)(int))plugin_find(plugin_open(RULES_LIBS "/libslow.so"), "slow_fail");
	PLAY(NATIVE);
	ck_assert_int_eq(failing(ENOTTY), -1);
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_uint_eq(mpg_stats.worked, 1);
}
END_TEST

static _Atomic bool over;

static void *look_things_up(void *unused)
{
	while (!over)
		ck_assert_ptr_nonnull(plugin_find(plugin, "plugin_open"));
	return unused;
}

static void *open_and_close(void *unused)
{
	for (int i = 0; i < 100; i++) {
		void *handle = plugin_open(callers[i % CALLERS]);

		ck_assert_ptr_nonnull(handle);
		ck_assert_ptr_nonnull(dlsym(handle, "caller_calls"));
		ck_assert_int_eq(dlclose(handle), 0);
	}
	return unused;
}

START_TEST(libraries_come_and_go_while_others_are_ruled)
{
	pthread_t finder, opener;

	load_plugin();
	read_rules(RULE);
	ck_assert_int_eq(pthread_create(&finder, NULL, look_things_up, NULL), 0);
	ck_assert_int_eq(pthread_create(&opener, NULL, open_and_close, NULL), 0);
	open_and_close(NULL);
	pthread_join(opener, NULL);
	over = true;
	pthread_join(finder, NULL);
	find_caller(plugin_open(callers[0]));
	assert_ruled();
}
END_TEST

SUITE_OF(bindings, { each_way_of_calling_a_ruled_function_leads_to_a_worker, CALLERS },
	 { a_function_that_has_been_called_before_is_ruled_as_well, CALLERS },
	 { a_library_in_everybodys_reach_is_ruled, CALLERS },
	 { libraries_that_are_loaded_later_are_ruled, CALLERS },
	 { a_thread_that_is_not_green_calls_the_function_itself, CALLERS },
	 { a_library_may_be_a_pattern, PATTERNS *CALLERS },
	 { a_rule_for_another_function_or_library_changes_nothing, OTHERS *CALLERS },
	 { a_fork_child_calls_the_function_itself, CALLERS },
	 { what_another_library_opens_by_its_path_is_ruled_at_once, CALLERS },
	 { a_library_that_opens_its_neighbour_by_a_bare_name_finds_it, UNLESS_SANITIZED(CALLERS) },
	 /* TSan makes no jumps of calls, and does not see the locks of the loader. */
	 { a_ruled_function_that_is_looked_up_is_ruled, NOT_UNDER_TSAN },
	 { a_function_is_ruled_by_its_own_name_alone, 0 },
	 { only_a_library_that_is_ruled_stays_when_it_is_closed, 2 },
	 { the_next_function_of_a_name_is_the_next_one_after_the_caller, NOT_UNDER_TSAN },
	 { a_ruled_function_leaves_its_result_and_its_errno, 0 },
	 { libraries_come_and_go_while_others_are_ruled, NOT_UNDER_TSAN })
