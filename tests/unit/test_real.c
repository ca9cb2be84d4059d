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

static int lock_error, deepest;

/*
 * As an allocator does whose first call comes from dlsym(): it needs its mutex at any depth.
 * Nothing is asserted in here, for that writes to a stream, which comes here again.
 */
static void lock_a_mutex(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	lock_error |= REAL(pthread_mutex_lock)(&mutex);
	lock_error |= REAL(pthread_mutex_unlock)(&mutex);
	if (deepest < 2) {
		deepest++;
		mpg_real_bind();
	}
}

START_TEST(a_mutex_is_locked_inside_dlsym_at_any_depth)
{
	const struct mpg_real before = mpg_real;

	if (!__pthread_mutex_lock)
		return;
	memset(&mpg_real, 0, sizeof(mpg_real));
	during_dlsym = lock_a_mutex;
	mpg_real_bind();
	during_dlsym = NULL;
	ck_assert_int_eq(deepest, 2);
	ck_assert_int_eq(lock_error, 0);
	ck_assert_mem_eq(&before, &mpg_real, sizeof(before));
}
END_TEST

START_TEST(a_condition_is_not_that_of_an_older_libc)
{
	void *newer = dlvsym(RTLD_NEXT, "pthread_cond_wait", "GLIBC_2.3.2");

	if (newer)
		ck_assert(mpg_real_find("pthread_cond_wait") == newer);
	ck_assert(mpg_real_find("pthread_cond_wait") != NULL);
}
END_TEST

SUITE_OF(real, { the_constructor_has_bound_every_name_of_the_table, 0 },
	 { a_real_function_is_not_ours, 0 }, { binding_again_changes_nothing, 0 },
	 { a_call_before_the_constructor_binds_what_it_needs, 0 },
	 { a_mutex_is_locked_inside_dlsym_at_any_depth, NOT_UNDER_ASAN | NOT_UNDER_TSAN },
	 { a_condition_is_not_that_of_an_older_libc, 0 },
	 { a_call_that_comes_from_inside_dlsym_binds_for_itself, 0 },
	 { what_libc_lacks_is_found_in_libresolv, 0 })
