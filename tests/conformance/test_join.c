/* SPDX-License-Identifier: MIT */
/* Joining a thread: its result is handed over once, and others run meanwhile. And barriers. */
#include <pthread.h>
#include <stdatomic.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "fibers.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static _Atomic bool may_end, entered;
static int result;

static void *end_when_allowed(void *value)
{
	mpgreen_native_enter();
	while (!may_end)
		breathe();
	return value;
}

static pthread_t begin(void)
{
	pthread_t thread;

	may_end = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, end_when_allowed, &result), 0);
	return thread;
}

static int join_plain(pthread_t thread, void **value, long ms)
{
	(void)ms;
	return pthread_join(thread, value);
}

static int join_timed(pthread_t thread, void **value, long ms)
{
	struct timespec time = in_ms(CLOCK_REALTIME, ms);

	return pthread_timedjoin_np(thread, value, &time);
}

static int join_by_clock(pthread_t thread, void **value, long ms)
{
	struct timespec time = in_ms(CLOCK_MONOTONIC, ms);

	return pthread_clockjoin_np(thread, value, CLOCK_MONOTONIC, &time);
}

static int (*const joining[])(pthread_t, void **, long) = { join_plain, join_timed, join_by_clock };
enum { JOINING = sizeof(joining) / sizeof(joining[0]) };

static void await_wait(void)
{
	while (!entered)
		usleep(500);
	await_sleep();
}

static void allow(void)
{
	await_wait();
	may_end = true;
}

START_TEST(joining_waits_for_the_end_and_gives_the_result)
{
	void *value = NULL;
	pthread_t thread = begin();

	beside(_i, allow);
	count_waits_anew();
	entered = true;
	OK(0, joining[_i / other_sides()](thread, &value, 10000));
	ck_assert_ptr_eq(value, &result);
	assert_waited();
	beside_join();
}
END_TEST

START_TEST(a_thread_that_has_ended_is_joined_at_once)
{
	pthread_t thread = begin();

	may_end = true;
	while (pthread_tryjoin_np(thread, NULL) == EBUSY)
		breathe();
	thread = begin();
	may_end = true;
	OK(0, joining[_i](thread, NULL, 10000));
}
END_TEST

START_TEST(a_time_limit_ends_it_and_the_thread_can_still_be_joined)
{
	double began = now_ms();
	pthread_t thread = begin();
	void *value = NULL;

	OK(ETIMEDOUT, joining[1 + _i](thread, &value, 20));
	ck_assert_double_ge(now_ms() - began, 20);
	ck_assert_ptr_null(value);
	may_end = true;
	OK(0, pthread_join(thread, &value));
	ck_assert_ptr_eq(value, &result);
}
END_TEST

START_TEST(nobody_can_join_itself)
{
	OK(EDEADLK, joining[_i](pthread_self(), NULL, 100));
}
END_TEST

START_TEST(a_detached_thread_cannot_be_joined)
{
	pthread_t thread = begin();

	ck_assert_int_eq(pthread_detach(thread), 0);
	OK(EINVAL, joining[_i](thread, NULL, 100));
	may_end = true;
}
END_TEST

START_TEST(another_clock_is_refused_and_a_time_that_has_passed_is_not)
{
	const struct timespec past = { 0, 0 };
	pthread_t thread = begin();

	OK(EINVAL, pthread_clockjoin_np(thread, NULL, CLOCK_PROCESS_CPUTIME_ID, &past));
	OK(ETIMEDOUT, pthread_timedjoin_np(thread, NULL, &past));
	may_end = true;
	OK(0, pthread_join(thread, NULL));
}
END_TEST

static int end_with_a_number(void *unused)
{
	(void)unused;
	mpgreen_native_enter();
	while (!may_end)
		breathe();
	return 42;
}

START_TEST(the_threads_of_c11_are_like_the_others)
{
	thrd_t thread;
	int number = 0;

	ck_assert_int_eq(thrd_create(&thread, end_with_a_number, NULL), thrd_success);
	beside(_i, allow);
	entered = true;
	ck_assert_int_eq(thrd_join(thread, &number), thrd_success);
	ck_assert_int_eq(number, 42);
	assert_waited();
	beside_join();
}
END_TEST

static pthread_barrier_t barrier;
static _Atomic int serial, others;

static void arrive(void)
{
	for (int i = 0; i < 20; i++) {
		int r = pthread_barrier_wait(&barrier);

		if (r == PTHREAD_BARRIER_SERIAL_THREAD)
			serial++;
		else if (r == 0)
			others++;
	}
}

static void arrive_later(void)
{
	await_wait();
	arrive();
}

START_TEST(at_a_barrier_each_fiber_counts_and_one_is_told_so)
{
	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
	beside(_i, arrive_later);
	entered = true;
	arrive();
	assert_waited();
	beside_join();
	ck_assert_int_eq(serial, 20);
	ck_assert_int_eq(others, 20);
	OK(0, pthread_barrier_destroy(&barrier));
}
END_TEST

START_TEST(joining_is_not_cancelled)
{
	void *value = NULL;
	pthread_t thread;

	if (way != FIBERS)
		return;
	thread = begin();
	beside(1, allow);
	entered = true;
	fibers_answer(MPGREEN_CANCELLED, EINTR);
	OK(0, joining[_i](thread, &value, 10000));
	ck_assert_ptr_eq(value, &result);
	fibers_answer(0, 0);
	beside_join();
}
END_TEST

Suite *join_suite(void)
{
	Suite *suite = suite_create("join");
	TCase *all = way_case(suite, "all");

	each_row(all, joining_waits_for_the_end_and_gives_the_result, JOINING);
	tcase_add_loop_test(all, a_thread_that_has_ended_is_joined_at_once, 0, JOINING);
	tcase_add_loop_test(all, a_time_limit_ends_it_and_the_thread_can_still_be_joined, 0,
			    JOINING - 1);
	tcase_add_loop_test(all, nobody_can_join_itself, 0, JOINING);
	tcase_add_loop_test(all, a_detached_thread_cannot_be_joined, 0, JOINING);
	tcase_add_test(all, another_clock_is_refused_and_a_time_that_has_passed_is_not);
	each_side(all, the_threads_of_c11_are_like_the_others);
	each_side(all, at_a_barrier_each_fiber_counts_and_one_is_told_so);
	tcase_add_loop_test(all, joining_is_not_cancelled, 0, JOINING);
	return suite;
}
