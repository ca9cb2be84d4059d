/* SPDX-License-Identifier: MIT */
/*
 * What the library knows of the calling thread. In static thread-local memory, so that the question
 * every intercepted call begins with, "is this thread green?", costs one load.
 */
#ifndef MPG_THREAD_H
#define MPG_THREAD_H

#include "libc.h"

#pragma GCC visibility push(hidden)

enum mpg_mode {
	MPG_MODE_UNDECIDED,	/* a new thread: MPGREEN_SCHEDULER may make it green */
	MPG_MODE_NATIVE,
	MPG_MODE_GREEN,		/* a scheduler is attached */
};

struct mpg_slot;
struct mpg_holding;

struct mpg_thread {
	enum mpg_mode mode;
	int native_depth;		/* mpgreen_native_enter() */
	struct mpg_slot *slot;		/* the scheduler on top; NULL unless GREEN */
	bool alarm_due;			/* mpg_wait_closed() is to ring */
	unsigned turn_calls;		/* green calls since the last wait, */
	int64_t turn_began;		/* and when that was noticed, in coarse ns; 0: not yet */
	/* Written by signal handlers on this thread: */
	volatile unsigned handled;	/* handlers that have run */
	volatile unsigned interrupted;	/* ... those without SA_RESTART */
	void *volatile handler_frame;	/* the stack of the handler that is running, or NULL */
	volatile int doorbell;		/* eventfd to ring when a handler has run, or 0 */
	unsigned listeners;		/* waits that want it rung */
	pid_t id;			/* the kernel's; 0: not asked yet */
	struct mpg_holding *held;	/* see held.h */
	size_t held_bytes;
	unsigned n_held;
	unsigned n_running_holds;	/* of these, the running fiber's */
	bool told_of_locks;		/* the scheduler on top knows that there are some */
};

extern __thread struct mpg_thread mpg_thread __attribute__((tls_model("initial-exec")));

/* Decides for a thread that is UNDECIDED. */
bool mpg_thread_decide(void);

/* May a call on this thread wait through a scheduler? */
static inline bool mpg_thread_is_green(void)
{
	enum mpg_mode mode = mpg_thread.mode;

	if (__builtin_expect(mode == MPG_MODE_NATIVE, 1))
		return false;
	return mode == MPG_MODE_GREEN || mpg_thread_decide();
}

/* The same for a call that may be made inside an allocator: who is undecided has never waited. */
static inline bool mpg_thread_has_fibers(void)
{
	return __builtin_expect(mpg_thread.mode == MPG_MODE_GREEN, 0);
}

static inline pid_t mpg_thread_id(void)
{
	if (__builtin_expect(!mpg_thread.id, 0))
		mpg_thread.id = (pid_t)syscall(SYS_gettid);
	return mpg_thread.id;
}

#pragma GCC visibility pop

#endif
