/* SPDX-License-Identifier: MIT */
/* src/real.c: libc's own functions are found, whenever and however often they are asked for. */
#include "real.h"
#include "support.h"

static void *const *slots(void)
{
	return (void *const *)&mpg_real;
}

#define SLOTS (sizeof(struct mpg_real) / sizeof(void *))

START_TEST(the_constructor_has_bound_every_name_of_the_table)
{
	for (size_t i = 0; i < SLOTS; i++)
		ck_assert_ptr_nonnull(slots()[i]);
}
END_TEST

START_TEST(a_real_function_is_not_ours)
{
	ck_assert(mpg_real.read != read);
	ck_assert(mpg_real.close != close);
	ck_assert(mpg_real.sigaction != sigaction);
}
END_TEST

START_TEST(binding_again_changes_nothing)
{
	const struct mpg_real before = mpg_real;

	mpg_real_bind();
	ck_assert_mem_eq(&before, &mpg_real, sizeof(before));
}
END_TEST

START_TEST(a_call_before_the_constructor_binds_what_it_needs)
{
	const struct mpg_real before = mpg_real;

	memset(&mpg_real, 0, sizeof(mpg_real));
	ck_assert(&REAL(recv) == before.recv);
	ck_assert_mem_eq(&before, &mpg_real, sizeof(before));
}
END_TEST

static ssize_t (*found_inside)(int, void *, size_t);

/* As an allocator does that dlsym() calls, and that itself calls what we intercept. */
static void call_read(void)
{
	found_inside = &REAL(read);
}

START_TEST(a_call_that_comes_from_inside_dlsym_binds_for_itself)
{
	const struct mpg_real before = mpg_real;

	memset(&mpg_real, 0, sizeof(mpg_real));
	during_dlsym = call_read;
	mpg_real_bind();
	ck_assert(found_inside == before.read);
	ck_assert_mem_eq(&before, &mpg_real, sizeof(before));
}
END_TEST

START_TEST(what_libc_lacks_is_found_in_libresolv)
{
	mpg_real.res_query = NULL;
	mpg_real.res_nsend = NULL;
	fake_old_libc = true;
	ck_assert_ptr_nonnull((void *)&REAL(res_query));
	ck_assert_ptr_nonnull((void *)mpg_real.res_nsend);
	ck_assert(mpg_real.res_query != res_query);
}
END_TEST

SUITE_OF(real, { the_constructor_has_bound_every_name_of_the_table, 0 },
	 { a_real_function_is_not_ours, 0 }, { binding_again_changes_nothing, 0 },
	 { a_call_before_the_constructor_binds_what_it_needs, 0 },
	 { a_call_that_comes_from_inside_dlsym_binds_for_itself, 0 },
	 { what_libc_lacks_is_found_in_libresolv, 0 })
