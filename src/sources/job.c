/* SPDX-License-Identifier: MIT */
#include "sources/job.h"
#include "engine/doorbell.h"
#include "engine/stats.h"
#include "real.h"
#include "registry/private.h"
#include "registry/process.h"

#define STACK_BYTES (128 * 1024)

void *mpg_job_new(size_t size, void (*run)(struct mpg_job *))
{
	struct mpg_job *job = calloc(1, size);

	if (!job)
		return NULL;
	job->run = run;
	atomic_init(&job->references, 1);
	job->bell = mpg_private_adopt(REAL(eventfd)(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (job->bell >= 0)
		return job;
	free(job);
	return NULL;
}

void mpg_job_put(struct mpg_job *job)
{
	int saved_errno = errno;

	if (job && atomic_fetch_sub(&job->references, 1) == 1) {
		if (job->give_back && job->finished && !job->taken)
			job->give_back(job);
		mpg_private_close(job->bell);
		free(job);
	}
	errno = saved_errno;
}

/* Runs when the call has returned, and when the worker was cancelled in it. */
static void finish(void *argument)
{
	struct mpg_job *job = argument;

	atomic_store(&job->done, true);
	mpg_doorbell_ring(job->bell);
	mpg_job_put(job);
}

static void *work(void *argument)
{
	struct mpg_job *job = argument;

	mpg_thread.mode = MPG_MODE_NATIVE;
	pthread_cleanup_push(finish, job);
	job->run(job);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	job->finished = true;
	pthread_cleanup_pop(1);
	return NULL;
}

/* Signals are the application's threads' to handle. */
static int start(struct mpg_job *job)
{
	pthread_attr_t attributes;
	sigset_t all, mask;
	int error;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	atomic_fetch_add(&job->references, 1);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	error = pthread_create(&job->worker, &attributes, work, job);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	pthread_attr_destroy(&attributes);
	if (error)
		atomic_fetch_sub(&job->references, 1);
	return error;
}

/*
 * The waiter's hold on the worker: until it lets go, which it also does when its own thread is
 * cancelled, the worker can be named even if it has ended.
 */
struct hold {
	struct mpg_job *job;
	unsigned forks;
};

static void let_go(const struct hold *h)
{
	int saved_errno = errno;

	/* A fork child has no workers. */
	if (h->forks == mpg_process_forks) {
		if (!atomic_load(&h->job->done))
			pthread_cancel(h->job->worker);
		pthread_detach(h->job->worker);
	}
	errno = saved_errno;
}

static bool wait_for(struct mpg_wait *w, struct mpg_job *job)
{
	__attribute__((cleanup(let_go))) const struct hold h = { job, mpg_process_forks };

	while (!atomic_load(&h.job->done))
		if (!mpg_wait_on(w, job->bell, POLLIN))
			break;
	if (!atomic_load(&job->done))
		return false;
	job->taken = true;
	errno = job->error;
	return true;
}

bool mpg_job_run(struct mpg_wait *w, struct mpg_job *job)
{
	int error = start(job);

	if (error) {
		errno = error;
		return false;
	}
	mpg_stats_count(worked);
	return wait_for(w, job);
}
