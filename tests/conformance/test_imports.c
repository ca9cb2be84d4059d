/* SPDX-License-Identifier: MIT */
/*
 * mpgreen_bind_native(): one library calls libc as if ours were absent, and nobody else does. Its
 * calls are bound at their first or when it is loaded, in pages that are read-only since: both.
 */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static const char *const importers[] = { RULES_LIBS "/importer_lazy.so",
					 RULES_LIBS "/importer_now.so" };
enum { IMPORTERS = 2 };

typedef ssize_t (*reader)(int fd, void *buf, size_t len);

static reader call, *table;
static reader (*address)(void);
static char buf[16];

static void load_importer(int which)
{
	void *handle = dlopen(importers[which], RTLD_LAZY);

	ck_assert_msg(handle != NULL, "%s", dlerror());
	call = (reader)dlsym(handle, "importer_call");
	address = (reader(*)(void))dlsym(handle, "importer_address");
	table = dlsym(handle, "importer_table");
	ck_assert(call && address && table);
}

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static void read_by(reader read_it)
{
	count_waits_anew();
	other_side(0, say_hello);
	OK(5, read_it(fd[0], buf, sizeof(buf)));
	other_side_join();
}

START_TEST(a_bound_library_blocks_the_thread_in_each_way_that_it_calls)
{
	load_importer(_i);
	open_pipe(fd);
	ck_assert_int_gt(mpgreen_bind_native(call, "read"), 0);
	read_by(call);
	ck_assert_uint_eq(waits(), 0);
	read_by(address());
	ck_assert_uint_eq(waits(), 0);
	read_by(table[1]);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_library_that_has_called_before_is_bound_as_well)
{
	load_importer(_i);
	open_pipe(fd);
	read_by(call);
	assert_waited();
	ck_assert_int_gt(mpgreen_bind_native(call, "read"), 0);
	read_by(call);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(other_libraries_and_other_names_wait_as_before)
{
	load_importer(_i);
	open_pipe(fd);
	ck_assert_int_gt(mpgreen_bind_native(call, "read"), 0);
	load_importer(!_i);
	read_by(call);
	assert_waited();
	read_by(read);
	assert_waited();
}
END_TEST

START_TEST(a_name_that_is_not_imported_changes_nothing)
{
	load_importer(_i);
	open_pipe(fd);
	OK(0, mpgreen_bind_native(call, "recv"));
	OK(0, mpgreen_bind_native(call, "readv"));
	read_by(call);
	assert_waited();
}
END_TEST

START_TEST(binding_twice_says_the_same)
{
	int n;

	load_importer(_i);
	n = mpgreen_bind_native(call, "read");
	ck_assert_int_ge(n, 1);
	OK(n, mpgreen_bind_native(table, "read"));
}
END_TEST

START_TEST(what_cannot_be_bound_is_refused)
{
	void *libc = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");

	load_importer(0);
	OK(-EINVAL, mpgreen_bind_native(NULL, "read"));
	OK(-EINVAL, mpgreen_bind_native(call, NULL));
	OK(-ENOENT, mpgreen_bind_native(call, "nobody_has_this"));
	OK(-ENOENT, mpgreen_bind_native(nowhere, "read"));
	OK(-ENOENT, mpgreen_bind_native(libc, "read"));
	OK(-ENOENT, mpgreen_bind_native(mpgreen_version, "read"));
}
END_TEST

Suite *imports_suite(void)
{
	Suite *suite = suite_create("imports");
	TCase *tcase = way_case(suite, "imports");

	/* These have functions of their own in front of ours. */
	tcase_set_tags(tcase, "no-address no-thread");
	tcase_add_loop_test(tcase, a_bound_library_blocks_the_thread_in_each_way_that_it_calls, 0,
			    IMPORTERS);
	tcase_add_loop_test(tcase, a_library_that_has_called_before_is_bound_as_well, 0, IMPORTERS);
	tcase_add_loop_test(tcase, other_libraries_and_other_names_wait_as_before, 0, IMPORTERS);
	tcase_add_loop_test(tcase, a_name_that_is_not_imported_changes_nothing, 0, IMPORTERS);
	tcase_add_loop_test(tcase, binding_twice_says_the_same, 0, IMPORTERS);
	tcase_add_test(tcase, what_cannot_be_bound_is_refused);
	return suite;
}
