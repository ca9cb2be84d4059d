/* SPDX-License-Identifier: MIT */
/*
 * The engine: try without blocking, would block? wait, try again. Every blocking call is a loop
 * around one of these words:
 *
 *	if (!mpg_wait_begin(&w, fd, POLLIN, "recv"))
 *		return REAL(recv)(fd, buf, len, flags);
 *	do
 *		n = REAL(recv)(fd, buf, len, flags | MSG_DONTWAIT);
 *	while (mpg_wait_again(&w, n));
 *
 * and mpg_wait_more()/mpg_wait_total() for calls that must move all of what they were given. The
 * try answers EAGAIN where the call would block. What the fd itself asks for (O_NONBLOCK,
 * SO_RCVTIMEO) is asked of the kernel at the first EAGAIN, never remembered.
 *
 * errno is as before the call on success. No lock is held in a wait, and nobody keeps a pointer to
 * struct mpg_wait: the stack it lies on may be moved while the fiber is parked.
 */
#ifndef MPG_WAIT_H
#define MPG_WAIT_H

#include "engine/clock.h"
#include "engine/thread.h"
#include "os/linux/fdset.h"
#include "registry/fds.h"

#pragma GCC visibility push(hidden)

struct mpg_wait {
	const char *call;
	struct mpg_fd *entry;		/* NULL: what is waited for is no fd of the application's */
	int fd;
	int native_fd;			/* polled instead when the thread is blocked; or -1 */
	short events;
	unsigned short attempt;
	bool asked;			/* the kernel has said what O_NONBLOCK and SO_*TIMEO are */
	bool uncancellable;		/* by nothing but its deadline: its call may not fail */
	bool must_park;			/* EDEADLK where the thread would be blocked instead */
	bool never_restarts;		/* EINTR even for a handler with SA_RESTART */
	bool always_restarts;		/* no EINTR, whatever handler runs */
	bool blocked;			/* the last wait has blocked the thread */
	int timeout_error;		/* errno when the deadline passes */
	int saved_errno;
	int64_t deadline;
	size_t done;			/* bytes (or messages) moved so far */
	uint32_t generation;
	unsigned forks;			/* of mpg_process_forks, when the call began */
	struct mpg_fdset edge;		/* for an fd that is ready for other things than wanted */
	unsigned handled, interrupted;	/* of mpg_thread, when the call began */
};

/*
 * The question that every call begins with: is it certain that it passes through? One load when the
 * thread is not green, one more when the fd is known not to be.
 */
static inline bool mpg_may_wait_on(int fd)
{
	if (!mpg_thread_is_green())
		return false;
	if (__builtin_expect((unsigned)fd >= MPG_FDS_FLAT, 0))
		return true;
	return (mpg_fd_state(&mpg_fds_flat[fd]) & (MPG_FD_KNOWN | MPG_FD_GREEN)) != MPG_FD_KNOWN;
}

/*
 * Begins a call that may wait for `events` on fd. 0: block for real, as libc does. Below 0: the
 * call ends before it has tried anything, errno says why: interrupted in the yield that its fiber
 * owed, it would lose what it takes. `call` is its name, a string that lives for ever.
 */
int mpg_wait_begin_or_end(struct mpg_wait *w, int fd, short events, const char *call);

/* A bool, as a rule: where the call ends at once, this returns -1 from the calling function. */
#define mpg_wait_or_return(begun) \
	({ \
		int begun_ = begun; \
		if (begun_ < 0) \
			return -1; \
		begun_ > 0; \
	})

#define mpg_wait_begin(w, fd, events, call) \
	mpg_wait_or_return(mpg_wait_begin_or_end(w, fd, events, call))

/* The same for a call that waits for something else, or for a time: see mpg_wait_on(). */
int mpg_wait_begin_other_or_end(struct mpg_wait *w, const char *call);

/* For one that takes something at its first try. */
#define mpg_wait_begin_taking(w, call) mpg_wait_or_return(mpg_wait_begin_other_or_end(w, call))

/* For one that takes nothing: its first wait fails where that one says that it ends. */
static inline bool mpg_wait_begin_other(struct mpg_wait *w, const char *call)
{
	return mpg_wait_begin_other_or_end(w, call) != 0;
}

/* Such a call waits for fd after all: close(fd) and mpgreen_wake() end it. */
void mpg_wait_for_entry(struct mpg_wait *w, int fd);

/* After a try that returned n: true if it is to be made again. */
bool mpg_wait_again(struct mpg_wait *w, ssize_t n);

/* The same for a call that moves `len` in all; w->done has moved. */
bool mpg_wait_more(struct mpg_wait *w, ssize_t n, size_t len);

/* What such a call returns. */
ssize_t mpg_wait_total(struct mpg_wait *w, ssize_t n);

/*
 * One wait, with no question to the kernel: for calls that know their own deadline. True: try
 * again. False: errno says why the call ends.
 */
bool mpg_wait_park(struct mpg_wait *w);

/* Such a wait on another fd, a private one for instance: -1 for none. */
bool mpg_wait_on(struct mpg_wait *w, int fd, short events);

/* The deadline that SO_RCVTIMEO (POLLIN) or SO_SNDTIMEO of fd gives a call that begins now. */
int64_t mpg_wait_socket_deadline(int fd, short events);

/* For a call that ends otherwise than by one of these words. Keeps errno. */
void mpg_wait_end(struct mpg_wait *w);

/* Has fork() led to another process since the call began? Its private fds are the parent's. */
bool mpg_wait_was_forked(const struct mpg_wait *w);

/* Has a handler run that must end this call with EINTR? */
bool mpg_wait_was_interrupted(const struct mpg_wait *w);

/* fd is about to be closed: its waits end, schedulers hear of it. Returns fd. */
int mpg_wait_forget_entered(int fd);

static inline int mpg_wait_forget(int fd)
{
	return mpg_fd_is_entered(fd) ? mpg_wait_forget_entered(fd) : fd;
}

/* The fd that was forgotten has been closed by now: sets that it was in look once more. */
void mpg_wait_ring_again(void);

static inline void mpg_wait_closed(void)
{
	if (__builtin_expect(mpg_thread.alarm_due, 0))
		mpg_wait_ring_again();
}

/*
 * A call has made fd: the same, and it cannot be one of the library's own any more, which somebody
 * must have closed behind our back. Returns fd.
 */
static inline int mpg_wait_born(int fd)
{
	if (mpg_fd_is_entered(fd))
		mpg_fd_disown(fd);
	return mpg_wait_forget(fd);
}

/* mpgreen_wake() */
int mpg_wait_wake(int fd, int error);

#pragma GCC visibility pop

#endif
