/* SPDX-License-Identifier: MIT */
/* Mutexes and read-write locks that another process holds: its release is seen, and its end. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "fibers.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

/* The rows of a table. */
static const struct kind {
	int type, protocol, robust;
} kinds[] = {
	{ .type = PTHREAD_MUTEX_NORMAL },
	{ .type = PTHREAD_MUTEX_RECURSIVE },
	{ .type = PTHREAD_MUTEX_ERRORCHECK },
	{ .type = PTHREAD_MUTEX_NORMAL, .robust = PTHREAD_MUTEX_ROBUST },
	{ .type = PTHREAD_MUTEX_RECURSIVE, .robust = PTHREAD_MUTEX_ROBUST },
	{ .type = PTHREAD_MUTEX_NORMAL, .protocol = PTHREAD_PRIO_INHERIT },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), ROBUST = 3, ROBUSTS = 2 };

static struct shared {
	pthread_mutex_t mutex;
	pthread_rwlock_t lock;
	_Atomic bool held, asking, released;
	_Atomic int inside;
	long counter;
} * shared;

static pid_t child;

static void make(int row)
{
	pthread_mutexattr_t attr;
	pthread_rwlockattr_t lock_attr;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	pthread_mutexattr_init(&attr);
	ck_assert_int_eq(pthread_mutexattr_settype(&attr, kinds[row].type), 0);
	ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, kinds[row].protocol), 0);
	ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, kinds[row].robust), 0);
	ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
	ck_assert_int_eq(pthread_mutex_init(&shared->mutex, &attr), 0);
	pthread_rwlockattr_init(&lock_attr);
	ck_assert_int_eq(pthread_rwlockattr_setpshared(&lock_attr, PTHREAD_PROCESS_SHARED), 0);
	ck_assert_int_eq(pthread_rwlock_init(&shared->lock, &lock_attr), 0);
}

static pid_t start(void (*act)(void))
{
	pid_t process = fork();

	ck_assert_int_ge(process, 0);
	if (process == 0) {
		mpgreen_native_enter();
		alarm(20);
		act();
		_exit(0);
	}
	return process;
}

/* Another process runs act(), and says that it holds the lock. */
static void start_holding(void (*act)(void))
{
	child = start(act);
	UNTIL(shared->held);
	count_waits_anew();
}

static void end_process(pid_t process, int ends_by)
{
	int status;

	ck_assert_int_eq(waitpid(process, &status, 0), process);
	ck_assert_int_eq(status, ends_by);
}

static void hold_until_asked(void)
{
	shared->held = true;
	UNTIL(shared->asking);
	shared->released = true;
}

static void lock_until_asked(void)
{
	pthread_mutex_lock(&shared->mutex);
	hold_until_asked();
	pthread_mutex_unlock(&shared->mutex);
}

/* Here, while the test waits. */
static void ask(void)
{
	await_sleep();
	shared->asking = true;
}

START_TEST(a_lock_waits_for_another_process)
{
	make(_i / other_sides());
	start_holding(lock_until_asked);
	OK(EBUSY, pthread_mutex_trylock(&shared->mutex));
	beside(_i, ask);
	OK(0, pthread_mutex_lock(&shared->mutex));
	ck_assert(shared->released);
	if (_i % other_sides() == 1)
		ck_assert_uint_gt(waits(), 0);
	OK(0, pthread_mutex_unlock(&shared->mutex));
	beside_join();
	end_process(child, 0);
}
END_TEST

static void kill_it(void)
{
	await_sleep();
	ck_assert_int_eq(kill(child, SIGKILL), 0);
}

START_TEST(who_waits_for_a_process_that_dies_is_told_so)
{
	make(ROBUST + _i / other_sides());
	start_holding(lock_until_asked);
	beside(_i, kill_it);
	OK(EOWNERDEAD, pthread_mutex_lock(&shared->mutex));
	OK(0, pthread_mutex_consistent(&shared->mutex));
	OK(0, pthread_mutex_unlock(&shared->mutex));
	beside_join();
	OK(0, pthread_mutex_lock(&shared->mutex));
	OK(0, pthread_mutex_unlock(&shared->mutex));
	end_process(child, SIGKILL);
}
END_TEST

START_TEST(what_nobody_has_repaired_cannot_be_locked_again)
{
	make(ROBUST + _i / other_sides());
	start_holding(lock_until_asked);
	beside(_i, kill_it);
	OK(EOWNERDEAD, pthread_mutex_lock(&shared->mutex));
	OK(0, pthread_mutex_unlock(&shared->mutex));
	OK(ENOTRECOVERABLE, pthread_mutex_lock(&shared->mutex));
	beside_join();
	end_process(child, SIGKILL);
}
END_TEST

START_TEST(a_time_limit_ends_the_wait_for_another_process)
{
	double began = now_ms();
	struct timespec time;

	make(_i);
	start_holding(lock_until_asked);
	time = in_ms(CLOCK_REALTIME, 20);
	OK(ETIMEDOUT, pthread_mutex_timedlock(&shared->mutex, &time));
	ck_assert_double_ge(now_ms() - began, 20);
	assert_waited();
	shared->asking = true;
	time = in_ms(CLOCK_REALTIME, 10000);
	OK(0, pthread_mutex_timedlock(&shared->mutex, &time));
	ck_assert(shared->released);
	OK(0, pthread_mutex_unlock(&shared->mutex));
	end_process(child, 0);
}
END_TEST

static void write_until_asked(void)
{
	pthread_rwlock_wrlock(&shared->lock);
	hold_until_asked();
	pthread_rwlock_unlock(&shared->lock);
}

START_TEST(a_read_write_lock_waits_for_another_process)
{
	bool writes = _i / other_sides();

	make(0);
	start_holding(write_until_asked);
	beside(_i, ask);
	OK(0, (writes ? pthread_rwlock_wrlock : pthread_rwlock_rdlock)(&shared->lock));
	ck_assert(shared->released);
	if (_i % other_sides() == 1)
		ck_assert_uint_gt(waits(), 0);
	OK(0, pthread_rwlock_unlock(&shared->lock));
	beside_join();
	end_process(child, 0);
}
END_TEST

enum { ROUNDS = 200, EACH = 3 };

static void count_up(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), 0);
		ck_assert_int_eq(atomic_fetch_add(&shared->inside, 1), 0);
		shared->counter++;
		if (i % 8 == 0)
			usleep(10);
		atomic_fetch_sub(&shared->inside, 1);
		ck_assert_int_eq(pthread_mutex_unlock(&shared->mutex), 0);
	}
}

START_TEST(processes_and_fibers_exclude_each_other)
{
	int fibers = way == FIBERS ? EACH : 0;
	pid_t processes[EACH];

	make(_i);
	for (int i = 0; i < EACH; i++)
		processes[i] = start(count_up);
	for (int i = 0; i < fibers; i++)
		fibers_spawn(count_up);
	count_up();
	if (fibers)
		fibers_join();
	for (int i = 0; i < EACH; i++)
		end_process(processes[i], 0);
	ck_assert_int_eq(shared->counter, ROUNDS * (EACH + fibers + 1));
}
END_TEST

Suite *shared_locks_suite(void)
{
	Suite *suite = suite_create("shared_locks");
	TCase *all = way_case(suite, "all");

	each_row(all, a_lock_waits_for_another_process, KINDS);
	each_row(all, who_waits_for_a_process_that_dies_is_told_so, ROBUSTS);
	each_row(all, what_nobody_has_repaired_cannot_be_locked_again, ROBUSTS);
	tcase_add_loop_test(all, a_time_limit_ends_the_wait_for_another_process, 0, KINDS);
	each_row(all, a_read_write_lock_waits_for_another_process, 2);
	tcase_add_loop_test(all, processes_and_fibers_exclude_each_other, 0, KINDS);
	return suite;
}
