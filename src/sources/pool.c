/* SPDX-License-Identifier: MIT */
#include "sources/pool.h"
#include "engine/thread.h"
#include "registry/lock.h"
#include "settings.h"
#include "sources/resolver.h"
#include "sources/thread.h"

#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

/* Functions of all kinds run on it. What is not touched costs no memory. */
#define STACK_BYTES (1024 * 1024)

struct timespec mpg_pool_patience = { .tv_sec = 5 };

/* Lies on the stack of its thread. */
struct mpg_worker {
	pthread_t thread;
	struct mpg_work *work;		/* NULL: idle */
	_Atomic uint32_t called;	/* the futex that an idle one sleeps on */
	bool cancelled;			/* takes no more work; who cancelled it detaches it */
	struct mpg_worker *next;
};

static struct mpg_lock lock = MPG_LOCK_INITIALIZER;
static struct mpg_worker *idle;		/* the one that was busy last is first */
static struct mpg_work *first, **last = &first;
static int idlers, busy;		/* busy: those at work that may queue */

static struct mpg_work *dequeue(void)
{
	struct mpg_work *work = first;

	if (!work || busy >= mpg_settings.workers)
		return NULL;
	first = work->next;
	if (!first)
		last = &first;
	busy++;
	return work;
}

static void enqueue(struct mpg_work *work)
{
	work->state = MPG_WORK_QUEUED;
	work->next = NULL;
	*last = work;
	last = &work->next;
}

static void unqueue(struct mpg_work *work)
{
	struct mpg_work **p = &first;

	while (*p != work)
		p = &(*p)->next;
	*p = work->next;
	if (last == &work->next)
		last = p;
}

static void hand(struct mpg_worker *worker, struct mpg_work *work)
{
	worker->work = work;
	work->worker = worker;
	work->state = MPG_WORK_RUNNING;
}

static void *serve(void *work);

static int start(struct mpg_work *work)
{
	pthread_t thread;

	return mpg_thread_start(&thread, STACK_BYTES, serve, work);
}

static void end(struct mpg_work *work)
{
	mpg_lock(&lock);
	work->state = MPG_WORK_ENDED;
	work->worker = NULL;
	busy -= work->may_queue;
	mpg_unlock(&lock);
	work->done(work);
}

/* A thread ends that would have taken the next of the line, which must not stand. */
static void replace(void)
{
	struct mpg_work *work;

	for (;;) {
		mpg_lock(&lock);
		work = dequeue();
		if (work)
			work->state = MPG_WORK_STARTING;
		mpg_unlock(&lock);
		if (!work || start(work) == 0)
			return;
		end(work);
	}
}

static bool was_cancelled(const struct mpg_worker *self)
{
	bool cancelled;

	mpg_lock(&lock);
	cancelled = self->cancelled;
	mpg_unlock(&lock);
	return cancelled;
}

/* By pthread_cancel(), ours, or by pthread_exit(), the function's own. */
static void ended_in_run(void *argument)
{
	struct mpg_worker *self = argument;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	end(self->work);
	if (!was_cancelled(self))
		pthread_detach(self->thread);
	replace();
}

static void run(struct mpg_worker *self)
{
	pthread_cleanup_push(ended_in_run, self);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	self->work->run(self->work);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cleanup_pop(0);
	end(self->work);
}

/* False: it was left before its thread was there. */
static bool begin(struct mpg_worker *self, struct mpg_work *work)
{
	bool left;

	mpg_lock(&lock);
	left = work->left;
	hand(self, work);
	mpg_unlock(&lock);
	return !left;
}

static void lie_down(struct mpg_worker *self)
{
	self->work = NULL;
	atomic_store(&self->called, 0);
	self->next = idle;
	idle = self;
	idlers++;
}

static void get_up(const struct mpg_worker *self)
{
	struct mpg_worker **p = &idle;

	while (*p != self)
		p = &(*p)->next;
	*p = self->next;
	idlers--;
}

/* False: nothing came. */
static bool sleep_till_called(struct mpg_worker *self)
{
	bool called;

	while (!atomic_load(&self->called))
		if (syscall(SYS_futex, &self->called, FUTEX_WAIT_PRIVATE, 0, &mpg_pool_patience,
			    NULL, 0)
			    < 0
		    && errno == ETIMEDOUT)
			break;
	if (atomic_load(&self->called))
		return true;
	mpg_lock(&lock);
	called = self->work;
	if (!called)
		get_up(self);
	mpg_unlock(&lock);
	return called;
}

/* False: the thread ends. */
static bool next(struct mpg_worker *self)
{
	struct mpg_work *work = NULL;
	bool stays = false, cancelled;

	mpg_lock(&lock);
	cancelled = self->cancelled;
	if (!cancelled) {
		work = dequeue();
		stays = !work && idlers < mpg_settings.workers;
	}
	if (work)
		hand(self, work);
	else if (stays)
		lie_down(self);
	mpg_unlock(&lock);
	if (work || (stays && sleep_till_called(self)))
		return true;
	if (cancelled)
		replace();
	else
		pthread_detach(self->thread);
	return false;
}

static void *serve(void *work)
{
	struct mpg_worker self = { .thread = pthread_self() };

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_setname_np(self.thread, MPG_POOL_THREAD_NAME);
	mpg_thread.mode = MPG_MODE_NATIVE;
	mpg_resolver_begin();
	if (begin(&self, work))
		run(&self);
	else
		end(self.work);
	while (next(&self))
		run(&self);
	return NULL;
}

/* NULL: it has been queued, or a thread is to be started. */
static struct mpg_worker *place(struct mpg_work *work)
{
	struct mpg_worker *worker = idle;

	if (work->may_queue && busy >= mpg_settings.workers) {
		enqueue(work);
		return NULL;
	}
	busy += work->may_queue;
	if (worker) {
		get_up(worker);
		hand(worker, work);
		atomic_store(&worker->called, 1);
	} else {
		work->state = MPG_WORK_STARTING;
	}
	return worker;
}

static int run_on_new_thread(struct mpg_work *work)
{
	int error = start(work);

	if (error) {
		mpg_lock(&lock);
		busy -= work->may_queue;
		mpg_unlock(&lock);
	}
	return error;
}

int mpg_pool_run(struct mpg_work *work)
{
	struct mpg_worker *worker;
	bool starting;

	if (work->may_queue && !mpg_settings.workers)
		return EAGAIN;
	mpg_lock(&lock);
	worker = place(work);
	starting = work->state == MPG_WORK_STARTING;
	mpg_unlock(&lock);
	if (starting)
		return run_on_new_thread(work);
	/* By now it may be gone, with its stack: the kernel says so, and nobody minds. */
	if (worker)
		syscall(SYS_futex, &worker->called, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return 0;
}

enum mpg_left mpg_pool_leave(struct mpg_work *work, bool cancel)
{
	enum mpg_left left = MPG_LEFT_RUNNING;
	struct mpg_worker *worker = NULL;
	pthread_t thread = 0;

	mpg_lock(&lock);
	work->left = true;
	if (work->state == MPG_WORK_QUEUED) {
		unqueue(work);
		left = MPG_LEFT_QUEUE;
	} else if (work->state == MPG_WORK_ENDED) {
		left = MPG_LEFT_ENDED;
	} else if (work->state == MPG_WORK_RUNNING && cancel) {
		worker = work->worker;
		thread = worker->thread;
		worker->cancelled = true;
	}
	mpg_unlock(&lock);
	/* Not under the lock: the first one loads a library. A joinable thread stays there. */
	if (worker) {
		pthread_cancel(thread);
		pthread_detach(thread);
	}
	return left;
}

void mpg_pool_before_fork(void)
{
	mpg_lock(&lock);
}

void mpg_pool_after_fork(void)
{
	mpg_unlock(&lock);
}

void mpg_pool_forked(void)
{
	idle = NULL;
	first = NULL;
	last = &first;
	idlers = busy = 0;
	mpg_unlock(&lock);
}
