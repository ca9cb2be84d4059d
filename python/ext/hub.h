/* SPDX-License-Identifier: MIT */
/*
 * One gevent hub as a scheduler of the library.
 *
 * A hub has a private epoll fd that all its waits are registered with, and one watcher of gevent's
 * loop on that fd. A registration stays in place between waits, so that waiting again costs no
 * system call, and is taken back when it fires and nobody waits. Deadlines, yields and calls from
 * other threads come through a timerfd registered there too.
 *
 * All of it belongs to the hub's thread and to whoever holds the GIL there, but for what is
 * _Atomic: closing() comes from any thread, without the GIL. For its sake a struct hub, its pages
 * and its watches are never freed; they serve the next hub.
 */
#ifndef MPB_HUB_H
#define MPB_HUB_H

#include "binding.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/types.h>

/* The directions of a watch. */
enum { MPB_IN, MPB_OUT, MPB_DIRECTIONS };

struct mpb_queue {
	struct mpb_waiter *first, *last;
};

/* A parked greenlet. On the heap, because greenlet moves the stack of one that is parked. */
struct mpb_waiter {
	struct mpb_waiter *next, *prev;
	struct mpb_queue *queue;		/* that it stands in, or NULL */
	struct mpb_watch *watch;		/* whose queue that is, or NULL */
	PyObject *greenlet;
	int64_t deadline;
	size_t place;				/* in the hub's timers, from 1; 0: in none */
	int verdict;
	bool cannot_fail;			/* MPGREEN_UNCANCELLABLE */
	struct mpb_kept *aside;			/* what was raised in it all the same */
};

/* What is kept for one fd. */
struct mpb_watch {
	int fd;
	unsigned turn;				/* of the hub when it last had an event */
	_Atomic uint32_t armed;			/* the epoll events it is registered for */
	_Atomic unsigned waiting;		/* waiters in both queues */
	_Atomic bool stale;			/* in the hub's list of those */
	struct mpb_watch *next_stale;
	unsigned skip, penalty;			/* see stay.c */
	struct mpb_queue queue[MPB_DIRECTIONS];
};

struct mpb_timers {
	struct mpb_waiter **heap;
	size_t used, size;
	int64_t rings_at;			/* what the timerfd is set to, or FOREVER */
};

/* An exception that was raised in a wait, on its way to the greenlet's Python code. */
struct mpb_kept {
	struct mpb_kept *next;
	PyObject *greenlet, *type, *value, *traceback;
	const void *traced;			/* the frame that has called the C code, or NULL */
	int fd;					/* that the wait was for, if it is this socket */
	ino_t socket;				/* or 0 */
	ino_t broken;				/* the socket that was shut down meanwhile, or 0 */
	bool failed;				/* a wait has ended with another error than EINTR */
};

#define MPB_PAGE 4096
#define MPB_PAGES 262144			/* for every fd number the kernel can give */
#define MPB_EVENTS 64

/* The longest turn: gevent's own watchers, timers and callbacks wait for no longer than this. */
#define MPB_TURN_NS 200000

struct mpb_hub {
	struct mpb_hub *next;			/* in the list of all, for ever */
	bool used;
	_Atomic bool declines;			/* the hub is gone, or Python is */
	unsigned epoch;				/* grows when all that was going on is dropped */
	pthread_t thread;
	PyObject *capsule;			/* in the thread's dict, owns us */
	PyObject *greenlet;			/* gevent's hub itself */
	PyObject *loop, *io, *callback;
	PyTypeObject *plain;			/* a type of greenlets that has no switch_out() */
	bool has_signals;			/* Python runs signal handlers on this thread */
	bool deaf;				/* the watcher must be made anew */
	bool cannot_unref;			/* an active watcher of this loop keeps it alive */
	unsigned turn;				/* runs of the callback */
	int64_t turn_ends;
	bool away;				/* the callback has switched to a greenlet */
	unsigned parked;			/* greenlets that keep the loop alive */
	int epoll;
	_Atomic int bell;			/* the timerfd */
	struct mpb_queue woken;			/* to be switched to in the next turn */
	struct mpb_timers timers;
	struct mpb_kept *kept;
	struct mpb_waiter *spare;
	PyObject *tracer;			/* see trace.c; NULL: not installed */
	PyObject *stranger;			/* was found above it; only compared with */
	unsigned traced, traced_before;		/* switches told of; when the stranger was found */
	bool wants_trace;			/* locks have been taken that need it */
	bool trace_is_due;			/* the interpreter calls before any Python code */
	_Atomic(struct mpb_watch *) stale;
	_Atomic bool disturbed;			/* another thread has closed or woken some fd */
	size_t pages_used;
	_Atomic(struct mpb_watch *_Atomic *) pages[MPB_PAGES];
	struct epoll_event events[MPB_EVENTS];
};

/* hub.c. What returns int: 0, -errno, or 1 with a Python exception set. */
struct mpb_hub *mpb_hub_mine(void);			/* of the calling thread, or NULL */
int mpb_hub_attach(PyObject *greenlet, bool has_signals);
int mpb_hub_detach(void);
void mpb_hub_destroyed(PyObject *greenlet);		/* gevent is about to destroy it */
PyObject *mpb_hub_forked(void);				/* of the forking thread, or None */
void mpb_hub_decline_all(void);
int mpb_hub_listen(struct mpb_hub *h);			/* with a new watcher. -1: exception set */
void mpb_hub_keep_alive(struct mpb_hub *h, bool alive);	/* the loop, that is */

/* park.c: the scheduler's functions */
extern const mpgreen_scheduler mpb_scheduler;

/* stay.c: a short wait without leaving the greenlet. False: park it. */
bool mpb_stay(struct mpb_hub *h, const mpgreen_wait *what);

/* turn.c: what gevent's loop calls when the epoll fd is readable */
PyObject *mpb_turn(PyObject *capsule, PyObject *unused);

/* watch.c */
struct mpb_watch *mpb_watch_find(struct mpb_hub *h, int fd);	/* NULL: never watched */
struct mpb_watch *mpb_watch_get(struct mpb_hub *h, int fd);	/* NULL: out of memory */
int mpb_watch_arm(struct mpb_hub *h, struct mpb_watch *w, uint32_t events);	/* or -errno */
void mpb_watch_disarm(struct mpb_hub *h, struct mpb_watch *w, uint32_t events);
void mpb_watch_closing(struct mpb_hub *h, int fd);		/* any thread, no GIL */
void mpb_watch_settle(struct mpb_hub *h);			/* after calls of closing */
void mpb_watch_drop_all(struct mpb_hub *h);
int mpb_watch_open(struct mpb_hub *h);				/* 0 or -errno */
void mpb_watch_shut(struct mpb_hub *h);

/* timers.c */
int64_t mpb_timers_now(void);
int mpb_timers_add(struct mpb_hub *h, struct mpb_waiter *w);	/* -1: out of memory */
void mpb_timers_remove(struct mpb_hub *h, struct mpb_waiter *w);
struct mpb_waiter *mpb_timers_expired(struct mpb_hub *h, int64_t now);
void mpb_timers_ring(struct mpb_hub *h, int64_t at);
void mpb_timers_silence(struct mpb_hub *h);			/* set to what is next */

/* trace.c */
int mpb_trace_prepare(void);
void mpb_trace_locked(void *self);			/* no GIL */
bool mpb_trace_is_complete(struct mpb_hub *h);		/* has each switch been told of? */
void mpb_trace_wait_begins(struct mpb_hub *h);
void mpb_trace_was_missed(struct mpb_hub *h);
void mpb_trace_remove(struct mpb_hub *h);

/* queue.c */
void mpb_queue_append(struct mpb_queue *q, struct mpb_waiter *w);
void mpb_queue_prepend(struct mpb_queue *q, struct mpb_waiter *w);
void mpb_queue_remove(struct mpb_waiter *w);			/* from the queue it stands in */
struct mpb_waiter *mpb_waiter_new(struct mpb_hub *h, PyObject *greenlet);
void mpb_waiter_free(struct mpb_hub *h, struct mpb_waiter *w);
void mpb_waiter_wake_soon(struct mpb_hub *h, struct mpb_waiter *w, int verdict);

/* kept.c */
extern int mpb_kept_signal;				/* reserved for us */
extern struct mpb_kept_how {
	PyObject *in_frame, *elsewhere;		/* tracers: of the frame that called, of others */
	PyObject *late;				/* makes a class for PyThreadState_SetAsyncExc() */
} mpb_kept_how;
bool mpb_kept_has(const struct mpb_hub *h, PyObject *greenlet);
/* Takes the exception that is set in a wait for fd. Returns the errno that the C code gets. */
int mpb_kept_take(struct mpb_hub *h, PyObject *greenlet, int fd);
/* Its greenlet waits again, for fd. True: that is a connection, which is now at its end. */
bool mpb_kept_goes_on(struct mpb_hub *h, PyObject *greenlet, int fd);
/* A wait that cannot fail begins, whatever is kept; something is raised in it; it has ended. */
void mpb_kept_recall(struct mpb_hub *h, struct mpb_waiter *w);
void mpb_kept_put_aside(struct mpb_waiter *w);
void mpb_kept_bring_back(struct mpb_hub *h, struct mpb_waiter *w);
void mpb_kept_drop_all(struct mpb_hub *h);
PyObject *mpb_kept_raise(PyObject *module, PyObject *args);	/* the signal's handler */
PyObject *mpb_kept_peek(PyObject *module, PyObject *unused);	/* this greenlet's, or None */
PyObject *mpb_kept_pop(PyObject *module, PyObject *unused);	/* the same, no longer kept */
PyObject *mpb_kept_break(PyObject *module, PyObject *unused);	/* the connection it waited for */

#endif
