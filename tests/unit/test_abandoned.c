/* SPDX-License-Identifier: MIT */
/* src/sources/job.c: workers that win nothing, and those that are interrupted, not cancelled. */
#include "real.h"
#include "registry/private.h"
#include "sources/job.h"
#include "support.h"

#include <sched.h>

static struct mpg_wait w;
static _Atomic int awaited, begun, came_back, given_back;

static void run_poll(struct mpg_job *job)
{
	int r;

	begun++;
	r = REAL(poll)(NULL, 0, -1);
	came_back++;
	mpg_job_finish(job, r);
}

static int empty[2];

/* A signal with SA_RESTART would not end it. */
static void run_read(struct mpg_job *job)
{
	char byte;
	ssize_t n;

	begun++;
	n = REAL(read)(empty[0], &byte, 1);
	came_back++;
	mpg_job_finish(job, n);
}

/* Not before its waiter waits. */
static void run_nothing(struct mpg_job *job)
{
	while (!awaited)
		sched_yield();
	begun++;
	mpg_job_finish(job, 5);
}

static void give_back(struct mpg_job *job)
{
	given_back += (int)job->result;
}

static struct mpg_job *new_job(void (*run)(struct mpg_job *))
{
	struct mpg_job *job = mpg_job_new(sizeof(*job), run);

	ck_assert_ptr_nonnull(job);
	job->give_back = give_back;
	ck_assert(mpg_wait_begin_other(&w, "test"));
	return job;
}

static void await_begun(int unused)
{
	(void)unused;
	while (!begun)
		sched_yield();
}

static void await_done(int unused)
{
	struct pollfd bell = { .fd = script.seen[script.waits - 1].fd, .events = POLLIN };

	(void)unused;
	awaited++;
	ck_assert_int_eq(REAL(poll)(&bell, 1, -1), 1);
}

static void drop_and_await_freed(struct mpg_job *job)
{
	int bell = job->bell;

	mpg_job_drop(&job);
	while (is_open(bell))
		sched_yield();
}

START_TEST(an_interruptible_call_comes_back_before_its_waiter_goes_on)
{
	struct mpg_job *job;

	PLAY({ .verdict = MPGREEN_CANCELLED, .error = ESTALE, .meanwhile = await_begun });
	job = new_job(run_poll);
	job->interruptible = true;
	ck_assert(!mpg_job_run(&w, job));
	ck_assert_int_eq(errno, ESTALE);
	drop_and_await_freed(job);
	ck_assert_int_eq(came_back, 1);
	ck_assert_int_eq(given_back, 0);
}
END_TEST

/* Of glibc's own signal, as the kernel tells. */
static unsigned long flags_of_cancellation(void)
{
	unsigned long action[8] = { 0 };

	ck_assert_int_eq(syscall(SYS_rt_sigaction, __SIGRTMIN, NULL, action, 8), 0);
	return action[1];
}

static void *be_cancelled(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* The first pthread_cancel() of a process installs the handler. */
static void install_handler(void)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, be_cancelled, NULL), 0);
	pthread_cancel(thread);
	REAL(pthread_join)(thread, NULL);
}

START_TEST(an_interruptible_call_is_not_restarted)
{
	unsigned long before;
	struct mpg_job *job;

	install_handler();
	before = flags_of_cancellation();
	open_pipe(empty);
	PLAY({ .verdict = MPGREEN_CANCELLED, .error = ESTALE, .meanwhile = await_begun });
	job = new_job(run_read);
	job->interruptible = true;
	ck_assert(!mpg_job_run(&w, job));
	ck_assert_int_eq(came_back, 1);
	drop_and_await_freed(job);
	ck_assert_uint_eq(flags_of_cancellation(), before);
}
END_TEST

/* The interruption may come before the call, or before the thread. */
START_TEST(an_interruptible_call_ends_whenever_it_is_abandoned)
{
	struct mpg_job *job;

	PLAY(CANCELLED(ESTALE));
	job = new_job(run_poll);
	job->interruptible = true;
	ck_assert(!mpg_job_run(&w, job));
	drop_and_await_freed(job);
	ck_assert_int_eq(came_back, begun);
}
END_TEST

START_TEST(what_an_interruptible_call_won_meanwhile_is_its_result)
{
	struct mpg_job *job;

	PLAY({ .verdict = MPGREEN_CANCELLED, .error = ESTALE, .meanwhile = await_done });
	job = new_job(run_nothing);
	job->interruptible = true;
	ck_assert(mpg_job_run(&w, job));
	ck_assert_int_eq(job->result, 5);
	drop_and_await_freed(job);
	ck_assert_int_eq(given_back, 0);
}
END_TEST

START_TEST(a_worker_that_wins_nothing_does_not_keep_a_cancelled_waiter)
{
	struct mpg_job *job;

	PLAY({ .verdict = MPGREEN_CANCELLED, .error = ESTALE, .meanwhile = await_done });
	job = new_job(run_nothing);
	job->wins_nothing = true;
	ck_assert(!mpg_job_run(&w, job));
	ck_assert_int_eq(errno, ESTALE);
	drop_and_await_freed(job);
	ck_assert_int_eq(given_back, 5);
}
END_TEST

SUITE_OF(abandoned, { an_interruptible_call_comes_back_before_its_waiter_goes_on, 0 },
	 { an_interruptible_call_is_not_restarted, 20 },
	 { an_interruptible_call_ends_whenever_it_is_abandoned, 50 },
	 { what_an_interruptible_call_won_meanwhile_is_its_result, 0 },
	 { a_worker_that_wins_nothing_does_not_keep_a_cancelled_waiter, 0 })
