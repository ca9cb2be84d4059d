/* SPDX-License-Identifier: MIT */
/*
 * A blocking call that nothing else makes waitable runs on a worker thread, which signals an
 * eventfd when it is done. What the worker reads and writes lies in the job, on the heap: the
 * waiting fiber's stack may be elsewhere by then. A job whose waiter has gone is cancelled and
 * frees itself.
 *
 *	MPG_JOB(job, mpg_job_new(sizeof(struct peek), run_peek));
 *	struct peek *peek = (struct peek *)job;
 *
 *	if (!job)
 *		return REAL(recv)(...);
 *	...
 *	if (mpg_job_run(&w, job))
 *		n = job->result;
 *
 * There is a worker at once, unless a call `may_queue`: behind others that end by themselves, too.
 * One that may hold locks or memory is `uncancellable`, and no handler ends the wait for it.
 *
 * A worker that may win something is cancelled at the price of losing it in the very instant; where
 * the call ends with EINTR in any case, `interruptible` makes it exact.
 */
#ifndef MPG_JOB_H
#define MPG_JOB_H

#include "engine/wait.h"
#include "sources/pool.h"

#pragma GCC visibility push(hidden)

struct mpg_job {
	struct mpg_work work;		/* the pool's */
	void (*run)(struct mpg_job *);	/* on the worker: sets result, and error if that is < 0 */
	void (*give_back)(struct mpg_job *);	/* optional: what run() won and nobody has taken */
	void (*left)(struct mpg_job *);	/* optional: its waiter goes, and run() may go on */
	void (*freed)(struct mpg_job *);	/* optional: nobody has it any more */
	ssize_t result;
	int error;
	int bell;			/* -1: it is the parent's */
	unsigned forks;			/* of mpg_process_forks, when it was made */
	_Atomic int references;
	_Atomic bool done;
	_Atomic bool abandoned;		/* for run() to see */
	bool running;			/* or stands in line */
	bool taken;			/* mpg_job_run() has said that there is a result */
	_Atomic pid_t thread;
	/* Fixed before it runs, and read by the worker as one word. */
	bool wins_nothing;		/* so whoever leaves it need not wait for its end */
	bool may_queue;			/* it ends by itself, whatever others do */
	bool uncancellable;		/* and left to itself at once */
	bool interruptible;		/* run() is a call that a signal ends with EINTR */
};

/* NULL with errno: then the caller makes the real call itself. */
struct mpg_job *mpg_job_new(size_t size, void (*run)(struct mpg_job *));

/* Declares `name`: dropped at the end of its block, or when the thread is cancelled in it. */
#define MPG_JOB(name, init) __attribute__((cleanup(mpg_job_drop))) struct mpg_job *name = init

void mpg_job_drop(struct mpg_job **job);

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
