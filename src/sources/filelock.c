/* SPDX-License-Identifier: MIT */
#include "sources/filelock.h"
#include "engine/doorbell.h"
#include "engine/scheduler.h"
#include "engine/wait.h"
#include "sources/bells.h"

struct held {
	struct held *next;
	FILE *file;
	void *fiber;		/* NULL where the scheduler does not tell */
	unsigned depth;
	bool parked;
};

struct waiter {
	struct waiter *next;
	FILE *file;		/* NULL: any of them */
	void *fiber;
	int bell;
	bool served;
};

__thread unsigned mpg_filelock_held __attribute__((tls_model("initial-exec")));
static __thread struct held *holds;
static __thread struct waiter *first_waiter;

static void *running_fiber(void)
{
	struct mpg_slot *slot = mpg_thread.slot;

	return slot && slot->ops.current ? slot->ops.current(slot->self) : NULL;
}

static bool can_wait(void)
{
	struct mpg_slot *slot = mpg_thread.slot;

	return slot && (!slot->ops.can_wait || slot->ops.can_wait(slot->self));
}

static struct held **find(const FILE *file)
{
	struct held **h = &holds;

	while (*h && (*h)->file != file)
		h = &(*h)->next;
	return h;
}

bool mpg_filelock_has(const FILE *file)
{
	return holds && *find(file);
}

/* What was locked before the scheduler could tell fibers apart is anybody's, as libc has it. */
static bool is_mine(const struct held *h)
{
	void *fiber;

	if (h->parked || !h->fiber)
		return !h->parked;
	fiber = running_fiber();
	return !fiber || h->fiber == fiber;
}

/* False: out of memory. */
static bool hold(FILE *file, void *fiber)
{
	struct held *h = malloc(sizeof(*h));

	if (!h)
		return false;
	*h = (struct held){ .next = holds, .file = file, .fiber = fiber, .depth = 1 };
	holds = h;
	mpg_filelock_held++;
	return true;
}

bool mpg_filelock_try(FILE *file)
{
	struct held *h = *find(file);

	if (!h)
		return hold(file, running_fiber()) || true;
	if (!is_mine(h))
		return false;
	h->depth++;
	return true;
}

/* A handler of a signal ends no wait for a lock. */
static bool goes_on(struct mpg_wait *w)
{
	if (errno != EINTR || !mpg_wait_was_interrupted(w))
		return false;
	w->handled = mpg_thread.handled;
	w->interrupted = mpg_thread.interrupted;
	return true;
}

static void join(struct waiter *me)
{
	struct waiter **w = &first_waiter;

	while (*w)
		w = &(*w)->next;
	*w = me;
}

static void part(const struct waiter *me)
{
	for (struct waiter **w = &first_waiter; *w; w = &(*w)->next)
		if (*w == me) {
			*w = me->next;
			return;
		}
}

/* The waiter lies on the heap: others look at it while this stack is elsewhere. */
static bool wait_to_be_served(struct waiter *me, struct mpg_wait *w)
{
	bool served;

	join(me);
	while (!me->served)
		if (!mpg_wait_on(w, me->bell, POLLIN) && !goes_on(w))
			break;
	mpg_wait_end(w);
	served = me->served;
	if (!mpg_wait_was_forked(w)) {
		part(me);
		mpg_bells_give(me->bell);
	}
	free(me);
	if (served)
		errno = w->saved_errno;
	return served;
}

/* Only a fiber of this thread ends the wait: a thread that blocked in it would never go on. */
static int wait_as_fiber(struct waiter *me, struct mpg_wait *w)
{
	w->must_park = true;
	if (wait_to_be_served(me, w))
		return 1;
	return errno == EDEADLK ? 0 : -1;
}

/* 1: served; 0: there is no waiting here; -1 with errno. */
static int wait_for(FILE *file, const char *call, bool uncancellable)
{
	struct waiter *me;
	struct mpg_wait w;

	if (!can_wait() || !mpg_wait_begin_other(&w, call))
		return 0;
	w.uncancellable = uncancellable;
	me = calloc(1, sizeof(*me));
	if (!me)
		return 0;
	*me = (struct waiter){ .file = file, .fiber = running_fiber(), .bell = mpg_bells_take() };
	if (me->bell >= 0)
		return wait_as_fiber(me, &w);
	free(me);
	return 0;
}

/*
 * Where the thread cannot switch fibers there is no waiting for one of them: the caller goes on as
 * with libc's lock, which lets it in.
 */
bool mpg_filelock_enter(FILE *file, const char *call)
{
	return mpg_filelock_try(file) || wait_for(file, call, false) >= 0;
}

void mpg_filelock_enter_surely(FILE *file, const char *call)
{
	if (!mpg_filelock_try(file))
		wait_for(file, call, true);
}

static void serve(struct waiter *w)
{
	w->served = true;
	mpg_doorbell_ring(w->bell);
}

static void serve_next(FILE *file)
{
	for (struct waiter *w = first_waiter; w; w = w->next) {
		if (w->served)
			continue;
		if (w->file == file && hold(file, w->fiber)) {
			serve(w);
			return;
		}
		if (!w->file)
			serve(w);
	}
}

void mpg_filelock_leave(FILE *file)
{
	struct held **place = find(file), *h = *place;

	if (!h || !is_mine(h) || --h->depth)
		return;
	*place = h->next;
	free(h);
	mpg_filelock_held--;
	if (first_waiter)
		serve_next(file);
}

void mpg_filelock_parks(FILE *file, bool parks)
{
	struct held *h = *find(file);

	if (h)
		h->parked = parks;
}

static bool others_hold(void)
{
	for (const struct held *h = holds; h; h = h->next)
		if (!is_mine(h))
			return true;
	return false;
}

bool mpg_filelock_drain(const char *call)
{
	int r = 1;

	while (r > 0 && others_hold())
		r = wait_for(NULL, call, false);
	return r >= 0;
}

void mpg_filelock_forked(void)
{
	while (holds) {
		struct held *h = holds;

		holds = h->next;
		free(h);
	}
	mpg_filelock_held = 0;
	first_waiter = NULL;
}
