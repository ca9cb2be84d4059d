/* SPDX-License-Identifier: MIT */
/*
 * libmpgreen: blocking calls of unmodified C code, made cooperative.
 *
 * Preload libmpgreen.so into a program. On a thread that has attached a scheduler, a call such as
 * read(), recv() or poll() that would block no longer blocks the thread: it hands what it waits for
 * to the scheduler's wait(), which lets other fibers run until the fd is ready.
 *
 *	static int wait_for(void *self, const mpgreen_wait *what)
 *	{
 *		struct loop *loop = self;
 *
 *		if (loop_is_running_this_fiber(loop))
 *			return MPGREEN_NATIVE;
 *		return loop_park_until(loop, what->fd, what->events, what->deadline_ns)
 *			? MPGREEN_READY : MPGREEN_TIMEOUT;
 *	}
 *
 *	static const mpgreen_scheduler scheduler = { .abi = MPGREEN_ABI, .wait = wait_for };
 *	mpgreen_attach(&scheduler, loop);
 *
 * Every function returns 0 (or the documented value) or a negative errno, and leaves errno, which
 * belongs to the application, alone. A binding that must also load without the library looks the
 * functions up with dlsym(RTLD_DEFAULT, ...).
 *
 * Unless said otherwise a function may be called from any thread, not from a signal handler, and
 * keeps its meaning in a fork child, which starts with no scheduler attached.
 */
#ifndef MPGREEN_H
#define MPGREEN_H

#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MPGREEN_API __attribute__((visibility("default")))

/* What this header describes. Structures only grow at their end; a number is never reused. */
#define MPGREEN_ABI 1

/* deadline_ns of a wait that has no time limit. */
#define MPGREEN_FOREVER INT64_MAX

/*
 * What a call waits for. Owned by the library and valid until wait() lets another fiber run: a
 * scheduler that switches stacks copies what it needs first.
 */
typedef struct mpgreen_wait {
	int fd;			/* the fd to watch, open when wait() is entered; -1: a pure sleep */
	short events;		/* POLLIN, POLLOUT or both; 0 for a pure sleep */
	unsigned short attempt;	/* 0 at a call's first wait; later ones keep their place in line */
	int64_t deadline_ns;	/* CLOCK_MONOTONIC, or MPGREEN_FOREVER; in the past: just yield */
	const char *call;	/* the waiting call, "recv": a string that lives for ever */
	unsigned flags;		/* MPGREEN_UNCANCELLABLE, or 0 */
	int about;		/* the call's fd, whatever is watched in its stead; or as fd */
} mpgreen_wait;

/*
 * The call has no way to fail (pthread_mutex_lock). An exception or the like that is raised in such
 * a wait is kept until the fiber is back from C code, and the wait goes on; it begins although one
 * is kept already. What answers CANCELLED all the same is asked again.
 */
enum { MPGREEN_UNCANCELLABLE = 1 };

/* What wait() answers. Anything else is taken for MPGREEN_NATIVE. */
enum {
	MPGREEN_READY = 1,	/* try again; being wrong about it is fine */
	MPGREEN_TIMEOUT = 0,	/* the deadline has passed */
	MPGREEN_CANCELLED = -1,	/* end the call; errno says with which error */
	MPGREEN_NATIVE = -2	/* no fiber may be switched here: block the thread */
};

/*
 * A scheduler. `self` is handed back as it was given to mpgreen_attach().
 *
 * wait() is called on the attaching thread only, with no lock of the library held, never inside a
 * signal handler, and may switch stacks. What it locks it locks in a native section: it would be
 * asked to wait for that as well. errno is the library's to restore. When several fibers
 * wait for one fd it wakes them in the order of their coming, one for each readiness, and puts one
 * that comes back with attempt > 0 in front. Interrupted by a signal it answers MPGREEN_READY.
 *
 * current() names the fiber that runs, when one begins to wait that holds locks which libc gives to
 * a thread; NULL: that is not certain. Who has it, and switches otherwise than in wait(), says
 * so by mpgreen_switched(). locked() tells, once, that such locks are taken, so that it may begin:
 * it is called in the middle of other people's C code, and neither waits nor switches.
 *
 * closing() tells that waits on fd must end soon (the library answers for the reason) and that
 * whatever is kept for fd is stale. It may be called on any thread, takes no lock that is held
 * across a call of libc, and must not call back into the library.
 */
typedef struct mpgreen_scheduler {
	uint32_t abi;						/* MPGREEN_ABI */
	int (*wait)(void *self, const mpgreen_wait *what);	/* the one that matters */
	int (*can_wait)(void *self);				/* optional, cheap: 0 = native */
	void *(*current)(void *self);				/* optional: which fiber runs */
	void (*closing)(void *self, int fd);			/* optional: forget fd */
	void (*locked)(void *self);				/* optional: see above */
} mpgreen_scheduler;

/*
 * mpgreen_attach - let blocking calls of the calling thread go through SCHEDULER.
 *
 * The structure is copied. Attaching over another scheduler nests, up to eight deep; detaching
 * brings the outer one back.
 *
 * Returns 0; -EINVAL for a NULL scheduler, one without wait() or with abi 0; -EPROTONOSUPPORT for
 * an abi newer than this library; -EALREADY if the same wait() and SELF are attached on top
 * already; -ENOBUFS when nested too deep; -ENOTSUP when the configuration was refused, or inside a
 * vfork child. Since 0.1.
 */
MPGREEN_API int mpgreen_attach(const mpgreen_scheduler *scheduler, void *self);

/*
 * mpgreen_detach - undo the latest mpgreen_attach() of the calling thread.
 *
 * Returns 0; -ENOENT when none is attached; -EBUSY while a fiber waits in it. Since 0.1.
 */
MPGREEN_API int mpgreen_detach(void);

/* Flags of a descriptor. */
enum {
	MPGREEN_GREEN = 1,	/* blocking calls on it wait through the scheduler */
	MPGREEN_ALWAYS = 2	/* even when the application made it non-blocking */
};

/*
 * mpgreen_mark - make calls on FD green whatever its kind or MPGREEN_FDS say.
 *
 * FLAGS is 0, MPGREEN_GREEN (the same) or MPGREEN_ALWAYS. Holds until FD is closed. The
 * descriptor's own flags are never changed.
 *
 * Returns 0; -EBADF if FD is not open; -EINVAL for an unknown flag; -EPERM for a file that
 * cannot be waited for, such as a regular one; -ENOMEM. Since 0.1.
 */
MPGREEN_API int mpgreen_mark(int fd, unsigned flags);

/*
 * mpgreen_unmark - calls on FD block the thread as if the library were absent, until FD is closed.
 *
 * Returns 0, -EBADF if FD is not open, or -ENOMEM. Since 0.1.
 */
MPGREEN_API int mpgreen_unmark(int fd);

/*
 * mpgreen_marks - the MPGREEN_GREEN and MPGREEN_ALWAYS flags that FD has, 0 if it is not green.
 *
 * Returns the flags, or -EBADF if FD is not open. Since 0.1.
 */
MPGREEN_API int mpgreen_marks(int fd);

/*
 * mpgreen_wake - end every wait on FD, on any thread, with the error ERR (an errno).
 *
 * A call that has moved some bytes already returns their count. A poll() or select() of several fds
 * is not ended by it: it looks at them again and goes on.
 *
 * Returns the number of waits that were ended; -EBADF if FD is out of range; -EINVAL if ERR is not
 * positive. Since 0.1.
 */
MPGREEN_API int mpgreen_wake(int fd, int err);

/*
 * mpgreen_mark_sem - let waits on SEM go through the scheduler though processes do not share it.
 *
 * A semaphore of sem_open() or of sem_init() with PSHARED is green by itself; another one blocks
 * the thread, since what threads use as a lock is held by no fiber for long. FLAGS is 0 or
 * MPGREEN_GREEN (the same). Holds until sem_destroy(), sem_close() or sem_init() of it.
 *
 * Returns 0; -EINVAL for NULL or an unknown flag; -ENOTSUP where the libc's semaphores are not
 * known, which then all block; -ENOBUFS when 768 are marked or unmarked. Since 0.1.
 */
MPGREEN_API int mpgreen_mark_sem(sem_t *sem, unsigned flags);

/*
 * mpgreen_unmark_sem - waits on SEM block the thread as if the library were absent, for as long.
 *
 * Returns as mpgreen_mark_sem(). Since 0.1.
 */
MPGREEN_API int mpgreen_unmark_sem(sem_t *sem);

/*
 * mpgreen_native_enter, mpgreen_native_leave - a section whose calls block the thread.
 *
 * For code that must not be switched away from. Sections nest; leave takes what enter returned.
 * Belongs to the calling thread: do not switch fibers by other means inside.
 *
 * mpgreen_native_enter returns a value >= 0. Both may be called in a signal handler. Since 0.1.
 */
MPGREEN_API int mpgreen_native_enter(void);
MPGREEN_API void mpgreen_native_leave(int token);

/*
 * mpgreen_switched - the calling thread runs fiber TO, after it has left FROM without a wait().
 *
 * A recursive mutex, an error-checking one or an rwlock belongs to a thread by libc's rules;
 * the library keeps fibers apart on them, and must hear of each switch. Those in wait() may be
 * reported as well. The names are those that current() returns. FROM NULL: some switches have
 * not been reported; what is held until then is anybody's of this thread, as libc has it.
 *
 * Returns 0. Since 0.1.
 */
MPGREEN_API int mpgreen_switched(const void *from, const void *to);

/*
 * mpgreen_bind_native - the object that holds the address IN_OBJECT calls libc's own NAME.
 *
 * An object is the program or one of its libraries; what others call stays as it is. It is for a
 * lock or a loop that is called too often to be asked each time, such as an interpreter's: after
 * it, the calls cost what they cost without the library. NAME is the name that the object imports:
 * "fcntl64" is not "fcntl". Holds while the object is loaded, in fork children too. Not undone.
 *
 * Returns the number of places in the object that import NAME and now lead to libc, 0 if it does
 * not import it; -EINVAL for NULL; -ENOENT if libc has no NAME, or the address lies in no object
 * but libc, a sanitizer's or the library's own; -ENOTSUP in a vfork child, or on a machine whose
 * relocations are not known. Since 0.1.
 */
MPGREEN_API int mpgreen_bind_native(const void *in_object, const char *name);

/*
 * mpgreen_offload - call FUNCTION on a worker thread, while other fibers of this one run.
 *
 * SIGNATURE says what it takes and returns, and what is to be copied for it: "ptr crypt(str, str)",
 * "ssize_t pread(int, out[n], size_t n, int64)". docs/offload.md describes the words. ARGUMENTS
 * points to an object of its type for each parameter (to a pointer, for a string or a buffer), and
 * RESULT to one of the type that FUNCTION returns, or is NULL. FLAGS is 0.
 *
 *	const char *key = "secret", *salt = "$5$abc";
 *	char *hash;
 *	int r = mpgreen_offload("ptr crypt(str, str)", (void (*)(void))crypt, &hash,
 *				(void *[]){ &key, &salt }, 0);
 *
 * On a thread with no scheduler, or where it may not be switched, FUNCTION is called by the thread
 * itself. Elsewhere it waits in line while MPGREEN_WORKERS others run, unless it is "unbounded".
 * It runs with all signals blocked, must not depend on the thread that it runs on, and is never
 * ended early: when the wait for it ends before it does (a time limit, a cancelled fiber), it goes
 * on with copies of what it was given, which nobody sees. A "ptr" is not copied: what it points to
 * must stay where it is until FUNCTION returns.
 *
 * Returns 0 when FUNCTION has returned: errno then is what it has left, as after a call of it.
 * Otherwise, with errno and RESULT as they were: -EINVAL for a SIGNATURE that is none, NULL for
 * FUNCTION or needed ARGUMENTS, or unknown FLAGS; -ENOMEM; -ENOSYS if the library was built without
 * libffi; or the error by which the scheduler ended the wait, such as -ECANCELED or -EINTR. A fiber
 * that waits across fork() gets -EINTR in the child. Since 0.1.
 */
MPGREEN_API int mpgreen_offload(const char *signature, void (*function)(void), void *result,
				void *const arguments[], unsigned flags);

/* Counts since the process started (in a fork child: since the fork). */
typedef struct mpgreen_stats {
	uint64_t waits;		/* calls of wait() */
	uint64_t ready;		/* ... that answered READY, */
	uint64_t timeouts;	/* TIMEOUT, */
	uint64_t cancelled;	/* CANCELLED, */
	uint64_t native;	/* or NATIVE: the thread was blocked after all */
	uint64_t woken;		/* waits ended by close(), dup2() or mpgreen_wake() */
	uint64_t yields;	/* turns cut short by MPGREEN_TURN_MS */
	uint64_t worked;	/* calls that ran on a worker thread */
} mpgreen_stats;

/*
 * mpgreen_stats_read - copy the first SIZE bytes of the counts to STATS.
 *
 * SIZE is sizeof(mpgreen_stats); what this library does not know of is zero. Each count is exact,
 * the set of them is not a snapshot. Safe in a signal handler.
 *
 * Returns 0, or -EINVAL for NULL. Since 0.1.
 */
MPGREEN_API int mpgreen_stats_read(mpgreen_stats *stats, size_t size);

/*
 * mpgreen_version - "0.1.0": of the library that is loaded. Safe in a signal handler. Since 0.1.
 */
MPGREEN_API const char *mpgreen_version(void);

#ifdef __cplusplus
}
#endif

#endif
