/* SPDX-License-Identifier: MIT */
/*
 * The worker threads. Work that ends by itself waits in line while MPGREEN_WORKERS threads are at
 * such work. Work that waits for somebody else gets a thread in any case: whoever is to end its
 * wait may stand behind it in the line. A thread that is through waits a while for more, then ends.
 *
 * The lock guards the line, the idle threads and the state of all work. Nothing runs under it.
 */
#ifndef MPG_POOL_H
#define MPG_POOL_H

#include "libc.h"

#pragma GCC visibility push(hidden)

#define MPG_POOL_THREAD_NAME "mpgreen-worker"

enum mpg_work_state {
	MPG_WORK_NEW,
	MPG_WORK_QUEUED,
	MPG_WORK_STARTING,
	MPG_WORK_RUNNING,
	MPG_WORK_ENDED,
};

/* On the heap, and there until done() has been called or mpg_pool_leave() says MPG_LEFT_QUEUE. */
struct mpg_work {
	void (*run)(struct mpg_work *);		/* on the worker, which may be cancelled in it */
	void (*done)(struct mpg_work *);	/* there, after it */
	bool may_queue;				/* ends by itself */
	enum mpg_work_state state;
	bool left;				/* before it began */
	struct mpg_work *next;
	struct mpg_worker *worker;
};

/* 0, or the error for which there is no thread: then neither run() nor done() is called. */
int mpg_pool_run(struct mpg_work *work);

enum mpg_left {
	MPG_LEFT_QUEUE,		/* it will not run: done() is not called */
	MPG_LEFT_RUNNING,	/* done() will be called */
	MPG_LEFT_ENDED,		/* run() has come to its end, and done() to its beginning */
};

/* Whoever wanted it has gone. `cancel`: its thread is cancelled in run(). */
enum mpg_left mpg_pool_leave(struct mpg_work *work, bool cancel);

/* How long an idle thread waits for work. */
extern struct timespec mpg_pool_patience;

/* fork(): the lock is held across it; the child has no workers. */
void mpg_pool_before_fork(void);
void mpg_pool_after_fork(void);
void mpg_pool_forked(void);

#pragma GCC visibility pop

#endif
