/* SPDX-License-Identifier: MIT */
/*
 * The end of a thread. No descriptor tells of it, so a worker joins it, with the caller's own time
 * limit: nothing but that ends the wait, or a thread that was joined would have lost its result.
 */
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "registry/process.h"
#include "sources/job.h"

struct join {
	struct mpg_job job;
	pthread_t thread;
	void *value;
	bool limited;
	clockid_t clock;
	struct timespec time;
};

static int join_real(pthread_t thread, void **value, clockid_t clock, const struct timespec *time)
{
	if (!time)
		return REAL(pthread_join)(thread, value);
#if HAVE_DECL_PTHREAD_CLOCKJOIN_NP
	if (clock != CLOCK_REALTIME)
		return REAL(pthread_clockjoin_np)(thread, value, clock, time);
#endif
	(void)clock;
	return REAL(pthread_timedjoin_np)(thread, value, time);
}

static void run(struct mpg_job *job)
{
	struct join *join = (struct join *)job;

	join->job.result = join_real(join->thread, &join->value, join->clock,
				     join->limited ? &join->time : NULL);
	join->job.error = 0;
}

static int wait_for(struct mpg_wait *w, pthread_t thread, void **value, clockid_t clock,
		    const struct timespec *time)
{
	MPG_JOB(job, mpg_job_new(sizeof(struct join), run));
	struct join *join = (struct join *)job;

	if (!job)
		return join_real(thread, value, clock, time);
	join->thread = thread;
	join->limited = time != NULL;
	join->clock = clock;
	if (time)
		join->time = *time;
	w->uncancellable = true;
	/* Only in a fork child, where the thread is not. */
	if (!mpg_job_run(w, job))
		return ESRCH;
	if (job->result == 0 && value)
		*value = join->value;
	return (int)job->result;
}

/* With a clock that is none, or for itself: libc says what is wrong with that. */
static int join_green(pthread_t thread, void **value, clockid_t clock, const struct timespec *time,
		      const char *call)
{
	struct mpg_wait w;
	int error;

	if (pthread_equal(thread, pthread_self()) || mpg_process_is_foreign())
		return join_real(thread, value, clock, time);
	pthread_testcancel();
	error = pthread_tryjoin_np(thread, value);
	if (error != EBUSY)
		return error;
	if (!mpg_wait_begin_other(&w, call))
		return join_real(thread, value, clock, time);
	error = wait_for(&w, thread, value, clock, time);
	errno = w.saved_errno;
	return error;
}

GREEN(int, pthread_join, pthread_t thread, void **value)
{
	return join_green(thread, value, CLOCK_REALTIME, NULL, "pthread_join");
}

INTERPOSE(int, pthread_join, pthread_t thread, void **value)
{
	return mpg_thread_is_green() ? green_pthread_join(thread, value)
				     : REAL(pthread_join)(thread, value);
}

GREEN(int, pthread_timedjoin_np, pthread_t thread, void **value, const struct timespec *time)
{
	return join_green(thread, value, CLOCK_REALTIME, time, "pthread_timedjoin_np");
}

INTERPOSE(int, pthread_timedjoin_np, pthread_t thread, void **value, const struct timespec *time)
{
	return mpg_thread_is_green() ? green_pthread_timedjoin_np(thread, value, time)
				     : REAL(pthread_timedjoin_np)(thread, value, time);
}

#if HAVE_DECL_PTHREAD_CLOCKJOIN_NP
GREEN(int, pthread_clockjoin_np, pthread_t thread, void **value, clockid_t clock,
      const struct timespec *time)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return REAL(pthread_clockjoin_np)(thread, value, clock, time);
	return join_green(thread, value, clock, time, "pthread_clockjoin_np");
}

INTERPOSE(int, pthread_clockjoin_np, pthread_t thread, void **value, clockid_t clock,
	  const struct timespec *time)
{
	return mpg_thread_is_green() ? green_pthread_clockjoin_np(thread, value, clock, time)
				     : REAL(pthread_clockjoin_np)(thread, value, clock, time);
}
#endif

GREEN(int, thrd_join, thrd_t thread, int *result)
{
	void *value;

	if (join_green(thread, &value, CLOCK_REALTIME, NULL, "thrd_join") != 0)
		return thrd_error;
	if (result)
		*result = (int)(intptr_t)value;
	return thrd_success;
}

INTERPOSE(int, thrd_join, thrd_t thread, int *result)
{
	return mpg_thread_is_green() ? green_thrd_join(thread, result)
				     : REAL(thrd_join)(thread, result);
}
