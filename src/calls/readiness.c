/* SPDX-License-Identifier: MIT */
#include "calls/readiness.h"
#include "engine/doorbell.h"
#include "engine/signals.h"
#include "settings.h"

bool mpg_readiness_is_green(int fd)
{
	struct mpg_fd *entry = fd < 0 ? NULL : mpg_fd_entry(fd);
	uint32_t state;

	if (!entry)
		return false;
	state = mpg_fd_state(entry);
	if (!(state & MPG_FD_KNOWN))
		state = mpg_fd_examine(fd, entry);
	if (!(state & MPG_FD_KNOWN))	/* not open: the kernel says so best */
		return false;
	return state & (MPG_FD_GREEN | MPG_FD_QUEUE)
		|| (mpg_settings.fds == MPG_FDS_ALL && !(state & MPG_FD_MARKED));
}

bool mpg_readiness_begin(struct mpg_readiness *r, int64_t ns, const char *call)
{
	int begun;

	*r = (struct mpg_readiness){ .w.edge = MPG_FDSET_NONE, .set = MPG_FDSET_NONE, .fd = -1 };
	begun = mpg_wait_begin_other_or_end(&r->w, call);
	if (!begun)
		return false;
	if (begun < 0)
		r->error = errno;
	r->w.timeout_error = ETIMEDOUT;
	r->w.never_restarts = true;
	if (ns >= 0)
		r->w.deadline = mpg_clock_after(ns);
	return true;
}

bool mpg_readiness_one(struct mpg_readiness *r, int fd, short events)
{
	r->fd = fd;
	r->events = events;
	mpg_wait_for_entry(&r->w, fd);
	return true;
}

bool mpg_readiness_add(struct mpg_readiness *r, int fd, short events)
{
	if (!mpg_fdset_is_open(&r->set) && !mpg_fdset_open(&r->set))
		return false;
	return mpg_fdset_add(&r->set, fd, events);
}

bool mpg_readiness_mask(struct mpg_readiness *r, const sigset_t *mask)
{
	int bell = mpg_doorbell();

	if (!mask)
		return true;
	if (bell < 0 || !mpg_readiness_add(r, bell, POLLIN)
	    || !mpg_fdset_add_signals(&r->set, mask))
		return false;
	mpg_signals_listen(bell);
	r->listening = true;
	return true;
}

void mpg_readiness_drop(struct mpg_readiness *r)
{
	/* A fork child has neither the set nor the listeners of its parent. */
	if (r->set.fd >= 0 && mpg_wait_was_forked(&r->w)) {
		r->set = (struct mpg_fdset)MPG_FDSET_NONE;
		r->listening = false;
	}
	if (r->listening)
		mpg_signals_unlisten();
	r->listening = false;
	mpg_fdset_close(&r->set);
	mpg_wait_end(&r->w);
}

static bool park(struct mpg_readiness *r)
{
	bool again;

	if (!mpg_fdset_is_open(&r->set))
		return mpg_wait_on(&r->w, r->fd, r->events);
	/* A set never wakes for nothing twice: no need of another one on top of it. */
	r->w.attempt &= 1;
	again = mpg_wait_on(&r->w, r->set.fd, POLLIN);
	if (mpg_wait_was_forked(&r->w))
		return false;
	mpg_fdset_settle(&r->set);
	if (r->listening)
		mpg_doorbell_silence(mpg_doorbell());
	return again;
}

bool mpg_readiness_again(struct mpg_readiness *r, int n)
{
	if (n != 0 || r->over || r->error)
		return false;
	if (park(r))
		return true;
	if (errno == ETIMEDOUT) {
		r->over = true;
		return true;
	}
	r->error = errno;
	return false;
}

int mpg_readiness_result(struct mpg_readiness *r, int n)
{
	if (n >= 0)
		errno = r->w.saved_errno;
	if (!r->error)
		return n;
	errno = r->error;
	return -1;
}
