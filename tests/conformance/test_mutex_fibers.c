/* SPDX-License-Identifier: MIT */
/*
 * Mutexes between fibers, where no plain thread could be the oracle: who comes when, who is stopped
 * meanwhile and who is not, and whose the mutex is.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "fibers.h"
#include "mpgreen.h"
#include "mutexes.h"
#include "suites.h"
#include "way.h"

static int order[160], n_order;

static void take_in_turn(void)
{
	int self = n_order++;

	order[self] = -1;
	OK(0, pthread_mutex_lock(&mutex));
	order[self] = n_order++;
	usleep(100);
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(fibers_get_it_in_the_order_of_their_coming)
{
	if (way != FIBERS)
		return;
	make(_i);
	OK(0, pthread_mutex_lock(&mutex));
	for (int i = 0; i < 20; i++)
		fibers_spawn(take_in_turn);
	OK(0, usleep(1000));
	ck_assert_int_eq(n_order, 20);
	OK(0, pthread_mutex_unlock(&mutex));
	fibers_join();
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(order[i], 20 + i);
}
END_TEST

static void take_again_and_again(void)
{
	while (!released) {
		OK(0, pthread_mutex_lock(&mutex));
		usleep(100);
		OK(0, pthread_mutex_unlock(&mutex));
	}
}

START_TEST(who_takes_it_again_and_again_lets_the_others_in)
{
	if (way != FIBERS)
		return;
	make(_i);
	fibers_spawn(take_again_and_again);
	fibers_spawn(take_again_and_again);
	fibers_settle();
	for (int i = 0; i < 10; i++) {
		OK(0, pthread_mutex_lock(&mutex));
		usleep(100);
		OK(0, pthread_mutex_unlock(&mutex));
	}
	released = true;
	fibers_join();
}
END_TEST

static int pipe_ends[2];

static void read_under_lock(void)
{
	char byte;

	OK(0, pthread_mutex_lock(&mutex));
	held = true;
	OK(1, read(pipe_ends[0], &byte, 1));
	OK(0, pthread_mutex_unlock(&mutex));
}

static void write_one(void)
{
	OK(1, write(pipe_ends[1], "x", 1));
}

START_TEST(a_fiber_that_waits_with_a_mutex_does_not_stop_its_thread)
{
	if (way != FIBERS)
		return;
	make(_i);
	ck_assert_int_eq(pipe(pipe_ends), 0);
	fibers_spawn(read_under_lock);
	fibers_settle();
	ck_assert(held);
	fibers_spawn(write_one);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	fibers_join();
}
END_TEST

/* Holds `theirs` and wants the mutex, which a fiber has that waits. */
static pthread_mutex_t theirs;
static int (*theirs_unlock)(pthread_mutex_t *);

static void *want_it_with_theirs(void *unused)
{
	OK(0, pthread_mutex_lock(&theirs));
	asking = true;
	write_one();
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	OK(0, theirs_unlock(&theirs));
	return unused;
}

static void assert_no_ring_of_waits(int kind)
{
	pthread_t thread;

	make(kind);
	theirs = mutex;
	make(kind);
	ck_assert_int_eq(pipe(pipe_ends), 0);
	fibers_spawn(read_under_lock);
	fibers_settle();
	ck_assert(held);
	ck_assert_int_eq(pthread_create(&thread, NULL, want_it_with_theirs, NULL), 0);
	UNTIL(asking);
	OK(0, pthread_mutex_lock(&theirs));
	OK(0, pthread_mutex_unlock(&theirs));
	fibers_join();
	pthread_join(thread, NULL);
}

START_TEST(a_thread_that_holds_one_may_wait_for_a_fiber_that_holds_another)
{
	if (way != FIBERS)
		return;
	theirs_unlock = pthread_mutex_unlock;
	assert_no_ring_of_waits(_i);
}
END_TEST

START_TEST(so_it_may_if_it_unlocks_past_the_library)
{
	theirs_unlock = dlsym(dlopen("libc.so.6", RTLD_LAZY), "pthread_mutex_unlock");
	if (way != FIBERS || !theirs_unlock)
		return;
	assert_no_ring_of_waits(_i);
}
END_TEST

static void lock_it_too(void)
{
	OK(0, pthread_mutex_lock(&mutex));
	held = true;
	OK(0, pthread_mutex_unlock(&mutex));
}

static void read_one(void)
{
	char byte;

	OK(1, read(pipe_ends[0], &byte, 1));
}

START_TEST(who_was_left_without_a_wait_has_its_mutex_while_another_waits)
{
	if (way != FIBERS)
		return;
	make(RECURSIVE);
	ck_assert_int_eq(pipe(pipe_ends), 0);
	OK(0, pthread_mutex_lock(&mutex));
	fibers_spawn(read_one);
	fibers_spawn(lock_it_too);
	fibers_settle();
	ck_assert(!held);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	write_one();
	fibers_join();
	ck_assert(held);
}
END_TEST

START_TEST(a_lock_is_not_cancelled_and_one_with_a_limit_says_timed_out)
{
	if (way != FIBERS)
		return;
	make(_i);
	begin_holding(1);
	fibers_answer(MPGREEN_CANCELLED, EINTR);
	OK(ETIMEDOUT, lock_until_real(10000));
	asking = true;
	OK(0, pthread_mutex_lock(&mutex));
	ck_assert(released);
	fibers_answer(0, 0);
	OK(0, pthread_mutex_unlock(&mutex));
	fibers_join();
}
END_TEST

static void release_it(void)
{
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_fiber_that_waits_for_itself_stops_nobody_else)
{
	if (way != FIBERS)
		return;
	make(0);
	OK(0, pthread_mutex_lock(&mutex));
	fibers_spawn(release_it);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
}
END_TEST

static void *die_with_it(void *unused)
{
	pthread_mutex_lock(&mutex);
	return unused;
}

static void repair_it(void)
{
	OK(EOWNERDEAD, pthread_mutex_lock(&mutex));
	held = true;
	OK(0, usleep(1000));
	OK(0, pthread_mutex_consistent(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_mutex_whose_owner_has_died_is_its_next_holder_s_before_it_is_consistent)
{
	pthread_t thread;

	if (way != FIBERS)
		return;
	make(_i);
	ck_assert_int_eq(pthread_create(&thread, NULL, die_with_it, NULL), 0);
	pthread_join(thread, NULL);
	fibers_spawn(repair_it);
	fibers_settle();
	ck_assert(held);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	fibers_join();
}
END_TEST

START_TEST(what_was_released_past_the_library_is_nobody_s)
{
	int (*unlock)(pthread_mutex_t *) =
		dlsym(dlopen("libc.so.6", RTLD_LAZY), "pthread_mutex_unlock");

	if (way != FIBERS || !unlock)
		return;
	make(_i);
	OK(0, pthread_mutex_lock(&mutex));
	ck_assert_int_eq(unlock(&mutex), 0);
	fibers_spawn(lock_it_too);
	OK(0, usleep(1000));
	ck_assert(held);
	fibers_join();
	OK(0, pthread_mutex_destroy(&mutex));
}
END_TEST

static void unlock_soon(void)
{
	OK(0, pthread_mutex_lock(&mutex));
	held = true;
	OK(0, usleep(1000));
	OK(0, pthread_mutex_unlock(&mutex));
}

START_TEST(a_fiber_waits_though_the_process_has_no_descriptor_left)
{
	struct rlimit before, few;

	if (way != FIBERS)
		return;
	make(_i);
	fibers_spawn(unlock_soon);
	fibers_settle();
	ck_assert(held);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	OK(0, pthread_mutex_lock(&mutex));
	OK(0, pthread_mutex_unlock(&mutex));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	fibers_join();
}
END_TEST

Suite *mutex_fibers_suite(void)
{
	Suite *suite = suite_create("mutex_fibers");
	TCase *all = way_case(suite, "all");

	tcase_add_loop_test(all, fibers_get_it_in_the_order_of_their_coming, 0, KINDS);
	tcase_add_loop_test(all, who_takes_it_again_and_again_lets_the_others_in, 0, KINDS);
	tcase_add_loop_test(all, a_fiber_that_waits_with_a_mutex_does_not_stop_its_thread, 0,
			    KINDS);
	tcase_add_loop_test(all, a_lock_is_not_cancelled_and_one_with_a_limit_says_timed_out, 0,
			    KINDS);
	tcase_add_test(all, a_fiber_that_waits_for_itself_stops_nobody_else);
	tcase_add_loop_test(all, a_thread_that_holds_one_may_wait_for_a_fiber_that_holds_another, 0,
			    ROBUST);
	tcase_add_loop_test(all, so_it_may_if_it_unlocks_past_the_library, 0, ROBUST);
	tcase_add_test(all, who_was_left_without_a_wait_has_its_mutex_while_another_waits);
	tcase_add_loop_test(
		all, a_mutex_whose_owner_has_died_is_its_next_holder_s_before_it_is_consistent,
		ROBUST, ROBUST + 2);
	tcase_add_loop_test(all, what_was_released_past_the_library_is_nobody_s, 0, KINDS);
	tcase_add_loop_test(all, a_fiber_waits_though_the_process_has_no_descriptor_left, 0, KINDS);
	return suite;
}
