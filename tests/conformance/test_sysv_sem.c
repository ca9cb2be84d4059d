/* SPDX-License-Identifier: MIT */
/*
 * System V semaphores: sets of operations that happen as a whole or wait, and what ends a wait.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fibers.h"
#include "signals.h"
#include "suites.h"
#include "way.h"

enum { SEMAPHORES = 3 };

static int set = -1;
static struct sembuf take = { 0, -1, 0 };

static void remove_set(void)
{
	if (set >= 0)
		semctl(set, 0, IPC_RMID);
	set = -1;
}

static void make_set(void)
{
	set = semget(IPC_PRIVATE, SEMAPHORES, 0600 | IPC_CREAT);
	ck_assert_msg(set >= 0, "semget: %s", strerror(errno));
}

static int value(int semaphore)
{
	return semctl(set, semaphore, GETVAL);
}

/* Past the library, as a process does that has not loaded it. */
static void add(int semaphore, int n)
{
	struct sembuf operation = { (unsigned short)semaphore, (short)n, 0 };

	ck_assert_int_eq(syscall(SYS_semtimedop, set, &operation, 1, NULL), 0);
}

static int op(struct sembuf *operations, size_t n)
{
	return semop(set, operations, n);
}

static int op_for_ever(struct sembuf *operations, size_t n)
{
	return semtimedop(set, operations, n, NULL);
}

static int op_for_long(struct sembuf *operations, size_t n)
{
	struct timespec far = { .tv_sec = 100 };

	return semtimedop(set, operations, n, &far);
}

static int (*const ops[])(struct sembuf *, size_t) = { op, op_for_ever, op_for_long };
enum { OPS = sizeof(ops) / sizeof(ops[0]) };

static void post(void)
{
	add(0, 1);
}

START_TEST(a_call_waits_for_a_token)
{
	other_side(_i, post);
	OK(0, ops[_i / other_sides()](&take, 1));
	assert_waited();
	ck_assert_int_eq(value(0), 0);
	ck_assert_int_eq(semctl(set, 0, GETPID), getpid());
}
END_TEST

static void take_it(void)
{
	add(0, -1);
}

START_TEST(a_call_waits_for_zero)
{
	struct sembuf zero = { 0, 0, 0 };

	add(0, 1);
	other_side(_i, take_it);
	OK(0, ops[_i / other_sides()](&zero, 1));
	assert_waited();
}
END_TEST

static bool was_untouched;

static void post_one_by_one(void)
{
	add(0, 1);
	settle();
	was_untouched = value(0) == 1 && value(2) == 0;
	add(1, 2);
}

START_TEST(operations_happen_all_at_once)
{
	struct sembuf all[] = {
		{ 0, -1, 0 }, { 2, 0, 0 }, { 1, -2, 0 }, { 2, 5, 0 }, { 2, -2, 0 }
	};

	other_side(_i, post_one_by_one);
	OK(0, ops[_i / other_sides()](all, 5));
	ck_assert(was_untouched);
	ck_assert(value(0) == 0 && value(1) == 0 && value(2) == 3);
	assert_waited();
}
END_TEST

static void post_the_first(void)
{
	add(0, 1);
}

/* IPC_NOWAIT counts only for the operation that would block first. */
START_TEST(one_operation_may_refuse_to_wait)
{
	struct sembuf mixed[] = { { 0, -1, 0 }, { 1, -1, IPC_NOWAIT } };
	struct sembuf other[] = { { 1, -1, IPC_NOWAIT }, { 0, -1, 0 } };

	FAILS(EAGAIN, op(other, 2));
	other_side(_i, post_the_first);
	FAILS(EAGAIN, ops[_i / other_sides()](mixed, 2));
	assert_waited();
	ck_assert_int_eq(value(0), 1);
	add(1, 1);
	OK(0, op(mixed, 2));
	ck_assert(value(0) == 0 && value(1) == 0);
}
END_TEST

START_TEST(nobody_waits_without_need)
{
	struct sembuf try[] = { { 0, -1, IPC_NOWAIT }, { 1, 1, IPC_NOWAIT } };
	struct timespec none = { 0 };

	FAILS(EAGAIN, op(try, 2));
	FAILS(EAGAIN, semtimedop(set, &take, 1, &none));
	add(0, 3);
	OK(0, op(try, 2));
	OK(0, op(&take, 1));
	OK(0, semtimedop(set, &take, 1, &none));
	ck_assert(value(0) == 0 && value(1) == 1);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_time_limit_ends_a_call)
{
	struct timespec limit = { .tv_nsec = 30000000 };
	double began = now_ms();

	FAILS(EAGAIN, semtimedop(set, &take, 1, &limit));
	ck_assert_double_ge(now_ms() - began, 29);
	ck_assert_double_lt(now_ms() - began, 5000);
	assert_waited();
	UNTIL(semctl(set, 0, GETNCNT) == 0);
	add(0, 1);
	ck_assert_int_eq(value(0), 1);
}
END_TEST

START_TEST(errors_are_the_kernel_s)
{
	static struct sembuf many[501];
	struct sembuf beyond = { SEMAPHORES, -1, 0 };
	struct sembuf high[] = { { 0, 32767, 0 }, { 0, 1, 0 } };
	struct timespec wrong = { 0, -1 };

	FAILS(EFBIG, op(&beyond, 1));
	FAILS(E2BIG, op(many, 501));
	FAILS(EINVAL, op(many, 0));
	FAILS(ERANGE, op(high, 2));
	FAILS(EINVAL, semtimedop(set, &take, 1, &wrong));
	FAILS(EINVAL, semop(minus_one, &take, 1));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_call_ends_when_the_set_is_removed)
{
	other_side(_i, remove_set);
	FAILS(EIDRM, ops[_i / other_sides()](&take, 1));
	assert_waited();
}
END_TEST

/* signal(7): System V calls are never restarted. */
START_TEST(a_handler_ends_a_call_even_with_SA_RESTART)
{
	catch_with(_i % 2 ? SA_RESTART : 0);
	other_side(0, raise_it);
	FAILS(EINTR, ops[_i / 2](&take, 1));
	ck_assert_int_eq(signals, 1);
	assert_waited();
	UNTIL(semctl(set, 0, GETNCNT) == 0);
}
END_TEST

static bool was_counted;

static void look_and_post(void)
{
	UNTIL(semctl(set, 0, GETNCNT) == 1);
	was_counted = value(0) == 0 && semctl(set, 0, GETZCNT) == 0;
	post();
}

START_TEST(a_waiter_is_counted_as_one)
{
	other_side(0, look_and_post);
	OK(0, op(&take, 1));
	ck_assert(was_counted);
}
END_TEST

/* So many that the library cannot wait for them: the call is libc's. */
START_TEST(as_many_operations_as_the_kernel_allows)
{
	static struct sembuf many[500];

	for (int i = 0; i < 500; i++)
		many[i] = (struct sembuf){ (unsigned short)(i % 2), (short)(i % 2 ? 1 : -1), 0 };
	add(0, 249);
	other_side(0, post);
	OK(0, op(many, 500));
	ck_assert(value(0) == 0 && value(1) == 250);
}
END_TEST

static void post_two(void)
{
	add(0, 2);
}

static void take_one_more(void)
{
	struct sembuf one = { 0, -1, 0 };

	ck_assert_int_eq(semop(set, &one, 1), 0);
}

START_TEST(two_waiters_both_get_a_token)
{
	other_side(1, take_one_more);
	other_side(0, post_two);
	OK(0, op(&take, 1));
	other_side_join();
	ck_assert_int_eq(value(0), 0);
}
END_TEST

static pid_t holder;

static void kill_the_holder(void)
{
	kill(holder, SIGKILL);
}

START_TEST(a_killed_process_gives_its_token_back)
{
	struct sembuf with_undo = { 0, -1, SEM_UNDO };

	add(0, 1);
	holder = fork();
	if (holder == 0) {
		syscall(SYS_semtimedop, set, &with_undo, 1, NULL);
		for (;;)
			pause();
	}
	UNTIL(value(0) == 0);
	other_side(_i, kill_the_holder);
	OK(0, op(&take, 1));
	assert_waited();
	ck_assert_int_eq(waitpid(holder, NULL, 0), holder);
}
END_TEST

START_TEST(a_token_taken_with_SEM_UNDO_comes_back_at_the_end)
{
	struct sembuf with_undo = { 0, -1, SEM_UNDO };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (way == FIBERS)
			fibers_start();
		_exit(semop(set, &with_undo, 1) == 0 && value(0) == 0 ? 0 : 1);
	}
	UNTIL(semctl(set, 0, GETNCNT) == 1);
	post();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_int_eq(value(0), 1);
}
END_TEST

enum { TOKENS = 1500 };

static int taken;
static _Atomic bool over;

static void take_some(void)
{
	for (int i = 0; i < TOKENS / 4; i++) {
		struct timespec limit = { .tv_nsec = i % 3 * 300000 };
		struct sembuf one = { 0, -1, 0 };

		if (semtimedop(set, &one, 1, &limit) == 0)
			taken++;
		else
			ck_assert(errno == EAGAIN || errno == EINTR);
	}
}

static void *disturb(void *unused)
{
	while (!over) {
		pthread_kill(test_thread(), SIGUSR1);
		breathe();
	}
	return unused;
}

/* Waiters whose time runs out, or who are interrupted, again and again. */
START_TEST(no_token_is_lost_when_waiters_give_up)
{
	pthread_t disturber;
	pid_t pid;

	catch_with(SA_RESTART);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < TOKENS; i++) {
			struct timespec pause = { .tv_nsec = i % 3 * 200000 };

			add(0, 1);
			syscall(SYS_nanosleep, &pause, NULL);
		}
		_exit(0);
	}
	ck_assert_int_eq(pthread_create(&disturber, NULL, disturb, NULL), 0);
	if (way == FIBERS) {
		fibers_spawn(take_some);
		fibers_spawn(take_some);
	}
	take_some();
	other_side_join();
	while (waitpid(pid, NULL, WNOHANG) == 0)
		take_some();
	over = true;
	pthread_join(disturber, NULL);
	UNTIL(semctl(set, 0, GETNCNT) == 0);
	ck_assert_int_eq(taken + value(0), TOKENS);
}
END_TEST

Suite *sysv_sem_suite(void)
{
	Suite *suite = suite_create("sysv_sem");
	TCase *tcase = way_case(suite, "sysv_sem");

	tcase_add_checked_fixture(tcase, make_set, remove_set);
	each_row(tcase, a_call_waits_for_a_token, OPS);
	each_row(tcase, a_call_waits_for_zero, OPS);
	each_row(tcase, operations_happen_all_at_once, OPS);
	each_row(tcase, one_operation_may_refuse_to_wait, OPS);
	each_row(tcase, a_call_ends_when_the_set_is_removed, OPS);
	tcase_add_test(tcase, nobody_waits_without_need);
	tcase_add_test(tcase, a_time_limit_ends_a_call);
	tcase_add_test(tcase, errors_are_the_kernel_s);
	tcase_add_loop_test(tcase, a_handler_ends_a_call_even_with_SA_RESTART, 0, 2 * OPS);
	tcase_add_test(tcase, a_waiter_is_counted_as_one);
	tcase_add_test(tcase, as_many_operations_as_the_kernel_allows);
	tcase_add_test(tcase, two_waiters_both_get_a_token);
	each_side(tcase, a_killed_process_gives_its_token_back);
	tcase_add_test(tcase, a_token_taken_with_SEM_UNDO_comes_back_at_the_end);
	tcase_add_test(tcase, no_token_is_lost_when_waiters_give_up);
	return suite;
}
