/* SPDX-License-Identifier: MIT */
#include "sources/child.h"
#include "real.h"
#include "registry/private.h"
#include "sources/job.h"
#include "sources/reaped.h"

/* One call that is parked. */
struct parked {
	const struct mpg_wish *wish;
	struct mpg_waiter *waiter;
	int pidfd;
};

static void let_go(struct parked *p)
{
	int saved_errno = errno;

	mpg_waiter_drop(&p->waiter);
	if (p->pidfd >= 0)
		mpg_private_close(p->pidfd);
	errno = saved_errno;
}

/* The kernel's word comes first: a number may be another child's by now. */
static int try_one(const struct mpg_wish *wish, struct mpg_status *found)
{
	int r = mpg_waitid(wish, WNOHANG, found);
	struct mpg_wish kept = *wish;

	if (r > 0) {
		if (mpg_status_is_end(found) && !(wish->options & WNOWAIT))
			mpg_reaped_forget(found->pid);
		return r;
	}
	if (r < 0 && errno != ECHILD)
		return r;
	/* Of one that lives only a stop can have been taken, of one that is gone only its end. */
	kept.options &= r == 0 ? ~WEXITED : ~(WSTOPPED | WCONTINUED);
	return mpg_reaped_recall(&kept, found) ? 1 : r;
}

static int try(const struct mpg_wish *wish, struct mpg_waiter *waiter, bool loops,
	       struct mpg_status *found)
{
	int r;

	if (waiter && mpg_waiter_take(waiter, found))
		return 1;
	if (wish->type == P_PID)
		r = try_one(wish, found);
	else
		r = mpg_reaped_try(wish, waiter, loops, found);
	/* A loop on another thread may have taken it since we looked. */
	if (r < 0 && errno == ECHILD && waiter && mpg_waiter_take(waiter, found))
		return 1;
	return r;
}

struct wait_job {
	struct mpg_job job;
	struct mpg_wish wish;
	struct mpg_waiter *waiter;
};

static void work_ended(void *waiter)
{
	mpg_waiter_work_end(waiter);
}

static void run_wait(struct mpg_job *job)
{
	struct wait_job *wait = (struct wait_job *)job;
	const struct mpg_wish *wish = &wait->wish;
	siginfo_t info;

	pthread_cleanup_push(work_ended, wait->waiter);
	/* Where no thread was to be had this is the caller's, which must not be cancelled. */
	if (mpg_thread_is_green() || mpg_waiter_work_begin(wait->waiter))
		mpg_job_finish(job,
			       REAL(waitid)(wish->type, wish->id, &info, wish->options | WNOWAIT));
	pthread_cleanup_pop(1);
}

static bool wait_by_worker(struct mpg_wait *w, struct parked *p)
{
	MPG_JOB(job, mpg_job_new(sizeof(struct wait_job), run_wait));
	struct wait_job *wait = (struct wait_job *)job;

	if (!job)
		return false;
	job->wins_nothing = true;
	wait->wish = *p->wish;
	wait->waiter = p->waiter;
	mpg_waiter_lend(p->waiter);
	return mpg_job_run(w, job);
}

/* A pidfd tells of the end only. __WALL and __WCLONE are for threads and for who traces. */
static bool has_pidfd(const struct mpg_wish *wish)
{
	return wish->type == P_PID
		&& !(wish->options & (WSTOPPED | WCONTINUED | __WCLONE | __WALL));
}

/*
 * Readable, and yet no status, is a child that has ended while somebody else traces it: the worker
 * waits until it is ours again.
 */
#define SPURIOUS 3

static bool park(struct mpg_wait *w, struct parked *p)
{
	if (p->pidfd < 0 && w->attempt == 0 && has_pidfd(p->wish))
		p->pidfd = mpg_private_adopt(mpg_pidfd_open((pid_t)p->wish->id));
	if (p->pidfd < 0 || w->attempt >= SPURIOUS)
		return wait_by_worker(w, p);
	return mpg_wait_on(w, p->pidfd, POLLIN);
}

static int wait_green(const struct mpg_wish *wish, const char *call, struct mpg_status *found)
{
	__attribute__((cleanup(let_go))) struct parked p = { .wish = wish, .pidfd = -1 };
	struct mpg_wait w;
	int r = mpg_wait_begin_other_or_end(&w, call);

	if (r <= 0)
		return r < 0 ? -1 : MPG_CHILD_NATIVE;
	p.waiter = mpg_waiter_new(wish);
	if (!p.waiter)
		return MPG_CHILD_NATIVE;
	do
		r = try(wish, p.waiter, false, found);
	while (r == 0 && park(&w, &p));
	mpg_wait_end(&w);
	return r == 0 ? -1 : r;
}

int mpg_child_wait(const struct mpg_wish *wish, bool loops, const char *call,
		   struct mpg_status *found)
{
	int saved_errno = errno, r;

	pthread_testcancel();
	r = try(wish, NULL, loops, found);
	if (r == 0 && !(wish->options & WNOHANG))
		r = wait_green(wish, call, found);
	if (r >= 0)
		errno = saved_errno;
	return r;
}
