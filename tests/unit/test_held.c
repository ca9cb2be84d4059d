/* SPDX-License-Identifier: MIT */
/* src/engine/held.c: which fiber of the thread holds a lock. */
#include "engine/held.h"
#include "engine/scheduler.h"
#include "support.h"

static int first, second;
static char one, two;
static void *running;

static int no_wait(void *self, const mpgreen_wait *what)
{
	(void)self;
	(void)what;
	return MPGREEN_NATIVE;
}

static void *who_runs(void *self)
{
	(void)self;
	return running;
}

static void attach(bool knows_fibers)
{
	mpgreen_scheduler scheduler = { .abi = MPGREEN_ABI, .wait = no_wait };

	if (knows_fibers)
		scheduler.current = who_runs;
	ck_assert_int_eq(mpgreen_attach(&scheduler, NULL), 0);
	running = &one;
}

START_TEST(what_the_running_fiber_holds_is_its_own)
{
	attach(true);
	mpg_held_add(&first);
	mpg_held_add(&first);
	ck_assert(!mpg_held_by_other(&first));
	mpg_held_remove(&first);
	mpg_held_remove(&first);
	mpg_held_remove(&first);
	ck_assert_uint_eq(mpg_thread.n_held, 0);
}
END_TEST

START_TEST(what_a_fiber_holds_that_waits_is_anothers_until_it_is_back)
{
	void *name;

	attach(true);
	mpg_held_add(&first);
	name = mpg_held_name();
	ck_assert_ptr_eq(name, &one);
	running = &two;
	mpg_held_add(&second);
	ck_assert(mpg_held_by_other(&first));
	ck_assert(!mpg_held_by_other(&second));
	mpg_held_unname(name);
	ck_assert(!mpg_held_by_other(&first));
	mpg_held_forget(&first);
	mpg_held_forget(&second);
	ck_assert_uint_eq(mpg_thread.n_held, 0);
}
END_TEST

START_TEST(of_a_lock_that_several_hold_ones_own_is_removed_first)
{
	attach(true);
	mpg_held_add(&first);
	ck_assert_ptr_nonnull(mpg_held_name());
	running = &two;
	mpg_held_add(&first);
	mpg_held_remove(&first);
	ck_assert(mpg_held_by_other(&first));
	mpg_held_remove(&first);
	ck_assert(!mpg_held_by_other(&first));
}
END_TEST

START_TEST(nobody_is_asked_when_nothing_is_held)
{
	attach(true);
	ck_assert_ptr_null(mpg_held_name());
	mpg_held_add(&first);
	mpg_held_remove(&first);
	ck_assert_ptr_null(mpg_held_name());
}
END_TEST

START_TEST(a_scheduler_that_cannot_tell_fibers_apart_has_one)
{
	attach(false);
	mpg_held_add(&first);
	ck_assert_ptr_null(mpg_held_name());
	ck_assert(!mpg_held_by_other(&first));
}
END_TEST

START_TEST(there_is_room_for_any_number)
{
	static char locks[5000];

	attach(true);
	errno = ENOANO;
	for (size_t i = 0; i < sizeof(locks); i++)
		mpg_held_add(&locks[i]);
	ck_assert_int_eq(errno, ENOANO);
	ck_assert_ptr_nonnull(mpg_held_name());
	for (size_t i = 0; i < sizeof(locks); i++)
		ck_assert(mpg_held_by_other(&locks[i]));
	for (size_t i = 0; i < sizeof(locks); i++)
		mpg_held_remove(&locks[i]);
	ck_assert_uint_eq(mpg_thread.n_held, 0);
}
END_TEST

START_TEST(who_is_left_without_a_wait_keeps_what_it_has_taken)
{
	void *name;

	attach(true);
	mpg_held_add(&first);
	ck_assert_int_eq(mpgreen_switched(&one, &two), 0);
	running = &two;
	ck_assert(mpg_held_by_other(&first));
	mpg_held_add(&second);
	name = mpg_held_name();
	ck_assert_ptr_eq(name, &two);
	mpgreen_switched(&two, &one);
	running = &one;
	ck_assert(!mpg_held_by_other(&first));
	ck_assert(mpg_held_by_other(&second));
	mpgreen_switched(&one, &two);
	mpg_held_unname(name);
	ck_assert(mpg_held_by_other(&first));
	ck_assert(!mpg_held_by_other(&second));
}
END_TEST

START_TEST(where_it_is_not_certain_who_runs_the_lock_is_anybody_s)
{
	attach(true);
	mpg_held_add(&first);
	running = NULL;
	ck_assert_ptr_null(mpg_held_name());
	running = &two;
	mpg_held_add(&second);
	ck_assert_ptr_eq(mpg_held_name(), &two);
	ck_assert(!mpg_held_by_other(&first));
	ck_assert(mpg_held_by_other(&second));
	mpgreen_switched(NULL, NULL);
	ck_assert(!mpg_held_by_other(&second));
	mpg_held_remove(&first);
	mpg_held_remove(&second);
	ck_assert_uint_eq(mpg_thread.n_held, 0);
}
END_TEST

static unsigned told;

static void tell(void *self)
{
	(void)self;
	told++;
	errno = ENOANO;
}

START_TEST(a_scheduler_is_told_once_that_there_are_such_locks)
{
	const mpgreen_scheduler scheduler = { .abi = MPGREEN_ABI, .wait = no_wait, .locked = tell };

	errno = 0;
	for (unsigned attached = 1; attached <= 2; attached++) {
		ck_assert_int_eq(mpgreen_attach(&scheduler, NULL), 0);
		mpg_held_add(&first);
		mpg_held_add(&second);
		ck_assert_uint_eq(told, attached);
		ck_assert_int_eq(mpgreen_detach(), 0);
	}
	ck_assert_int_eq(errno, 0);
}
END_TEST

static int held_in_child(void *unused)
{
	(void)unused;
	return mpg_thread.n_held != 0 || mpg_held_by_other(&first);
}

START_TEST(in_a_fork_child_nothing_is_held)
{
	attach(true);
	mpg_held_add(&first);
	ck_assert_ptr_nonnull(mpg_held_name());
	ck_assert_int_eq(in_child(held_in_child, NULL), 0);
	ck_assert(mpg_held_by_other(&first));
}
END_TEST

SUITE_OF(held, { what_the_running_fiber_holds_is_its_own, 0 },
	 { what_a_fiber_holds_that_waits_is_anothers_until_it_is_back, 0 },
	 { of_a_lock_that_several_hold_ones_own_is_removed_first, 0 },
	 { nobody_is_asked_when_nothing_is_held, 0 },
	 { who_is_left_without_a_wait_keeps_what_it_has_taken, 0 },
	 { where_it_is_not_certain_who_runs_the_lock_is_anybody_s, 0 },
	 { a_scheduler_is_told_once_that_there_are_such_locks, 0 },
	 { a_scheduler_that_cannot_tell_fibers_apart_has_one, 0 },
	 { there_is_room_for_any_number, 0 }, { in_a_fork_child_nothing_is_held, 0 })
