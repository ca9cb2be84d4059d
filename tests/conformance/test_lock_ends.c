/* SPDX-License-Identifier: MIT */
/*
 * What ends the wait for a lock on a file before it is won; and that nothing is kept of it then.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "locks.h"
#include "mpgreen.h"
#include "signals.h"
#include "suites.h"
#include "way.h"

START_TEST(a_handler_ends_a_wait)
{
	const struct lock_row *row = &lock_rows[_i];

	if (is_stuck(row))
		return;
	start_holder(hold, row->kind);
	catch_with(0);
	other_side(0, raise_it);
	FAILS(EINTR, row->lock(file));
	assert_waited();
	ck_assert_int_eq(signals, 1);
	let_go();
	await_told();
	ck_assert(is_free(row->kind));
	end_holder();
}
END_TEST

static void raise_and_let_go(void)
{
	raise_it();
	UNTIL(signals == 1);
	settle();
	let_go();
}

START_TEST(a_wait_goes_on_after_a_handler_with_SA_RESTART)
{
	const struct lock_row *row = &lock_rows[_i];

	if (is_stuck(row))
		return;
	start_holder(hold, row->kind);
	catch_with(SA_RESTART);
	other_side(0, raise_and_let_go);
	OK(0, row->lock(file));
	assert_waited();
	ck_assert_int_eq(signals, 1);
	ck_assert(!is_free(row->kind));
	end_holder();
}
END_TEST

static int another = -1;

static void close_it(void)
{
	ck_assert_int_eq(close(file), 0);
	if (!green())
		let_go();
}

static void close_and_reuse_it(void)
{
	char *path = scratch("other");

	close_it();
	another = open(path, O_RDWR | O_CREAT, 0600);
	unlink(path);
	ck_assert_int_eq(another, file);
}

/* What has the number of the closed file now. */
static void assert_another_is_not_locked(void)
{
	struct flock lock = { .l_type = F_WRLCK };
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", another);
	OK(0, fcntl(open(path, O_RDWR), F_OFD_SETLK, &lock));
}

static void (*const ends_of_a_file[])(void) = { close_it, close_and_reuse_it };

/* Linux lets flock() go on, on a file that no number leads to any more. */
START_TEST(a_wait_ends_when_its_file_is_closed)
{
	const struct lock_row *row = &lock_rows[_i / other_sides() / 2];

	if (is_stuck(row))
		return;
	start_holder(hold, row->kind);
	other_side(_i, ends_of_a_file[_i / other_sides() % 2]);
	if (green() || !row->of_description)
		FAILS(EBADF, row->lock(file));
	else
		OK(0, row->lock(file));
	assert_waited();
	other_side_join();
	if (green())
		let_go();
	await_told();
	ck_assert(is_free(row->kind));
	if (another >= 0)
		assert_another_is_not_locked();
	end_holder();
}
END_TEST

static void wake_it(void)
{
	ck_assert_int_ge(mpgreen_wake(file, EIO), 0);
}

START_TEST(mpgreen_wake_ends_a_wait)
{
	const struct lock_row *row = &lock_rows[_i / other_sides()];

	if (!green() || is_stuck(row))
		return;
	start_holder(hold, row->kind);
	other_side(_i, wake_it);
	FAILS(EIO, row->lock(file));
	let_go();
	await_told();
	ck_assert(is_free(row->kind));
	end_holder();
}
END_TEST

static const struct lock_row *row_in_handler;
static int result_in_handler;

static void lock_in_handler(int sig)
{
	(void)sig;
	result_in_handler = row_in_handler->lock(file);
}

START_TEST(a_signal_handler_waits_natively)
{
	row_in_handler = &lock_rows[_i];
	result_in_handler = -1;
	if (is_stuck(row_in_handler))
		return;
	start_holder(hold, row_in_handler->kind);
	signal(SIGUSR1, lock_in_handler);
	other_side(0, let_go);
	raise(SIGUSR1);
	ck_assert_int_eq(result_in_handler, 0);
	ck_assert_uint_eq(waits(), 0);
	end_holder();
}
END_TEST

enum { TURNS = 200, LONGEST_PAUSE = 50 };

/* By both processes. */
struct shared {
	_Atomic int inside, turns, won;
};

static struct shared *shared;

static bool was_alone(void)
{
	bool alone = shared->inside++ == 0;
	struct timespec moment = { .tv_nsec = 100000 };

	syscall(SYS_nanosleep, &moment, NULL);
	shared->inside--;
	return alone;
}

static void lock_again_and_again(int kind)
{
	int f = native_file();

	say();
	while (shared->turns++ < TURNS || !shared->won) {
		if (native_lock(kind, f, true) < 0 || !was_alone())
			_exit(1);
		native_unlock(kind, f);
	}
}

static _Atomic bool over;

static void *disturb(void *unused)
{
	for (int pause = 0; !over; pause = (pause + 1) % LONGEST_PAUSE) {
		pthread_kill(test_thread(), SIGUSR1);
		for (int i = 0; i <= pause; i++)
			breathe();
	}
	return unused;
}

/* A lock that is kept by one who has given up would keep the other from its end. */
START_TEST(no_lock_is_kept_or_lost_when_waiters_give_up)
{
	const struct lock_row *row = &lock_rows[_i];
	struct flock lock = { .l_type = F_UNLCK };
	pthread_t disturber;
	int status;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (is_stuck(row))
		return;
	catch_with(0);
	start_holder(lock_again_and_again, row->kind);
	ck_assert_int_eq(pthread_create(&disturber, NULL, disturb, NULL), 0);
	while (waitpid(holder, &status, WNOHANG) == 0) {
		if (row->lock(file) < 0) {
			ck_assert_int_eq(errno, EINTR);
			continue;
		}
		shared->won++;
		ck_assert(was_alone());
		native_unlock(row->kind, file);
		ck_assert_int_eq(syscall(SYS_fcntl, file, F_OFD_SETLK, &lock), 0);
	}
	over = true;
	pthread_join(disturber, NULL);
	ck_assert_int_eq(status, 0);
	holder = 0;
	ck_assert(is_free(row->kind));
}
END_TEST

/* What is cancelled is a fiber: nobody is left behind who wants the lock. */
START_TEST(a_cancelled_wait_leaves_no_lock)
{
	const struct lock_row *row = &lock_rows[_i];

	if (way != FIBERS || is_stuck(row))
		return;
	start_holder(hold, row->kind);
	fibers_answer(MPGREEN_CANCELLED, ECANCELED);
	FAILS(ECANCELED, row->lock(file));
	fibers_answer(0, 0);
	let_go();
	await_told();
	ck_assert(is_free(row->kind));
	OK(0, row->lock(file));
	end_holder();
}
END_TEST

Suite *lock_ends_suite(void)
{
	Suite *suite = suite_create("lock_ends");
	TCase *tcase = way_case(suite, "lock_ends");

	tcase_add_checked_fixture(tcase, make_lock_file, remove_lock_file);
	each_row(tcase, a_wait_ends_when_its_file_is_closed, 2 * LOCK_ROWS);
	each_row(tcase, mpgreen_wake_ends_a_wait, LOCK_ROWS);
	tcase_add_loop_test(tcase, a_handler_ends_a_wait, 0, LOCK_ROWS);
	tcase_add_loop_test(tcase, a_wait_goes_on_after_a_handler_with_SA_RESTART, 0, LOCK_ROWS);
	tcase_add_loop_test(tcase, a_signal_handler_waits_natively, 0, LOCK_ROWS);
	tcase_add_loop_test(tcase, no_lock_is_kept_or_lost_when_waiters_give_up, 0, LOCK_ROWS);
	tcase_add_loop_test(tcase, a_cancelled_wait_leaves_no_lock, 0, LOCK_ROWS);
	return suite;
}
