/* SPDX-License-Identifier: MIT */
#include "sources/reaped.h"
#include "registry/lock.h"
#include "registry/process.h"

/* How many statuses are kept. Nobody may ever ask for them, so the oldest goes. */
#define KEPT 1024

struct mpg_waiter {
	struct mpg_wish wish;
	struct mpg_status given;	/* pid 0: nothing yet */
	struct mpg_waiter *next, **place;
	_Atomic int references;
	unsigned forks;
	bool working;
	pthread_t worker;
};

static pid_t pids[KEPT];	/* 0: a free place */
static struct mpg_status kept[KEPT];
static unsigned newest;
static _Atomic unsigned count;
static struct mpg_waiter *waiters;
static struct mpg_lock lock = MPG_LOCK_INITIALIZER;

void mpg_reaped_before_fork(void)
{
	mpg_lock(&lock);
}

void mpg_reaped_after_fork(void)
{
	mpg_unlock(&lock);
}

void mpg_reaped_forked(void)
{
	memset(pids, 0, sizeof(pids));
	atomic_store(&count, 0);
	waiters = NULL;
	mpg_unlock(&lock);
}

static int place_of(pid_t pid)
{
	if (atomic_load(&count) == 0)
		return -1;
	for (int i = 0; i < KEPT; i++)
		if (pids[i] == pid)
			return i;
	return -1;
}

static void empty(int place)
{
	pids[place] = 0;
	atomic_fetch_sub(&count, 1);
}

static void drop(pid_t pid)
{
	int place = place_of(pid);

	if (place >= 0)
		empty(place);
}

static void keep(const struct mpg_status *status)
{
	drop(status->pid);
	newest = (newest + 1) % KEPT;
	if (!pids[newest])
		atomic_fetch_add(&count, 1);
	pids[newest] = status->pid;
	kept[newest] = *status;
}

static bool has_kind(int options, const struct mpg_status *status)
{
	if (mpg_status_is_end(status))
		return options & WEXITED;
	return options & (status->code == CLD_CONTINUED ? WCONTINUED : WSTOPPED);
}

static bool suits(const struct mpg_wish *wish, const struct mpg_status *status)
{
	/* Loops take no children of bare clone(). */
	if (wish->options & __WCLONE || !has_kind(wish->options, status))
		return false;
	switch (wish->type) {
	case P_PID:
		return (pid_t)wish->id == status->pid;
	case P_PGID:
		return (pid_t)wish->id == status->group;
	default:
		return true;
	}
}

static struct mpg_waiter *find(const struct mpg_status *status, const struct mpg_waiter *self,
			       bool by_pid)
{
	struct mpg_waiter *oldest = NULL;

	for (struct mpg_waiter *w = waiters; w; w = w->next)
		if (w != self && !w->given.pid && (w->wish.type == P_PID) == by_pid
		    && suits(&w->wish, status))
			oldest = w;
	return oldest;
}

static void hand_over(const struct mpg_status *status, const struct mpg_waiter *self, bool loops)
{
	struct mpg_waiter *w = find(status, self, true);

	if (!w && loops)
		w = find(status, self, false);
	if (w) {
		w->given = *status;
		if (w->working)
			pthread_cancel(w->worker);
	}
	if (!w && loops)
		keep(status);
	else
		drop(status->pid);
}

/*
 * The group is known only while the child is there, so it is looked at first. Threads that do not
 * ask us may then be faster.
 */
static bool take_one(const struct mpg_wish *wish, struct mpg_status *found, int *result)
{
	struct mpg_wish that = { P_PID, 0, wish->options };
	pid_t group;

	*result = mpg_waitid(wish, WNOHANG | WNOWAIT, found);
	if (*result <= 0 || wish->options & WNOWAIT)
		return true;
	that.id = (id_t)found->pid;
	group = getpgid(found->pid);
	*result = mpg_waitid(&that, WNOHANG, found);
	found->group = group < 0 ? 0 : group;
	return *result > 0;
}

int mpg_reaped_try(const struct mpg_wish *wish, const struct mpg_waiter *self, bool loops,
		   struct mpg_status *found)
{
	int result, error;

	mpg_lock(&lock);
	while (!take_one(wish, found, &result))
		continue;
	error = errno;
	if (result > 0 && !(wish->options & WNOWAIT))
		hand_over(found, self, loops);
	mpg_unlock(&lock);
	errno = error;
	return result;
}

bool mpg_reaped_recall(const struct mpg_wish *wish, struct mpg_status *found)
{
	int place;
	bool good;

	if (atomic_load(&count) == 0 || wish->type != P_PID)
		return false;
	mpg_lock(&lock);
	place = place_of((pid_t)wish->id);
	good = place >= 0 && suits(wish, &kept[place]);
	if (good) {
		*found = kept[place];
		if (!(wish->options & WNOWAIT))
			empty(place);
	}
	mpg_unlock(&lock);
	return good;
}

void mpg_reaped_forget(pid_t pid)
{
	if (atomic_load(&count) == 0)
		return;
	mpg_lock(&lock);
	drop(pid);
	mpg_unlock(&lock);
}

static void put(struct mpg_waiter *waiter)
{
	if (atomic_fetch_sub(&waiter->references, 1) == 1)
		free(waiter);
}

struct mpg_waiter *mpg_waiter_new(const struct mpg_wish *wish)
{
	struct mpg_waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return NULL;
	waiter->wish = *wish;
	waiter->forks = mpg_process_forks;
	atomic_init(&waiter->references, 1);
	mpg_lock(&lock);
	waiter->next = waiters;
	waiter->place = &waiters;
	if (waiters)
		waiters->place = &waiter->next;
	waiters = waiter;
	mpg_unlock(&lock);
	return waiter;
}

static void unlink_waiter(struct mpg_waiter *waiter)
{
	/* That of a fiber which was parked across fork() is on no list of the child. */
	if (waiter->forks != mpg_process_forks)
		return;
	*waiter->place = waiter->next;
	if (waiter->next)
		waiter->next->place = waiter->place;
	if (waiter->given.pid)
		keep(&waiter->given);
}

void mpg_waiter_drop(struct mpg_waiter **waiter)
{
	if (!*waiter)
		return;
	mpg_lock(&lock);
	unlink_waiter(*waiter);
	mpg_unlock(&lock);
	put(*waiter);
}

bool mpg_waiter_take(struct mpg_waiter *waiter, struct mpg_status *found)
{
	bool given;

	mpg_lock(&lock);
	given = waiter->given.pid && waiter->forks == mpg_process_forks;
	if (given) {
		*found = waiter->given;
		if (!(waiter->wish.options & WNOWAIT))
			waiter->given.pid = 0;
	}
	mpg_unlock(&lock);
	return given;
}

void mpg_waiter_lend(struct mpg_waiter *waiter)
{
	atomic_fetch_add(&waiter->references, 1);
}

bool mpg_waiter_work_begin(struct mpg_waiter *waiter)
{
	bool begins;

	mpg_lock(&lock);
	waiter->worker = pthread_self();
	waiter->working = begins = !waiter->given.pid;
	mpg_unlock(&lock);
	return begins;
}

void mpg_waiter_work_end(struct mpg_waiter *waiter)
{
	mpg_lock(&lock);
	waiter->working = false;
	mpg_unlock(&lock);
	put(waiter);
}
