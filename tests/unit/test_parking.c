/* SPDX-License-Identifier: MIT */
/* src/sources/parking.c: lines of fibers, each at an address. */
#include "sources/parking.h"
#include "engine/scheduler.h"
#include "real.h"
#include "support.h"

static int here, there;
static struct mpg_parked *places[3];

static void enter_all(const void *address)
{
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(places[i] = mpg_parking_enter(address, MPG_OWN_SIDE));
}

static void leave_all(void)
{
	for (int i = 0; i < 3; i++)
		mpg_parking_leave(&places[i]);
	ck_assert(!mpg_parking_any());
}

static bool has_been_woken(struct mpg_parked *place)
{
	struct mpg_wait w;
	bool woken;

	PLAY(TIMEOUT);
	ck_assert(mpg_wait_begin_other(&w, "test"));
	woken = mpg_parking_wait(&w, place);
	ck_assert_int_eq(mpgreen_detach(), 0);
	return woken;
}

static void assert_woken(bool first, bool second, bool third)
{
	const bool expected[] = { first, second, third };

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(has_been_woken(places[i]), expected[i]);
}

START_TEST(nobody_waits_until_somebody_enters_and_when_all_have_left)
{
	struct mpg_parked *place;

	ck_assert(!mpg_parking_any());
	place = mpg_parking_enter(&here, MPG_OWN_SIDE);
	ck_assert(mpg_parking_any());
	ck_assert(mpg_parking_has_line(&here, MPG_OWN_SIDE));
	ck_assert(!mpg_parking_has_line(&there, MPG_OWN_SIDE));
	mpg_parking_leave(&place);
	ck_assert_ptr_null(place);
	ck_assert(!mpg_parking_any());
	ck_assert(!mpg_parking_has_line(&here, MPG_OWN_SIDE));
}
END_TEST

START_TEST(one_wake_up_is_for_the_first_who_has_none)
{
	enter_all(&here);
	mpg_parking_wake_one(&here, MPG_OWN_SIDE);
	mpg_parking_wake_one(&here, MPG_OWN_SIDE);
	assert_woken(true, true, false);
	mpg_parking_wake_one(&here, MPG_OWN_SIDE);
	assert_woken(true, false, false);
	leave_all();
}
END_TEST

START_TEST(waking_all_wakes_each_of_the_line_and_nobody_else)
{
	struct mpg_parked *other = mpg_parking_enter(&there, MPG_OWN_SIDE);

	enter_all(&here);
	mpg_parking_wake_all(&here, MPG_OWN_SIDE);
	assert_woken(true, true, true);
	ck_assert(!has_been_woken(other));
	assert_woken(false, false, false);
	mpg_parking_leave(&other);
	leave_all();
}
END_TEST

START_TEST(a_wake_up_of_an_empty_line_is_for_nobody)
{
	mpg_parking_wake_one(&here, MPG_OWN_SIDE);
	mpg_parking_wake_all(&here, MPG_OWN_SIDE);
	enter_all(&here);
	assert_woken(false, false, false);
	leave_all();
}
END_TEST

START_TEST(who_leaves_with_a_wake_up_passes_it_on)
{
	enter_all(&here);
	mpg_parking_wake_one(&here, MPG_OWN_SIDE);
	mpg_parking_leave(&places[0]);
	ck_assert(has_been_woken(places[1]));
	mpg_parking_leave(&places[1]);
	ck_assert(!has_been_woken(places[2]));
	leave_all();
}
END_TEST

START_TEST(the_first_of_a_line_is_who_came_first)
{
	struct mpg_parked *other = mpg_parking_enter(&there, MPG_OWN_SIDE);

	enter_all(&here);
	ck_assert(mpg_parking_is_first(other));
	ck_assert(mpg_parking_is_first(places[0]));
	ck_assert(!mpg_parking_is_first(places[1]));
	mpg_parking_leave(&places[0]);
	ck_assert(mpg_parking_is_first(places[1]));
	mpg_parking_leave(&other);
	leave_all();
}
END_TEST

static void wake_the_first(int unused)
{
	(void)unused;
	mpg_parking_wake_one(&here, MPG_OWN_SIDE);
}

START_TEST(a_wait_begins_anew_until_there_is_a_wake_up)
{
	struct mpg_parked *place = mpg_parking_enter(&here, MPG_OWN_SIDE);
	struct mpg_wait w;

	PLAY(READY, READY_AFTER(wake_the_first, 0));
	ck_assert(mpg_wait_begin_other(&w, "test"));
	ck_assert(mpg_parking_wait(&w, place));
	ck_assert_uint_eq(script.waits, 2);
	ck_assert_uint_eq(script.seen[1].attempt, 0);
	ck_assert_int_eq(script.seen[1].events, POLLIN);
	mpg_parking_leave(&place);
}
END_TEST

START_TEST(a_wake_up_that_comes_with_the_end_of_the_wait_counts)
{
	struct mpg_parked *place = mpg_parking_enter(&here, MPG_OWN_SIDE);
	struct mpg_wait w;

	PLAY({ .verdict = MPGREEN_TIMEOUT, .meanwhile = wake_the_first });
	ck_assert(mpg_wait_begin_other(&w, "test"));
	ck_assert(mpg_parking_wait(&w, place));
	mpg_parking_leave(&place);
}
END_TEST

START_TEST(a_wait_that_is_cancelled_ends_unless_its_call_may_not_fail)
{
	struct mpg_parked *place = mpg_parking_enter(&here, MPG_OWN_SIDE);
	struct mpg_wait w;

	PLAY(CANCELLED(ENOLINK), CANCELLED(ENOLINK), READY_AFTER(wake_the_first, 0));
	ck_assert(mpg_wait_begin_other(&w, "test"));
	ck_assert(!mpg_parking_wait(&w, place));
	ck_assert_int_eq(errno, ENOLINK);
	ck_assert_uint_eq(script.seen[0].flags, 0);
	w.uncancellable = true;
	ck_assert(mpg_parking_wait(&w, place));
	ck_assert_uint_eq(script.waits, 3);
	ck_assert_uint_eq(script.seen[1].flags, MPGREEN_UNCANCELLABLE);
	mpg_parking_leave(&place);
}
END_TEST

static int leave_in_child(void *place)
{
	struct mpg_parked *ours = place;

	mpg_parking_leave(&ours);
	return mpg_parking_any();
}

START_TEST(without_a_free_number_a_place_looks_for_its_wake_ups)
{
	struct mpg_parked *place;
	struct mpg_wait w;

	allow_fds(1);
	errno = 0;
	place = mpg_parking_enter(&here, MPG_OWN_SIDE);
	ck_assert_int_eq(errno, 0);
	allow_fds(0);
	ck_assert_int_eq(in_child(leave_in_child, place), 0);
	ck_assert_ptr_nonnull(place);
	PLAY(TIMEOUT, { .verdict = MPGREEN_TIMEOUT, .meanwhile = wake_the_first }, TIMEOUT);
	ck_assert(mpg_wait_begin_other(&w, "test"));
	ck_assert(mpg_parking_wait(&w, place));
	ck_assert_uint_eq(script.waits, 2);
	ck_assert_int_eq(script.seen[0].fd, -1);
	ck_assert_int_lt(script.seen[0].deadline_ns, MPGREEN_FOREVER);
	w.deadline = 0;
	ck_assert(!mpg_parking_wait(&w, place));
	ck_assert_int_eq(errno, EAGAIN);
	mpg_parking_leave(&place);
}
END_TEST

static void *enter_elsewhere(void *unused)
{
	ck_assert(!mpg_parking_has_line(&here, MPG_OWN_SIDE));
	mpg_parking_wake_all(&here, MPG_OWN_SIDE);
	places[0] = mpg_parking_enter(&here, MPG_OWN_SIDE);
	ck_assert(mpg_parking_is_first(places[0]));
	mpg_parking_leave(&places[0]);
	return unused;
}

START_TEST(each_side_of_an_address_has_a_line_of_its_own)
{
	struct mpg_parked *own = mpg_parking_enter(&here, MPG_OWN_SIDE), *common;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, enter_elsewhere, NULL), 0);
	pthread_join(thread, NULL);
	common = mpg_parking_enter(&here, MPG_ALL_SIDES);
	ck_assert(mpg_parking_is_first(common));
	mpg_parking_wake_all(&here, MPG_ALL_SIDES);
	ck_assert(!has_been_woken(own));
	ck_assert(has_been_woken(common));
	mpg_parking_leave(&own);
	mpg_parking_leave(&common);
}
END_TEST

static int wait_in_child(void *unused)
{
	struct mpg_parked *place;
	bool woken;

	(void)unused;
	if (mpg_parking_any() || mpg_parking_has_line(&here, MPG_OWN_SIDE))
		return 1;
	mpg_parking_leave(&places[1]);
	place = mpg_parking_enter(&here, MPG_OWN_SIDE);
	mpg_parking_wake_one(&here, MPG_OWN_SIDE);
	woken = has_been_woken(place);
	mpg_parking_leave(&place);
	return woken && !mpg_parking_any() ? 0 : 2;
}

START_TEST(in_a_fork_child_nobody_waits)
{
	enter_all(&here);
	ck_assert_int_eq(in_child(wait_in_child, NULL), 0);
	assert_woken(false, false, false);
	leave_all();
}
END_TEST

enum { ROUNDS = 20000, SIDES = 3 };

static struct {
	_Atomic int tokens;
	_Atomic int taken;
} market;

static bool take_token(void)
{
	int n = atomic_load(&market.tokens);

	while (n > 0)
		if (atomic_compare_exchange_weak(&market.tokens, &n, n - 1))
			return true;
	return false;
}

static void take_all(void)
{
	while (atomic_load(&market.taken) < ROUNDS) {
		MPG_PARKED(place, mpg_parking_enter(&market, MPG_ALL_SIDES));
		struct mpg_wait w;

		ck_assert_ptr_nonnull(place);
		ck_assert(mpg_wait_begin_other(&w, "test"));
		while (!take_token() && atomic_load(&market.taken) < ROUNDS)
			ck_assert(mpg_parking_wait(&w, place));
		atomic_fetch_add(&market.taken, 1);
	}
	mpg_parking_wake_all(&market, MPG_ALL_SIDES);
}

static void *consume(void *unused)
{
	(void)unused;
	mpg_poll_scheduler_attach();
	take_all();
	return NULL;
}

/* Each token has its wake-up: if one were lost, a waiter would sleep for ever beside it. */
START_TEST(no_wake_up_is_lost_between_threads)
{
	pthread_t threads[SIDES];

	for (int i = 0; i < SIDES; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, consume, NULL), 0);
	while (atomic_load(&market.taken) < ROUNDS) {
		if (atomic_load(&market.tokens) > SIDES)
			continue;
		atomic_fetch_add(&market.tokens, 1);
		if (mpg_parking_any())
			mpg_parking_wake_one(&market, MPG_ALL_SIDES);
	}
	for (int i = 0; i < SIDES; i++)
		REAL(pthread_join)(threads[i], NULL);
	ck_assert(!mpg_parking_any());
}
END_TEST

static void *end_in_line(void *unused)
{
	enter_all(&here);
	mpg_parking_wake_one(&here, MPG_OWN_SIDE);
	return unused;
}

START_TEST(a_thread_that_ends_takes_its_places_along)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, end_in_line, NULL), 0);
	pthread_join(thread, NULL);
	ck_assert(!mpg_parking_any());
	leave_all();
}
END_TEST

SUITE_OF(parking, { nobody_waits_until_somebody_enters_and_when_all_have_left, 0 },
	 { one_wake_up_is_for_the_first_who_has_none, 0 },
	 { waking_all_wakes_each_of_the_line_and_nobody_else, 0 },
	 { a_wake_up_of_an_empty_line_is_for_nobody, 0 },
	 { who_leaves_with_a_wake_up_passes_it_on, 0 },
	 { the_first_of_a_line_is_who_came_first, 0 },
	 { a_wait_begins_anew_until_there_is_a_wake_up, 0 },
	 { a_wake_up_that_comes_with_the_end_of_the_wait_counts, 0 },
	 { a_wait_that_is_cancelled_ends_unless_its_call_may_not_fail, 0 },
	 { without_a_free_number_a_place_looks_for_its_wake_ups, 0 },
	 { each_side_of_an_address_has_a_line_of_its_own, 0 },
	 { a_thread_that_ends_takes_its_places_along, 0 }, { in_a_fork_child_nobody_waits, 0 },
	 { no_wake_up_is_lost_between_threads, 0 })
