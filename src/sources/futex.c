/* SPDX-License-Identifier: MIT */
#include "sources/futex.h"
#include "real.h"
#include "settings.h"
#include "sources/futex_ways.h"

#define FUTEX_OP_WAKE 1
#define FUTEX_IS_PRIVATE 128

#define NAP_MS 10

static _Atomic int chosen;

static bool works(enum mpg_futex_way way)
{
	switch (way) {
	case MPG_FUTEX_URING:
		return mpg_futex_uring_works();
	case MPG_FUTEX_WAITV:
		return mpg_futex_waitv_works();
	default:
		return true;
	}
}

static const char *const complaints[] = {
	[MPG_FUTEX_URING] = "libmpgreen: MPGREEN_SEM=uring: this system has no io_uring that waits "
			    "for futexes, or forbids it; taking the next best\n",
	[MPG_FUTEX_WAITV] = "libmpgreen: MPGREEN_SEM=waitv: this system has no futex_waitv(), or "
			    "forbids it; taking the next best\n",
};

static enum mpg_futex_way choose(void)
{
	enum mpg_futex_way way = MPG_FUTEX_URING;

	if (mpg_settings.sem != MPG_SEM_AUTO) {
		way = mpg_settings.sem == MPG_SEM_URING	    ? MPG_FUTEX_URING
			: mpg_settings.sem == MPG_SEM_WAITV ? MPG_FUTEX_WAITV
							    : MPG_FUTEX_WORKER;
		if (!works(way)
		    && REAL(write)(STDERR_FILENO, complaints[way], strlen(complaints[way])) < 0)
			return MPG_FUTEX_WORKER;
	}
	while (!works(way))
		way++;
	return way;
}

enum mpg_futex_way mpg_futex_way(void)
{
	int saved_errno = errno;

	if (atomic_load(&chosen) == MPG_FUTEX_UNDECIDED)
		atomic_store(&chosen, choose());
	errno = saved_errno;
	return (enum mpg_futex_way)atomic_load(&chosen);
}

bool mpg_futex_nap(struct mpg_wait *w)
{
	const int64_t deadline = w->deadline, end = mpg_clock_after(NAP_MS * MPG_MILLISECOND);
	const int timeout_error = w->timeout_error;
	bool again;

	if (end < deadline) {
		w->deadline = end;
		w->timeout_error = EAGAIN;
	}
	again = mpg_wait_on(w, -1, 0) || (end < deadline && errno == EAGAIN);
	w->deadline = deadline;
	w->timeout_error = timeout_error;
	return again;
}

static enum mpg_futex_answer wait_by(struct mpg_wait *w, struct mpg_futex *f)
{
	switch (f->way) {
	case MPG_FUTEX_URING:
		return mpg_futex_uring_wait(w, f);
	case MPG_FUTEX_WAITV:
		return mpg_futex_waitv_wait(w, f);
	case MPG_FUTEX_WORKER:
		return mpg_futex_worker_wait(w, f);
	default:
		return mpg_futex_nap(w) ? MPG_FUTEX_AGAIN : MPG_FUTEX_ENDED;
	}
}

bool mpg_futex_wait(struct mpg_wait *w, struct mpg_futex *f)
{
	enum mpg_futex_answer answer;

	if (!f->held)
		f->way = mpg_futex_way();
	/* Many wait on one bell after another: none of them is at its fourth spurious readiness. */
	w->attempt = 0;
	while ((answer = wait_by(w, f)) == MPG_FUTEX_CANNOT)
		f->way++;
	return answer == MPG_FUTEX_AGAIN;
}

void mpg_futex_end(struct mpg_futex *f)
{
	int saved_errno = errno;

	/* What a fiber held that was parked across fork() is the parent's. */
	if (f->held && f->forks == mpg_process_forks) {
		if (f->way == MPG_FUTEX_URING)
			mpg_futex_uring_end(f);
		else
			mpg_futex_waitv_end(f);
	}
	f->held = NULL;
	errno = saved_errno;
}

/* glibc never fails it for an address that is no memory any more; nor do we. */
static void wake(uint32_t *word, bool shared, int n)
{
	int saved_errno = errno;

	syscall(SYS_futex, word, FUTEX_OP_WAKE | (shared ? 0 : FUTEX_IS_PRIVATE), n, NULL, NULL, 0);
	errno = saved_errno;
}

void mpg_futex_wake_one(uint32_t *word, bool shared)
{
	wake(word, shared, 1);
}

void mpg_futex_wake_all(uint32_t *word, bool shared)
{
	wake(word, shared, INT_MAX);
}

void mpg_futex_before_fork(void)
{
	mpg_futex_waitv_before_fork();
}

void mpg_futex_after_fork(void)
{
	mpg_futex_waitv_after_fork();
}

void mpg_futex_forked(void)
{
	mpg_futex_uring_forked();
	mpg_futex_waitv_forked();
}
