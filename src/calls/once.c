/* SPDX-License-Identifier: MIT */
/*
 * Once: who comes while the initialiser runs waits for its end, which may be that of a parked fiber
 * of this thread. The protocol is glibc's own, so that other threads may do it by libc's call: a
 * word that says "runs", with the number of forks above it, "done", or nothing if the initialiser
 * was cancelled; who changes it wakes all who wait for the word.
 */
#include "os/linux/interpose.h"
#include "registry/process.h"
#include "sources/futex.h"

#define RUNS 1
#define DONE 2
#define STATE 3

static __thread pthread_once_t sample;
static __thread int seen_running;

static void look(void)
{
	seen_running = sample;
}

/* What libc writes for "runs", which is another word after a fork; 0: not what we know. */
static int running(void)
{
	sample = PTHREAD_ONCE_INIT;
	seen_running = 0;
	REAL(pthread_once)(&sample, look);
	return (seen_running & STATE) == RUNS && sample == DONE ? seen_running : 0;
}

struct run {
	pthread_once_t *control;
	int becomes;
};

static void end(const struct run *run)
{
	__atomic_store_n(run->control, run->becomes, __ATOMIC_RELEASE);
	mpg_futex_wake_all((uint32_t *)run->control, false);
}

static void run(pthread_once_t *control, void (*init)(void))
{
	__attribute__((cleanup(end))) struct run r = { control, PTHREAD_ONCE_INIT };

	init();
	r.becomes = DONE;
}

/* False: the thread is to block. */
static bool await_change(pthread_once_t *control, int mark, const char *call)
{
	struct mpg_wait w;

	if (mpg_process_is_foreign() || !mpg_wait_begin_other(&w, call))
		return false;
	w.uncancellable = true;
	{
		MPG_FUTEX(f, (uint32_t *)control, (uint32_t)mark, false);

		mpg_futex_wait(&w, &f);
	}
	errno = w.saved_errno;
	return true;
}

static int once(pthread_once_t *control, void (*init)(void), const char *call)
{
	for (;;) {
		int mark = running(), is = __atomic_load_n(control, __ATOMIC_ACQUIRE);

		if (is & DONE)
			return 0;
		if (!mark || (is == mark && !await_change(control, mark, call)))
			return REAL(pthread_once)(control, init);
		/* From before a fork it is nobody's. */
		if (is != mark
		    && __atomic_compare_exchange_n(control, &is, mark, false, __ATOMIC_ACQUIRE,
						   __ATOMIC_RELAXED)) {
			run(control, init);
			return 0;
		}
	}
}

static bool is_done(const pthread_once_t *control)
{
	return __atomic_load_n(control, __ATOMIC_ACQUIRE) == DONE;
}

GREEN(int, pthread_once, pthread_once_t *control, void (*init)(void))
{
	return is_done(control) ? 0 : once(control, init, "pthread_once");
}

INTERPOSE(int, pthread_once, pthread_once_t *control, void (*init)(void))
{
	return mpg_thread_has_fibers() ? green_pthread_once(control, init)
				       : REAL(pthread_once)(control, init);
}

GREEN(void, call_once, once_flag *flag, void (*init)(void))
{
	pthread_once_t *control = (pthread_once_t *)flag;

	if (!is_done(control))
		once(control, init, "call_once");
}

INTERPOSE(void, call_once, once_flag *flag, void (*init)(void))
{
	if (mpg_thread_has_fibers())
		green_call_once(flag, init);
	else
		REAL(call_once)(flag, init);
}
