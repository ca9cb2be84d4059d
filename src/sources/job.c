/* SPDX-License-Identifier: MIT */
#include "sources/job.h"
#include "engine/doorbell.h"
#include "engine/stats.h"
#include "os/linux/interrupt.h"
#include "real.h"
#include "registry/private.h"
#include "registry/process.h"
#include "sources/thread.h"

/* How long the thread may be blocked until a cancelled worker has left its call. */
#define CANCELLED_MS 10

/*
 * One that is interrupted comes as soon as it gets a processor; only a file server that does not
 * answer keeps it. To go on without it would be wrong: what it wins later, a lock of the process
 * for instance, may be what the caller has got in the meantime by another call.
 */
#define INTERRUPTED_MS 1000

struct mpg_job *mpg_job_new(size_t size, void (*run)(struct mpg_job *))
{
	struct mpg_job *job = calloc(1, size);

	if (!job)
		return NULL;
	job->run = run;
	job->result = -1;
	job->error = ECANCELED;	/* until run() is through */
	job->forks = mpg_process_forks;
	atomic_init(&job->references, 1);
	job->bell = mpg_private_adopt(REAL(eventfd)(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (job->bell >= 0)
		return job;
	free(job);
	return NULL;
}

static bool is_through(const struct mpg_job *job)
{
	return job->error != ECANCELED || job->result >= 0;
}

static void put(struct mpg_job *job)
{
	if (atomic_fetch_sub(&job->references, 1) != 1)
		return;
	if (job->give_back && is_through(job) && !job->taken)
		job->give_back(job);
	if (job->freed)
		job->freed(job);
	if (job->bell >= 0)
		mpg_private_close(job->bell);
	free(job);
}

/* Runs when the call has returned, and when the worker was cancelled in it. */
static void finish(struct mpg_work *work)
{
	struct mpg_job *job = (struct mpg_job *)work;

	atomic_store(&job->done, true);
	mpg_doorbell_ring(job->bell);
	put(job);
}

/* Before it looks whether it is abandoned, its waiter can see whom to interrupt. */
static void run(struct mpg_work *work)
{
	struct mpg_job *job = (struct mpg_job *)work;

	if (job->interruptible || job->uncancellable)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (!job->interruptible) {
		job->run(job);
		return;
	}
	atomic_store(&job->thread, (pid_t)syscall(SYS_gettid));
	if (!atomic_load(&job->abandoned))
		job->run(job);
	if (atomic_load(&job->abandoned) && job->result < 0)
		job->error = ECANCELED;
}

/* In a vfork child no thread is to be had: it would be one of the parent's. */
static int start(struct mpg_job *job)
{
	int error;

	if (mpg_process_is_foreign())
		return EPERM;
	job->work.run = run;
	job->work.done = finish;
	job->work.may_queue = job->may_queue;
	atomic_fetch_add(&job->references, 1);
	error = mpg_pool_run(&job->work);
	if (error)
		atomic_fetch_sub(&job->references, 1);
	return error;
}

/*
 * glibc cancels a thread in a system call even when that has won something already, which is then
 * lost. So such a worker does not act upon its cancellation, and only the signal of it comes, by
 * our hand: the call ends with EINTR, or else with what it won. It may come just before the call
 * begins, so it comes again.
 */
static void interrupt(struct mpg_job *job)
{
	struct pollfd bell = { .fd = job->bell, .events = POLLIN };

	mpg_interrupt_begin();
	for (int i = 0; i < INTERRUPTED_MS && !atomic_load(&job->done); i++) {
		if (atomic_load(&job->thread))
			mpg_interrupt(atomic_load(&job->thread));
		REAL(poll)(&bell, 1, 1);
	}
	mpg_interrupt_end();
}

static void wait_for_end(const struct mpg_job *job)
{
	struct pollfd bell = { .fd = job->bell, .events = POLLIN };

	REAL(poll)(&bell, 1, CANCELLED_MS);
}

/*
 * The waiter gives up. Most calls are interruptible and so are soon gone; one that was faster than
 * we has won something, and that is handed out after all. The rest is left to end in its own time.
 */
static bool abandon(struct mpg_job *job)
{
	enum mpg_left left;
	int cancelling;

	/* Cancelled in here, the waiter would leave the worker halfway. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
	job->running = false;
	atomic_store(&job->abandoned, true);
	left = mpg_pool_leave(&job->work, !job->uncancellable);
	if (left == MPG_LEFT_RUNNING && job->left)
		job->left(job);
	if (left == MPG_LEFT_QUEUE)
		put(job);
	else if (job->interruptible && left == MPG_LEFT_RUNNING)
		interrupt(job);
	else if (!job->wins_nothing && !job->uncancellable)
		wait_for_end(job);
	pthread_setcancelstate(cancelling, NULL);
	return !job->wins_nothing && atomic_load(&job->done) && is_through(job);
}

/*
 * A fiber that was parked across fork() has no worker in the child: what that one held of the job
 * is the fiber's, and what it has won is the parent's. The bell was closed; its number may be
 * another's by now.
 */
static void orphan(struct mpg_job *job)
{
	atomic_store(&job->references, 1);
	job->running = false;
	job->taken = true;
	job->bell = -1;
}

static bool leave(struct mpg_job *job)
{
	if (job->forks == mpg_process_forks)
		return abandon(job);
	orphan(job);
	return false;
}

static bool take(struct mpg_job *job)
{
	job->taken = true;
	errno = job->error;
	return true;
}

/* False, with errno: the wait has ended and the job is abandoned. */
static bool wait_for(struct mpg_wait *w, struct mpg_job *job)
{
	int error;

	/* A set for the fd of the call, which it has waited for before. */
	mpg_wait_end(w);
	if (job->uncancellable)
		w->always_restarts = true;
	while (!atomic_load(&job->done)) {
		if (mpg_wait_on(w, job->bell, POLLIN))
			continue;
		error = errno;
		if (leave(job))
			return true;
		errno = error;
		return false;
	}
	job->running = false;
	return true;
}

/* As on a worker: what it calls does not wait for a turn of this very job, nor switch fibers. */
static void run_here(struct mpg_job *job)
{
	mpg_thread.native_depth++;
	job->run(job);
	mpg_thread.native_depth--;
}

bool mpg_job_run(struct mpg_wait *w, struct mpg_job *job)
{
	/* No thread to be had: blocking this one is right; an errno of ours would not be. */
	if (start(job) != 0) {
		run_here(job);
		return take(job);
	}
	mpg_stats_count(worked);
	job->running = true;
	return wait_for(w, job) && take(job);
}

void mpg_job_drop(struct mpg_job **job)
{
	int saved_errno = errno;

	/* Only a waiter that was itself cancelled comes here with the worker still at it. */
	if (*job && (*job)->running)
		leave(*job);
	if (*job) {
		if ((*job)->bell >= 0)
			mpg_private_unwatch((*job)->bell);
		put(*job);
	}
	errno = saved_errno;
}
