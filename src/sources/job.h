/* SPDX-License-Identifier: MIT */
/*
 * A blocking call that nothing else makes waitable runs on a worker thread, which signals an
 * eventfd when it is done. What the worker reads and writes lies in the job, on the heap: the
 * waiting fiber's stack may be elsewhere by then. A job whose waiter has gone is cancelled and
 * frees itself.
 *
 *	struct peek { struct mpg_job job; ... } *p = mpg_job_new(sizeof(*p), run_peek);
 *	if (p && mpg_job_run(&w, &p->job))
 *		n = p->job.result;
 *	mpg_job_put(&p->job);
 */
#ifndef MPG_JOB_H
#define MPG_JOB_H

#include "engine/wait.h"

#pragma GCC visibility push(hidden)

struct mpg_job {
	void (*run)(struct mpg_job *);	/* on the worker: sets result, and error if that is < 0 */
	ssize_t result;
	int error;
	int bell;
	_Atomic int references;
	_Atomic bool done;
	pthread_t worker;
};

/* NULL with errno. The caller holds a reference. */
void *mpg_job_new(size_t size, void (*run)(struct mpg_job *));
void mpg_job_put(struct mpg_job *job);

/* Runs it and waits. False: the wait ended before, errno says why. */
bool mpg_job_run(struct mpg_wait *w, struct mpg_job *job);

/* For run(): stores what a call of libc returned. */
static inline void mpg_job_finish(struct mpg_job *job, ssize_t result)
{
	job->result = result;
	job->error = errno;
}

#pragma GCC visibility pop

#endif
