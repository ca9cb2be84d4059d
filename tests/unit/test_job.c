/* SPDX-License-Identifier: MIT */
/* src/sources/job.c: a call on a worker, its result, and what becomes of it when nobody waits. */
#include "sources/job.h"
#include "engine/stats.h"
#include "real.h"
#include "registry/private.h"
#include "support.h"

#include <sched.h>

struct test_job {
	struct mpg_job job;
	int fd; /* what it reads a byte from */
	int told; /* what it closes in the end */
	pthread_t thread;
	bool green, blocked;
};

static int ends[2], report[2];
static struct mpg_wait w;
static _Atomic bool begun;
static int64_t cancelled_at;

static void close_told(void *told)
{
	REAL(close)(*(int *)told);
}

static void run_read(struct mpg_job *job)
{
	struct test_job *t = (struct test_job *)job;
	sigset_t mask;
	char byte;

	begun = true;
	t->thread = pthread_self();
	t->green = mpg_thread_is_green();
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	t->blocked = sigismember(&mask, SIGUSR1) && sigismember(&mask, SIGTERM);
	pthread_cleanup_push(close_told, &t->told);
	mpg_job_finish(job, REAL(read)(t->fd, &byte, 1));
	pthread_cleanup_pop(1);
}

static struct test_job *new_job(void)
{
	struct test_job *t = (struct test_job *)mpg_job_new(sizeof(*t), run_read);

	ck_assert_ptr_nonnull(t);
	open_pipe(ends);
	open_pipe(report);
	t->fd = ends[0];
	t->told = report[1];
	ck_assert(mpg_wait_begin_other(&w, "test"));
	return t;
}

/* The worker is done with the call. Then what is left is ours to see go. */
static void await_worker(void)
{
	char byte;

	ck_assert_int_eq(REAL(read)(report[0], &byte, 1), 0);
}

static void await_freed(int bell)
{
	while (is_open(bell))
		sched_yield();
}

/* One that is left before it has begun would not begin. */
static void await_begun(int unused)
{
	(void)unused;
	while (!begun)
		sched_yield();
	cancelled_at = mpg_clock_now();
}

#define CANCELLED_IN_CALL(why) \
	((struct step){ .verdict = MPGREEN_CANCELLED, .error = why, .meanwhile = await_begun })

static void drop(struct test_job *t)
{
	struct mpg_job *job = &t->job;

	mpg_job_drop(&job);
}

START_TEST(a_job_gives_its_result_to_whoever_waits)
{
	struct test_job *t;

	PLAY(NATIVE);
	t = new_job();
	write_a_byte(ends[1]);
	ck_assert(mpg_job_run(&w, &t->job));
	ck_assert_int_eq(t->job.result, 1);
	drop(t);
	ck_assert_uint_eq(mpg_stats.worked, 1);
}
END_TEST

START_TEST(an_error_of_the_call_is_its_result_too)
{
	struct test_job *t;

	PLAY(NATIVE);
	t = new_job();
	t->fd = -1;
	ck_assert(mpg_job_run(&w, &t->job));
	ck_assert(t->job.result == -1 && t->job.error == EBADF);
	ck_assert_int_eq(errno, EBADF);
	drop(t);
}
END_TEST

START_TEST(the_scheduler_waits_for_the_bell_of_the_job)
{
	struct test_job *t;

	open_pipe(ends);
	PLAY(READY, READY_AFTER(write_a_byte, 0), NATIVE);
	t = new_job();
	script.steps[1].fd = ends[1];
	ck_assert(mpg_job_run(&w, &t->job));
	ck_assert(script.seen[0].fd == t->job.bell && script.seen[0].events == POLLIN);
	ck_assert(mpg_private_is(t->job.bell));
	drop(t);
}
END_TEST

START_TEST(the_worker_is_a_native_thread_that_handles_no_signals)
{
	struct test_job *t;

	PLAY(NATIVE);
	t = new_job();
	write_a_byte(ends[1]);
	ck_assert(mpg_job_run(&w, &t->job));
	ck_assert(!pthread_equal(t->thread, pthread_self()));
	ck_assert(!t->green && t->blocked);
	drop(t);
}
END_TEST

START_TEST(the_callers_signal_mask_stays_as_it_was)
{
	struct test_job *t;
	sigset_t mask;

	PLAY(NATIVE);
	t = new_job();
	write_a_byte(ends[1]);
	mpg_job_run(&w, &t->job);
	drop(t);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	ck_assert(!sigismember(&mask, SIGUSR1));
}
END_TEST

START_TEST(a_cancelled_wait_cancels_the_call_and_the_job_frees_itself)
{
	struct test_job *t;
	int bell;

	PLAY(CANCELLED_IN_CALL(ESTALE));
	t = new_job();
	bell = t->job.bell;
	ck_assert(!mpg_job_run(&w, &t->job));
	ck_assert_int_eq(errno, ESTALE);
	drop(t);
	await_worker();
	await_freed(bell);
}
END_TEST

static void run_uncancellable(struct mpg_job *job)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	run_read(job);
	pthread_setcancelstate(state, NULL);
}

START_TEST(an_abandoned_job_that_cannot_be_cancelled_frees_itself_in_its_time)
{
	struct test_job *t;
	int bell;

	PLAY(CANCELLED_IN_CALL(ESTALE));
	t = new_job();
	t->job.run = run_uncancellable;
	bell = t->job.bell;
	ck_assert(!mpg_job_run(&w, &t->job));
	drop(t);
	ck_assert(is_open(bell));
	write_a_byte(ends[1]);
	await_worker();
	await_freed(bell);
}
END_TEST

/* The best of three: a busy machine may take longer than the pause that is not to be. */
START_TEST(a_job_that_wins_nothing_is_left_at_once)
{
	int64_t best = INT64_MAX, took;
	struct test_job *t;
	int bell;

	PLAY(CANCELLED_IN_CALL(ESTALE), CANCELLED_IN_CALL(ESTALE), CANCELLED_IN_CALL(ESTALE));
	for (int i = 0; i < 3; i++) {
		begun = false;
		t = new_job();
		t->job.run = run_uncancellable;
		t->job.wins_nothing = true;
		bell = t->job.bell;
		ck_assert(!mpg_job_run(&w, &t->job));
		took = mpg_clock_now() - cancelled_at;
		best = took < best ? took : best;
		drop(t);
		write_a_byte(ends[1]);
		await_worker();
		await_freed(bell);
	}
	ck_assert_int_lt(best, 10 * 1000000);
}
END_TEST

static void let_it_finish(int fd)
{
	struct pollfd bell = { .fd = script.seen[script.waits - 1].fd, .events = POLLIN };

	write_a_byte(fd);
	ck_assert_int_eq(REAL(poll)(&bell, 1, -1), 1);
}

START_TEST(a_result_that_came_while_it_was_cancelled_is_not_lost)
{
	struct test_job *t;

	PLAY({ .verdict = MPGREEN_CANCELLED, .error = EIO, .meanwhile = let_it_finish, .fd = -1 });
	t = new_job();
	script.steps[0].fd = ends[1];
	ck_assert(mpg_job_run(&w, &t->job));
	ck_assert_int_eq(t->job.result, 1);
	drop(t);
}
END_TEST

static _Atomic ssize_t given_back;

static void give_back(struct mpg_job *job)
{
	given_back += job->result;
}

START_TEST(what_an_abandoned_job_won_is_given_back)
{
	struct test_job *t;
	int bell;

	PLAY(CANCELLED_IN_CALL(ESTALE));
	t = new_job();
	t->job.run = run_uncancellable;
	t->job.give_back = give_back;
	bell = t->job.bell;
	ck_assert(!mpg_job_run(&w, &t->job));
	drop(t);
	write_a_byte(ends[1]);
	await_freed(bell);
	ck_assert_int_eq(given_back, 1);
}
END_TEST

START_TEST(what_was_taken_or_never_won_is_not_given_back)
{
	static const struct step ends_well = NATIVE, ends_badly = CANCELLED(ESTALE);
	struct test_job *t;
	int bell;

	script_play(_i ? &ends_well : &ends_badly, 1);
	t = new_job();
	t->job.give_back = give_back;
	bell = t->job.bell;
	if (_i)
		write_a_byte(ends[1]);
	ck_assert_int_eq(mpg_job_run(&w, &t->job), _i);
	drop(t);
	await_freed(bell);
	ck_assert_int_eq(given_back, 0);
}
END_TEST

START_TEST(a_job_outlives_whoever_put_it_first)
{
	struct test_job *t;
	int bell;

	NOTHING_TO_WAIT_FOR();
	t = new_job();
	bell = t->job.bell;
	atomic_fetch_add(&t->job.references, 1);
	errno = ENOANO;
	drop(t);
	ck_assert(is_open(bell));
	errno = ENOANO;
	drop(t);
	ck_assert_int_eq(errno, ENOANO);
	ck_assert(!is_open(bell));
}
END_TEST

START_TEST(without_a_thread_the_call_is_made_by_this_one)
{
	struct test_job *t;

	NOTHING_TO_WAIT_FOR();
	t = new_job();
	fake_no_threads = true;
	write_a_byte(ends[1]);
	ck_assert(mpg_job_run(&w, &t->job));
	ck_assert_int_eq(t->job.result, 1);
	ck_assert_uint_eq(mpg_stats.worked, 0);
	drop(t);
}
END_TEST

START_TEST(without_an_fd_there_is_no_job)
{
	allow_fds(1);
	ck_assert_ptr_null(mpg_job_new(sizeof(struct mpg_job), run_read));
	ck_assert_int_eq(errno, EMFILE);
	allow_fds(0);
}
END_TEST

static pid_t forked;

static void fork_here(int unused)
{
	await_begun(unused);
	forked = fork();
}

static bool was_freed;

static void note_freed(struct mpg_job *job)
{
	(void)job;
	was_freed = true;
}

/* The number of the bell is another's by then. */
static bool frees_all_but(int bell, struct test_job *t)
{
	int fd;

	do
		fd = mpg_private_adopt(REAL(eventfd)(0, EFD_CLOEXEC));
	while (fd >= 0 && fd < bell);
	drop(t);
	return fd == bell && is_open(bell) && was_freed && !given_back;
}

/* The worker stayed in the parent: the child must not touch it. */
START_TEST(a_fork_child_ends_the_wait_and_leaves_the_worker_alone)
{
	struct test_job *t;
	int status, bell;

	PLAY({ .verdict = MPGREEN_CANCELLED, .error = ESTALE, .meanwhile = fork_here });
	t = new_job();
	t->job.run = run_uncancellable;
	t->job.freed = note_freed;
	t->job.give_back = give_back;
	bell = t->job.bell;
	if (mpg_job_run(&w, &t->job) || errno != (forked ? ESTALE : EINTR))
		_exit(1);
	if (forked == 0)
		_exit(frees_all_but(bell, t) ? 0 : 2);
	drop(t);
	write_a_byte(ends[1]);
	await_worker();
	ck_assert_int_eq(REAL(waitpid)(forked, &status, 0), forked);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

SUITE_OF(job, { a_job_gives_its_result_to_whoever_waits, 0 },
	 { an_error_of_the_call_is_its_result_too, 0 },
	 { the_scheduler_waits_for_the_bell_of_the_job, 0 },
	 { the_worker_is_a_native_thread_that_handles_no_signals, 0 },
	 { the_callers_signal_mask_stays_as_it_was, 0 },
	 { a_cancelled_wait_cancels_the_call_and_the_job_frees_itself, 0 },
	 { an_abandoned_job_that_cannot_be_cancelled_frees_itself_in_its_time, 0 },
	 { a_job_that_wins_nothing_is_left_at_once, 0 },
	 { a_result_that_came_while_it_was_cancelled_is_not_lost, 0 },
	 { what_an_abandoned_job_won_is_given_back, 0 },
	 { what_was_taken_or_never_won_is_not_given_back, 2 },
	 { a_job_outlives_whoever_put_it_first, 0 },
	 { without_a_thread_the_call_is_made_by_this_one, 0 }, { without_an_fd_there_is_no_job, 0 },
	 { a_fork_child_ends_the_wait_and_leaves_the_worker_alone, 0 })
