/* SPDX-License-Identifier: MIT */
/* A barrier counts threads, and fibers are to count as such: for each a worker waits there. */
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "registry/process.h"
#include "sources/job.h"

struct arrival {
	struct mpg_job job;
	pthread_barrier_t *barrier;
};

static void run(struct mpg_job *job)
{
	job->result = REAL(pthread_barrier_wait)(((struct arrival *)job)->barrier);
	job->error = 0;
}

static int wait_for(struct mpg_wait *w, pthread_barrier_t *barrier)
{
	MPG_JOB(job, mpg_job_new(sizeof(struct arrival), run));

	if (!job)
		return REAL(pthread_barrier_wait)(barrier);
	((struct arrival *)job)->barrier = barrier;
	w->uncancellable = true;
	/* Only in a fork child, where the others are not. */
	return mpg_job_run(w, job) ? (int)job->result : EINVAL;
}

GREEN(int, pthread_barrier_wait, pthread_barrier_t *barrier)
{
	struct mpg_wait w;
	int result;

	if (mpg_process_is_foreign() || !mpg_wait_begin_other(&w, "pthread_barrier_wait"))
		return REAL(pthread_barrier_wait)(barrier);
	result = wait_for(&w, barrier);
	errno = w.saved_errno;
	return result;
}

INTERPOSE(int, pthread_barrier_wait, pthread_barrier_t *barrier)
{
	return mpg_thread_is_green() ? green_pthread_barrier_wait(barrier)
				     : REAL(pthread_barrier_wait)(barrier);
}
