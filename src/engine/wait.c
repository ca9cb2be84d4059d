/* SPDX-License-Identifier: MIT */
#include "engine/wait.h"
#include "engine/scheduler.h"
#include "engine/signals.h"
#include "engine/stats.h"
#include "engine/turn.h"
#include "real.h"
#include "registry/process.h"

/* May this thread hand a wait to its scheduler just now? */
static bool may_wait(void)
{
	return mpg_thread_is_green() && !mpg_thread.native_depth && !mpg_signals_inside();
}

static void begin(struct mpg_wait *w, const char *call)
{
	*w = (struct mpg_wait){
		.call = call,
		.fd = -1,
		.native_fd = -1,
		.timeout_error = EAGAIN,
		.saved_errno = errno,
		.deadline = MPGREEN_FOREVER,
		.edge = MPG_FDSET_NONE,
		.forks = mpg_process_forks,
		.handled = mpg_thread.handled,
		.interrupted = mpg_thread.interrupted,
	};
}

int mpg_wait_begin_or_end(struct mpg_wait *w, int fd, short events, const char *call)
{
	struct mpg_fd *entry = mpg_fd_entry(fd);
	uint32_t state;

	if (!entry)
		return 0;
	state = mpg_fd_state(entry);
	if (!(state & MPG_FD_KNOWN))
		state = mpg_fd_examine(fd, entry);
	if (!(state & MPG_FD_GREEN) || !may_wait())
		return 0;
	if (mpg_turn_count(fd))
		return -1;
	begin(w, call);
	w->entry = entry;
	w->fd = fd;
	w->events = events;
	w->generation = atomic_load_explicit(&entry->generation, memory_order_relaxed);
	return 1;
}

int mpg_wait_begin_other_or_end(struct mpg_wait *w, const char *call)
{
	bool interrupted;

	if (!may_wait())
		return 0;
	interrupted = mpg_turn_count(-1);
	begin(w, call);
	return interrupted ? -1 : 1;
}

void mpg_wait_for_entry(struct mpg_wait *w, int fd)
{
	w->fd = fd;
	w->entry = mpg_fd_entry(fd);
	if (w->entry)
		w->generation = atomic_load(&w->entry->generation);
}

bool mpg_wait_was_interrupted(const struct mpg_wait *w)
{
	if (w->always_restarts)
		return false;
	if (w->never_restarts)
		return mpg_thread.handled != w->handled;
	return mpg_thread.interrupted != w->interrupted;
}

/* Block the thread after all: until ready, the deadline, or a signal. */
static int wait_natively(const mpgreen_wait *what)
{
	struct pollfd fds = { .fd = what->fd, .events = what->events };
	struct timespec left, *limit = NULL;

	if (what->deadline_ns != MPGREEN_FOREVER) {
		left = mpg_clock_left(what->deadline_ns);
		limit = &left;
	}
	return REAL(ppoll)(&fds, 1, limit, NULL) == 0 ? MPGREEN_TIMEOUT : MPGREEN_READY;
}

/* What it locks for its answer it must not ask itself about. */
static bool declines(const struct mpg_slot *slot)
{
	bool can;

	if (!slot->ops.can_wait)
		return false;
	mpg_thread.native_depth++;
	can = slot->ops.can_wait(slot->self);
	mpg_thread.native_depth--;
	return !can;
}

static int ask_scheduler(const mpgreen_wait *what)
{
	const struct mpg_slot *slot = mpg_thread.slot;

	if (!may_wait() || mpg_process_is_foreign() || declines(slot))
		return MPGREEN_NATIVE;
	mpg_turn_ended();
	return mpg_scheduler_wait(what);
}

/* The fd was closed, reused or woken since the call began. */
static bool was_woken(const struct mpg_wait *w)
{
	return w->entry && atomic_load(&w->entry->generation) != w->generation;
}

static bool is_native(int verdict)
{
	return verdict < MPGREEN_CANCELLED || verdict > MPGREEN_READY;
}

static bool verdict_says_retry(struct mpg_wait *w, int verdict)
{
	if (was_woken(w)) {
		mpg_stats_count(woken);
		errno = atomic_load(&w->entry->wake_error);
		return false;
	}
	switch (verdict) {
	case MPGREEN_READY:
		return true;
	case MPGREEN_TIMEOUT:
		errno = w->timeout_error;
		return false;
	default:
		if (is_native(verdict)) {
			errno = EDEADLK;
			return false;
		}
		if (errno == 0)
			errno = ECANCELED;
		return w->uncancellable;
	}
}

/* From here on schedulers may keep something for fd, and must hear when it closes. */
static void watched(int fd)
{
	struct mpg_fd *entry = mpg_fd_entry(fd);

	if (entry && !(mpg_fd_state(entry) & MPG_FD_WATCHED))
		atomic_fetch_or(&entry->state, MPG_FD_WATCHED);
}

static int wait_once(struct mpg_wait *w, int fd, short events)
{
	mpgreen_wait what = {
		.fd = fd,
		.events = events,
		.attempt = w->attempt++,
		.deadline_ns = w->deadline,
		.call = w->call,
		.flags = w->uncancellable ? MPGREEN_UNCANCELLABLE : 0,
		.about = w->fd >= 0 ? w->fd : fd,
	};
	int verdict;

	if (fd >= 0)
		watched(fd);
	mpg_stats_count(waits);
	verdict = ask_scheduler(&what);
	mpg_stats_verdict(verdict);
	w->blocked = is_native(verdict) && !w->must_park;
	if (w->blocked) {
		if (w->native_fd >= 0)
			what.fd = w->native_fd;
		verdict = wait_natively(&what);
	}
	return verdict;
}

/*
 * A scheduler watches for the state of an fd; from the fourth wait on, for its changes. It does not
 * know which fd is behind the set: the set's alarm tells of a close() of it. So does it where
 * another fd is waited for in the stead of the call's.
 */
#define SPURIOUS 3

static bool open_set(struct mpg_wait *w, int fd, short events)
{
	return mpg_fdset_open(&w->edge) && mpg_fdset_add(&w->edge, fd, events)
		&& (fd == w->fd || mpg_fdset_add(&w->edge, w->fd, 0));
}

static int wait_for_change(struct mpg_wait *w, int fd, short events)
{
	int verdict;

	if (!mpg_fdset_is_open(&w->edge)) {
		if (!open_set(w, fd, events)) {
			mpg_fdset_close(&w->edge);
			return wait_once(w, fd, events);
		}
		/* Not heard of before the fd was a member. */
		if (was_woken(w))
			return MPGREEN_READY;
	}
	verdict = wait_once(w, w->edge.fd, POLLIN);
	if (!mpg_wait_was_forked(w))
		mpg_fdset_settle(&w->edge);
	return verdict;
}

/* One of the waits on an fd; undone when the thread is cancelled in it, too. */
struct counted {
	struct mpg_fd *entry;
	unsigned forks;
};

static void uncount(const struct counted *c)
{
	/* A fiber that was parked across fork() is not among the waiters of the child. */
	if (c->entry && c->forks == mpg_process_forks)
		atomic_fetch_sub(&c->entry->waiters, 1);
}

static int wait_counted(struct mpg_wait *w, int fd, short events)
{
	__attribute__((cleanup(uncount))) struct counted c = { w->entry, mpg_process_forks };

	if (c.entry) {
		atomic_fetch_add(&c.entry->waiters, 1);
		watched(w->fd);
		/* Whoever wakes looks for waiters after it has changed the generation. */
		if (was_woken(w))
			return MPGREEN_READY;
	}
	if (fd >= 0 && (w->attempt >= SPURIOUS || (w->entry && fd != w->fd)))
		return wait_for_change(w, fd, events);
	return wait_once(w, fd, events);
}

void mpg_wait_end(struct mpg_wait *w)
{
	if (__builtin_expect(mpg_fdset_is_open(&w->edge), 0))
		mpg_fdset_close(&w->edge);
}

static bool ends(struct mpg_wait *w)
{
	mpg_wait_end(w);
	return false;
}

static bool ends_with(struct mpg_wait *w, int error)
{
	ends(w);
	errno = error;
	return false;
}

bool mpg_wait_was_forked(const struct mpg_wait *w)
{
	return w->forks != mpg_process_forks;
}

/*
 * A fiber that was parked across fork() and goes on in the child: what it waited for with private
 * fds is gone, and their numbers are not its own any more. Every caller can bear an EINTR.
 */
static bool ends_in_child(struct mpg_wait *w)
{
	w->edge = (struct mpg_fdset)MPG_FDSET_NONE;
	errno = EINTR;
	return false;
}

bool mpg_wait_on(struct mpg_wait *w, int fd, short events)
{
	int verdict;

	/* Interrupted, and the try since then has found nothing. */
	if (mpg_wait_was_interrupted(w) && !w->uncancellable)
		return ends_with(w, EINTR);
	if (was_woken(w))
		return ends_with(w, atomic_load(&w->entry->wake_error));
	verdict = wait_counted(w, fd, events);
	if (mpg_wait_was_forked(w))
		return ends_in_child(w);
	return verdict_says_retry(w, verdict) || ends(w);
}

bool mpg_wait_park(struct mpg_wait *w)
{
	return mpg_wait_on(w, w->fd, w->events);
}

int64_t mpg_wait_socket_deadline(int fd, short events)
{
	int option = events & POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO;
	struct timeval tv;
	socklen_t len = sizeof(tv);

	if (getsockopt(fd, SOL_SOCKET, option, &tv, &len) < 0 || (!tv.tv_sec && !tv.tv_usec))
		return MPGREEN_FOREVER;
	return mpg_clock_after(mpg_clock_us(&tv));
}

/* The first EAGAIN: does the fd want to block at all, and for how long? */
static bool wants_to_block(struct mpg_wait *w)
{
	uint32_t state = mpg_fd_state(w->entry);
	int flags;

	if (w->asked)
		return true;
	w->asked = true;
	if (!(state & MPG_FD_ALWAYS)) {
		flags = REAL(fcntl)(w->fd, F_GETFL);
		if (flags < 0)
			return false;
		if (flags & O_NONBLOCK) {
			errno = EAGAIN;
			return false;
		}
	}
	if (state & MPG_FD_SOCKET) {
		w->deadline = mpg_wait_socket_deadline(w->fd, w->events);
		w->never_restarts = w->deadline != MPGREEN_FOREVER;
	}
	return true;
}

/*
 * Ready, and yet nothing there, again and again: is this still the file that we know? An fd closed
 * behind our back and reused for a regular file is always ready, and not to be waited for.
 */
static bool is_still_green(struct mpg_wait *w)
{
	uint32_t state = mpg_fd_state(w->entry);

	if (w->attempt % 8 == 2)
		state = mpg_fd_examine(w->fd, w->entry);
	return state & MPG_FD_GREEN;
}

static bool would_block(struct mpg_wait *w)
{
	mpgreen_wait what;

	if (!wants_to_block(w))
		return false;
	if (is_still_green(w))
		return mpg_wait_park(w);
	what = (mpgreen_wait){ .fd = w->fd, .events = w->events, .deadline_ns = w->deadline };
	return verdict_says_retry(w, wait_natively(&what));
}

bool mpg_wait_again(struct mpg_wait *w, ssize_t n)
{
	if (n >= 0) {
		mpg_turn_moved(n);
		errno = w->saved_errno;
		return ends(w);
	}
	return errno == EAGAIN ? would_block(w) : ends(w);
}

/*
 * An error that comes after progress belongs to the next call. A socket gives its error only once,
 * so it must not be taken by a try of this call: poll() shows it without taking it.
 */
static bool error_is_pending(const struct mpg_wait *w)
{
	struct pollfd fds = { .fd = w->fd, .events = 0 };

	return mpg_fd_state(w->entry) & MPG_FD_SOCKET && REAL(poll)(&fds, 1, 0) > 0
		&& fds.revents & (POLLERR | POLLNVAL);
}

bool mpg_wait_more(struct mpg_wait *w, ssize_t n, size_t len)
{
	if (n < 0) {
		if (errno != EAGAIN)
			return ends(w);
	} else {
		mpg_turn_moved(n);
		w->done += (size_t)n;
		w->attempt = 0;
		if (n == 0 || w->done >= len)
			return ends(w);
	}
	if (!would_block(w))
		return ends(w);
	return !(w->done && error_is_pending(w)) || ends(w);
}

ssize_t mpg_wait_total(struct mpg_wait *w, ssize_t n)
{
	if (n < 0 && !w->done)
		return -1;
	errno = w->saved_errno;
	return (ssize_t)w->done;
}
