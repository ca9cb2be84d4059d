/* SPDX-License-Identifier: MIT */
/*
 * Futexes on any Linux: a worker for each wait. It waits in slices, because nothing can interrupt
 * it that would not disturb others who wait for the word.
 */
#include "sources/futex_ways.h"
#include "sources/job.h"

#define FUTEX_OP_WAIT 0
#define FUTEX_IS_PRIVATE 128
#define SLICE_NS (100 * MPG_MILLISECOND)

struct futex_job {
	struct mpg_job job;
	uint32_t *word;
	uint32_t expected;
	bool shared;
	bool on_worker;
	pthread_t caller;
};

static bool slice(const struct futex_job *f)
{
	const struct timespec time = { .tv_nsec = SLICE_NS };

	return syscall(SYS_futex, f->word, FUTEX_OP_WAIT | (f->shared ? 0 : FUTEX_IS_PRIVATE),
		       f->expected, &time, NULL, 0)
		== 0;
}

/* EAGAIN says that the word has changed; what else is no timeout says that it is no memory. */
static void run(struct mpg_job *job)
{
	struct futex_job *f = (struct futex_job *)job;
	bool woken;

	f->on_worker = !pthread_equal(f->caller, pthread_self());
	do
		woken = slice(f);
	while (!woken && f->on_worker && !atomic_load(&job->abandoned)
	       && (errno == ETIMEDOUT || errno == EINTR));
	/* A wake-up for one who is gone is somebody else's. */
	if (woken && atomic_load(&job->abandoned))
		mpg_futex_wake_one(f->word, f->shared);
	mpg_job_finish(job, 0);
}

/* No thread was to be had, and this one was blocked for a slice. */
static enum mpg_futex_answer after_slice(const struct mpg_wait *w)
{
	if (mpg_wait_was_interrupted(w))
		errno = EINTR;
	else if (mpg_clock_now() >= w->deadline)
		errno = w->timeout_error;
	else
		return MPG_FUTEX_AGAIN;
	return MPG_FUTEX_ENDED;
}

enum mpg_futex_answer mpg_futex_worker_wait(struct mpg_wait *w, struct mpg_futex *f)
{
	MPG_JOB(job, mpg_job_new(sizeof(struct futex_job), run));
	struct futex_job *futex = (struct futex_job *)job;

	if (!job)
		return MPG_FUTEX_CANNOT;
	job->wins_nothing = true;
	futex->word = f->word;
	futex->expected = f->expected;
	futex->shared = f->shared;
	futex->caller = pthread_self();
	if (!mpg_job_run(w, job))
		return MPG_FUTEX_ENDED;
	return futex->on_worker ? MPG_FUTEX_AGAIN : after_slice(w);
}
