/* SPDX-License-Identifier: MIT */
/* Once: an initialiser runs once, and whoever comes meanwhile goes on when it has run. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include "beside.h"
#include "fibers.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static pthread_once_t control = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT;
static _Atomic bool begun, asking, finished;
static _Atomic int runs;

/* The rows of a table. */
static void once_posix(void (*init)(void))
{
	ck_assert_int_eq(pthread_once(&control, init), 0);
}

static void once_c11(void (*init)(void))
{
	call_once(&flag, init);
}

static void (*const once[])(void (*init)(void)) = { once_posix, once_c11 };
enum { ROWS = 2 };
static int row;

static void init_at_once(void)
{
	runs++;
}

static void init_when_asked(void)
{
	runs++;
	begun = true;
	while (!asking)
		usleep(500);
	await_sleep();
	finished = true;
}

static void begin_it(void)
{
	once[row](init_when_asked);
}

static void begin_beside(int i)
{
	row = i / other_sides();
	beside(i, begin_it);
	AWAIT(begun);
	count_waits_anew();
}

START_TEST(the_initialiser_runs_once)
{
	once[_i](init_at_once);
	once[_i](init_at_once);
	ck_assert_int_eq(runs, 1);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(who_comes_while_it_runs_waits_for_its_end)
{
	begin_beside(_i);
	asking = true;
	errno = ESTALE;
	once[row](init_at_once);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert(finished);
	ck_assert_int_eq(runs, 1);
	assert_waited();
	beside_join();
}
END_TEST

static void init_another(void)
{
	once_posix(init_at_once);
}

START_TEST(an_initialiser_may_call_another_s)
{
	once_c11(init_another);
	once_c11(init_another);
	ck_assert_int_eq(runs, 1);
}
END_TEST

/* Whoever waited for one that is cancelled runs it in its stead. */
static void init_until_cancelled(void)
{
	runs++;
	begun = true;
	UNTIL(asking);
	UNTIL(is_asleep(test_thread_id()));
	ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
	pthread_testcancel();
}

static void *run_until_cancelled(void *is_native)
{
	if (is_native)
		mpgreen_native_enter();
	once[row](init_until_cancelled);
	return NULL;
}

START_TEST(one_that_is_cancelled_has_not_run)
{
	pthread_t thread;

	row = _i / 2;
	ck_assert_int_eq(
		pthread_create(&thread, NULL, run_until_cancelled, _i % 2 ? &thread : NULL), 0);
	UNTIL(begun);
	asking = true;
	once[row](init_at_once);
	ck_assert_int_eq(runs, 2);
	assert_waited();
	once[row](init_at_once);
	ck_assert_int_eq(runs, 2);
	join_natively(thread);
}
END_TEST

START_TEST(in_a_fork_child_what_another_thread_has_begun_is_begun_anew)
{
	int status;
	pid_t child;

	begin_beside(_i);
	child = fork();
	if (child == 0) {
		alarm(10);
		once[row](init_at_once);
		_exit(runs == 2 ? 42 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WEXITSTATUS(status), 42);
	asking = true;
	once[row](init_at_once);
	ck_assert_int_eq(runs, 1);
	beside_join();
}
END_TEST

/* Fibers and threads, all at once. */
enum { CONTROLS = 200, EACH = 4 };

static pthread_once_t controls[CONTROLS];
static int ran[CONTROLS];
static _Thread_local int *running;

static void init_slowly(void)
{
	int *mine = running;

	usleep(10);
	++*mine;
}

static void do_all(void)
{
	for (int i = 0; i < CONTROLS; i++) {
		running = &ran[i];
		ck_assert_int_eq(pthread_once(&controls[i], init_slowly), 0);
		ck_assert_int_eq(ran[i], 1);
	}
}

static void *do_all_beside(void *is_native)
{
	if (is_native)
		mpgreen_native_enter();
	do_all();
	return NULL;
}

START_TEST(of_many_who_come_at_once_one_runs_it)
{
	pthread_t threads[EACH];

	for (int i = 0; i < EACH; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, do_all_beside, i % 2 ? threads : NULL),
			0);
	for (int i = 0; way == FIBERS && i < EACH; i++)
		fibers_spawn(do_all);
	do_all();
	if (way == FIBERS)
		fibers_join();
	for (int i = 0; i < EACH; i++)
		join_natively(threads[i]);
}
END_TEST

START_TEST(the_wait_is_not_cancelled)
{
	if (way != FIBERS)
		return;
	begin_beside(2 * _i + 1);
	fibers_answer(MPGREEN_CANCELLED, EINTR);
	asking = true;
	once[row](init_at_once);
	ck_assert(finished);
	ck_assert_int_eq(runs, 1);
	fibers_answer(0, 0);
	beside_join();
}
END_TEST

Suite *once_suite(void)
{
	Suite *suite = suite_create("once");
	TCase *all = way_case(suite, "all");

	tcase_add_loop_test(all, the_initialiser_runs_once, 0, ROWS);
	each_row(all, who_comes_while_it_runs_waits_for_its_end, ROWS);
	tcase_add_test(all, an_initialiser_may_call_another_s);
	tcase_add_loop_test(all, one_that_is_cancelled_has_not_run, 0, 2 * ROWS);
	each_row(all, in_a_fork_child_what_another_thread_has_begun_is_begun_anew, ROWS);
	tcase_add_test(all, of_many_who_come_at_once_one_runs_it);
	tcase_add_loop_test(all, the_wait_is_not_cancelled, 0, ROWS);
	return suite;
}
