/* SPDX-License-Identifier: MIT */
/*
 * What is registered with the epoll fd. Registrations are left in place between waits, and a close
 * that nobody tells of can make one vanish, or leave one behind under a number that has become
 * another file's. So one that has not been seen to work lately is asked of the kernel again, and
 * events that nobody asked for and that cannot be stopped mean a new epoll fd.
 */
#include "hub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct mpb_watch *mpb_watch_find(struct mpb_hub *h, int fd)
{
	struct mpb_watch *_Atomic *page = atomic_load(&h->pages[(unsigned)fd / MPB_PAGE]);

	return page ? atomic_load(&page[(unsigned)fd % MPB_PAGE]) : NULL;
}

struct mpb_watch *mpb_watch_get(struct mpb_hub *h, int fd)
{
	struct mpb_watch *_Atomic *page = atomic_load(&h->pages[(unsigned)fd / MPB_PAGE]);
	struct mpb_watch *w;

	if (!page) {
		page = calloc(MPB_PAGE, sizeof(*page));
		if (!page)
			return NULL;
		atomic_store(&h->pages[(unsigned)fd / MPB_PAGE], page);
		if (h->pages_used <= (unsigned)fd / MPB_PAGE)
			h->pages_used = (unsigned)fd / MPB_PAGE + 1;
	}
	w = atomic_load(&page[(unsigned)fd % MPB_PAGE]);
	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->fd = fd;
	atomic_store(&page[(unsigned)fd % MPB_PAGE], w);
	return w;
}

static int control(const struct mpb_hub *h, int how, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(h->epoll, how, fd, &event) < 0 ? -errno : 0;
}

/* The kernel may know of a registration that we do not, and the other way round. */
static int set(const struct mpb_hub *h, int fd, bool known, uint32_t events)
{
	int r = control(h, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events);

	if (r == -ENOENT && known)
		r = control(h, EPOLL_CTL_ADD, fd, events);
	else if (r == -EEXIST && !known)
		r = control(h, EPOLL_CTL_MOD, fd, events);
	return r;
}

int mpb_watch_arm(struct mpb_hub *h, struct mpb_watch *w, uint32_t events)
{
	uint32_t armed = atomic_load(&w->armed);
	int r;

	if ((armed & events) == events && h->turn - w->turn <= 1)
		return 0;
	events |= armed;
	r = set(h, w->fd, armed != 0, events);
	/* Only an event shows that it is still in place. */
	w->turn = h->turn - 2;
	atomic_store(&w->armed, r == 0 ? events : 0);
	return r;
}

static void rearm_all(struct mpb_hub *h)
{
	for (size_t i = 0; i < h->pages_used; i++) {
		struct mpb_watch *_Atomic *page = atomic_load(&h->pages[i]);

		for (size_t j = 0; page && j < MPB_PAGE; j++) {
			struct mpb_watch *w = atomic_load(&page[j]);
			uint32_t armed = w ? atomic_load(&w->armed) : 0;

			if (armed && set(h, w->fd, false, armed) < 0)
				mpb_watch_closing(h, w->fd);
		}
	}
}

static void renew(struct mpb_hub *h)
{
	int fresh = epoll_create1(EPOLL_CLOEXEC);

	if (fresh < 0)
		return;
	dup3(fresh, h->epoll, O_CLOEXEC);
	close(fresh);
	control(h, EPOLL_CTL_ADD, h->bell, EPOLLIN);
	rearm_all(h);
	h->deaf = true;
}

void mpb_watch_disarm(struct mpb_hub *h, struct mpb_watch *w, uint32_t events)
{
	uint32_t left = atomic_load(&w->armed) & ~events;
	int r;

	atomic_store(&w->armed, left);
	r = left ? control(h, EPOLL_CTL_MOD, w->fd, left) : control(h, EPOLL_CTL_DEL, w->fd, 0);
	if (r == 0)
		return;
	atomic_store(&w->armed, 0);
	renew(h);
}

/* Leaves waiting waiters to the hub's thread. The registration must go while fd is still open. */
void mpb_watch_closing(struct mpb_hub *h, int fd)
{
	struct mpb_watch *w;

	if (fd < 0 || h->declines)
		return;
	/* One of its greenlets may be on its way to wait for fd, and in no queue yet. */
	if (!pthread_equal(h->thread, pthread_self()))
		atomic_store(&h->disturbed, true);
	w = mpb_watch_find(h, fd);
	if (!w)
		return;
	if (atomic_exchange(&w->armed, 0))
		control(h, EPOLL_CTL_DEL, fd, 0);
	if (!atomic_load(&w->waiting) || atomic_exchange(&w->stale, true))
		return;
	w->next_stale = atomic_load(&h->stale);
	while (!atomic_compare_exchange_weak(&h->stale, &w->next_stale, w))
		;
	timerfd_settime(h->bell, TFD_TIMER_ABSTIME,
			&(struct itimerspec){ .it_value = { .tv_nsec = 1 } }, NULL);
}

void mpb_watch_settle(struct mpb_hub *h)
{
	struct mpb_watch *w, *next;

	if (!atomic_load(&h->stale))
		return;
	for (w = atomic_exchange(&h->stale, NULL); w; w = next) {
		next = w->next_stale;
		atomic_store(&w->stale, false);
		for (int way = 0; way < MPB_DIRECTIONS; way++)
			while (w->queue[way].first)
				mpb_waiter_wake_soon(h, w->queue[way].first, MPGREEN_READY);
	}
}

/* The waiters themselves belong to the greenlets that are parked, and stay parked. */
static void drop(struct mpb_watch *w)
{
	for (int way = 0; way < MPB_DIRECTIONS; way++)
		while (w->queue[way].first)
			mpb_queue_remove(w->queue[way].first);
	atomic_store(&w->armed, 0);
}

void mpb_watch_drop_all(struct mpb_hub *h)
{
	struct mpb_watch *w;

	for (size_t i = 0; i < h->pages_used; i++) {
		struct mpb_watch *_Atomic *page = atomic_load(&h->pages[i]);

		for (size_t j = 0; page && j < MPB_PAGE; j++) {
			w = atomic_load(&page[j]);
			if (w)
				drop(w);
		}
	}
	for (w = atomic_exchange(&h->stale, NULL); w; w = w->next_stale)
		atomic_store(&w->stale, false);
	while (h->woken.first)
		mpb_queue_remove(h->woken.first);
	while (h->timers.used)
		mpb_timers_remove(h, h->timers.heap[0]);
}

int mpb_watch_open(struct mpb_hub *h)
{
	int r;

	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->bell = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	h->timers.rings_at = MPGREEN_FOREVER;
	r = h->epoll < 0 || h->bell < 0 ? -errno : control(h, EPOLL_CTL_ADD, h->bell, EPOLLIN);
	if (r < 0)
		mpb_watch_shut(h);
	return r;
}

void mpb_watch_shut(struct mpb_hub *h)
{
	if (h->bell >= 0)
		close(h->bell);
	if (h->epoll >= 0)
		close(h->epoll);
	h->bell = h->epoll = -1;
}
