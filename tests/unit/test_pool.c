/* SPDX-License-Identifier: MIT */
/* src/sources/pool.c: how many workers there are, who waits for one, what becomes of it. */
#include "sources/pool.h"
#include "real.h"
#include "settings.h"
#include "support.h"

#include <sched.h>

/* Reads a byte, unless it is free to go. */
struct task {
	struct mpg_work work;
	int fd;
	bool is_free;
	_Atomic bool begun, done;
	_Atomic pid_t thread;
	int place;		/* it was the how many-th to begin */
	char name[16];
};

static int ends[2];
static _Atomic int places, at_work, most_at_work;

static void run(struct mpg_work *work)
{
	struct task *task = (struct task *)work;
	int now = ++at_work;
	char byte;

	while (now > most_at_work)
		most_at_work = now;
	task->place = ++places;
	task->thread = (pid_t)syscall(SYS_gettid);
	pthread_getname_np(pthread_self(), task->name, sizeof(task->name));
	task->begun = true;
	if (!task->is_free)
		ck_assert_int_eq(REAL(read)(task->fd, &byte, 1), 1);
	at_work--;
}

static void done(struct mpg_work *work)
{
	((struct task *)work)->done = true;
}

static void start(struct task *task, bool may_queue)
{
	task->work.run = run;
	task->work.done = done;
	task->work.may_queue = may_queue;
	task->fd = ends[0];
	ck_assert_int_eq(mpg_pool_run(&task->work), 0);
}

static void await(_Atomic bool *what)
{
	while (!*what)
		sched_yield();
}

static nlink_t threads(void)
{
	struct stat st;

	ck_assert_int_eq(stat("/proc/self/task", &st), 0);
	return st.st_nlink;
}

static bool is_idle(pid_t thread)
{
	char path[64], text[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", thread);
	fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : REAL(read)(fd, text, sizeof(text) - 1);
	REAL(close)(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return atoi(text) == SYS_futex;
}

static void await_idle(const struct task *task)
{
	while (!is_idle(task->thread))
		sched_yield();
}

static void allow(int workers)
{
	mpg_settings.workers = workers;
	open_pipe(ends);
}

START_TEST(no_thread_is_there_before_it_is_needed)
{
	struct task task = { .is_free = true };
	nlink_t before = threads();

	allow(2);
	ck_assert_uint_eq(before, 2 + 1);
	start(&task, true);
	await(&task.done);
	ck_assert_str_eq(task.name, MPG_POOL_THREAD_NAME);
}
END_TEST

START_TEST(a_thread_that_is_through_is_used_again)
{
	struct task one = { .is_free = true }, other = { .is_free = true };

	allow(2);
	start(&one, _i);
	await(&one.done);
	await_idle(&one);
	start(&other, true);
	await(&other.done);
	ck_assert_int_eq(one.thread, other.thread);
}
END_TEST

START_TEST(no_more_work_is_done_at_once_than_is_allowed)
{
	struct task tasks[5] = { 0 };

	allow(2);
	for (int i = 0; i < 5; i++)
		start(&tasks[i], true);
	await(&tasks[0].begun);
	await(&tasks[1].begun);
	ck_assert(!tasks[2].begun);
	for (int i = 0; i < 5; i++)
		write_a_byte(ends[1]);
	for (int i = 0; i < 5; i++)
		await(&tasks[i].done);
	ck_assert_int_eq(most_at_work, 2);
}
END_TEST

START_TEST(what_stands_in_line_is_done_in_turn)
{
	struct task tasks[5] = { 0 };

	allow(1);
	for (int i = 0; i < 5; i++)
		start(&tasks[i], true);
	for (int i = 0; i < 5; i++)
		write_a_byte(ends[1]);
	for (int i = 0; i < 5; i++) {
		await(&tasks[i].done);
		ck_assert_int_eq(tasks[i].place, i + 1);
	}
}
END_TEST

START_TEST(what_waits_for_others_does_not_stand_in_line)
{
	struct task tasks[3] = { 0 }, urgent[3] = { 0 };

	allow(1);
	for (int i = 0; i < 3; i++)
		start(&tasks[i], true);
	for (int i = 0; i < 3; i++)
		start(&urgent[i], false);
	for (int i = 0; i < 3; i++)
		await(&urgent[i].begun);
	ck_assert(!tasks[1].begun);
	for (int i = 0; i < 6; i++)
		write_a_byte(ends[1]);
	for (int i = 0; i < 3; i++) {
		await(&tasks[i].done);
		await(&urgent[i].done);
	}
}
END_TEST

START_TEST(with_no_workers_allowed_there_are_none)
{
	struct task task = { .work.may_queue = true }, urgent = { .is_free = true };

	allow(0);
	ck_assert_int_eq(mpg_pool_run(&task.work), EAGAIN);
	start(&urgent, false);
	await(&urgent.done);
}
END_TEST

START_TEST(without_a_thread_the_place_is_free_again)
{
	struct task task = { .is_free = true };

	allow(1);
	fake_no_threads = true;
	task.work.may_queue = true;
	ck_assert_int_eq(mpg_pool_run(&task.work), EAGAIN);
	fake_no_threads = false;
	start(&task, true);
	await(&task.done);
}
END_TEST

START_TEST(what_leaves_the_line_is_not_done)
{
	struct task tasks[4] = { 0 };

	allow(1);
	for (int i = 0; i < 4; i++)
		start(&tasks[i], true);
	await(&tasks[0].begun);
	ck_assert_int_eq(mpg_pool_leave(&tasks[3].work, _i), MPG_LEFT_QUEUE);
	ck_assert_int_eq(mpg_pool_leave(&tasks[1].work, _i), MPG_LEFT_QUEUE);
	write_a_byte(ends[1]);
	write_a_byte(ends[1]);
	await(&tasks[2].done);
	start(&tasks[3], true);
	write_a_byte(ends[1]);
	await(&tasks[3].done);
	ck_assert(!tasks[1].begun && !tasks[1].done);
	ck_assert_int_eq(places, 3);
}
END_TEST

START_TEST(a_cancelled_thread_is_replaced)
{
	struct task stuck = { 0 }, waiting = { .is_free = true };

	allow(1);
	start(&stuck, true);
	await(&stuck.begun);
	start(&waiting, true);
	ck_assert_int_eq(mpg_pool_leave(&stuck.work, true), MPG_LEFT_RUNNING);
	await(&stuck.done);
	await(&waiting.done);
	ck_assert_int_ne(stuck.thread, waiting.thread);
	ck_assert_int_eq(at_work, 1);
}
END_TEST

START_TEST(what_is_left_but_not_cancelled_comes_to_its_end)
{
	struct task task = { 0 }, next = { .is_free = true };

	allow(1);
	start(&task, true);
	await(&task.begun);
	ck_assert_int_eq(mpg_pool_leave(&task.work, false), MPG_LEFT_RUNNING);
	write_a_byte(ends[1]);
	await(&task.done);
	ck_assert_int_eq(mpg_pool_leave(&task.work, true), MPG_LEFT_ENDED);
	start(&next, true);
	await(&next.done);
	ck_assert_int_eq(task.thread, next.thread);
}
END_TEST

/* Whatever it is just about. */
START_TEST(what_is_left_at_any_time_is_done_with_once)
{
	struct task task = { .is_free = true }, next = { .is_free = true };

	allow(1);
	start(&task, true);
	for (int i = 0; i < _i; i++)
		sched_yield();
	mpg_pool_leave(&task.work, true);
	await(&task.done);
	start(&next, true);
	await(&next.done);
	ck_assert(next.begun);
}
END_TEST

static void *exit_thread(void)
{
	pthread_exit(NULL);
}

static void run_exit(struct mpg_work *work)
{
	(void)work;
	exit_thread();
}

START_TEST(work_that_ends_its_thread_is_done_with)
{
	struct task task = { .work = { .run = run_exit, .done = done, .may_queue = true } };
	struct task next = { .is_free = true };

	allow(1);
	ck_assert_int_eq(mpg_pool_run(&task.work), 0);
	start(&next, true);
	await(&task.done);
	await(&next.done);
}
END_TEST

START_TEST(an_idle_thread_ends_after_a_while)
{
	struct task tasks[3] = { 0 }, late = { .is_free = true };

	mpg_pool_patience = (struct timespec){ .tv_nsec = 1000000 };
	allow(3);
	for (int i = 0; i < 3; i++)
		start(&tasks[i], true);
	for (int i = 0; i < 3; i++)
		write_a_byte(ends[1]);
	while (threads() > 2 + 1)
		sched_yield();
	for (int i = 0; i < 3; i++)
		ck_assert(tasks[i].done);
	start(&late, true);
	await(&late.done);
}
END_TEST

START_TEST(after_a_burst_only_as_many_stay_as_are_allowed)
{
	struct task tasks[6] = { 0 };

	allow(2);
	for (int i = 0; i < 6; i++)
		start(&tasks[i], false);
	for (int i = 0; i < 6; i++)
		write_a_byte(ends[1]);
	for (int i = 0; i < 6; i++)
		await(&tasks[i].done);
	while (threads() > 2 + 1 + 2)
		sched_yield();
}
END_TEST

static int work_in_child(void *unused)
{
	struct task task = { .is_free = true };

	(void)unused;
	start(&task, true);
	await(&task.done);
	return 7;
}

START_TEST(a_fork_child_has_workers_of_its_own)
{
	struct task busy = { 0 }, queued = { 0 };

	allow(1);
	start(&busy, true);
	await(&busy.begun);
	start(&queued, true);
	ck_assert_int_eq(in_child(work_in_child, NULL), 7);
	ck_assert(!queued.begun);
	write_a_byte(ends[1]);
	write_a_byte(ends[1]);
	await(&queued.done);
}
END_TEST

START_TEST(a_fork_child_does_not_call_the_idle_thread_of_its_parent)
{
	struct task task = { .is_free = true };

	allow(1);
	start(&task, true);
	await(&task.done);
	await_idle(&task);
	ck_assert_int_eq(in_child(work_in_child, NULL), 7);
}
END_TEST

#define MOMENTS 20

SUITE_OF(pool, { no_thread_is_there_before_it_is_needed, NOT_UNDER_TSAN },
	 { a_thread_that_is_through_is_used_again, 2 },
	 { no_more_work_is_done_at_once_than_is_allowed, 0 },
	 { what_stands_in_line_is_done_in_turn, 0 },
	 { what_waits_for_others_does_not_stand_in_line, 0 },
	 { with_no_workers_allowed_there_are_none, 0 },
	 { without_a_thread_the_place_is_free_again, 0 }, { what_leaves_the_line_is_not_done, 2 },
	 { a_cancelled_thread_is_replaced, NOT_UNDER_ASAN },
	 { what_is_left_but_not_cancelled_comes_to_its_end, 0 },
	 { what_is_left_at_any_time_is_done_with_once, MOMENTS },
	 { work_that_ends_its_thread_is_done_with, NOT_UNDER_ASAN },
	 { an_idle_thread_ends_after_a_while, NOT_UNDER_TSAN },
	 { after_a_burst_only_as_many_stay_as_are_allowed, NOT_UNDER_TSAN },
	 { a_fork_child_has_workers_of_its_own, NOT_UNDER_TSAN },
	 { a_fork_child_does_not_call_the_idle_thread_of_its_parent, NOT_UNDER_TSAN })
