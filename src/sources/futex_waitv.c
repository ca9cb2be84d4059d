/* SPDX-License-Identifier: MIT */
/*
 * Futexes by futex_waitv() (Linux 5.16): a thread waits for up to 127 words in the waiters' stead
 * and rings a bell of each. The first of its words is its own: by it it learns that there is
 * something else to wait for. A word of which it has rung a waiter is left out until that one has
 * looked at it, or it would be found changed again and again.
 */
#include "engine/doorbell.h"
#include "registry/lock.h"
#include "sources/bells.h"
#include "sources/futex_ways.h"
#include "sources/thread.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define FUTEX_32_BITS 2
#define FUTEX_IS_PRIVATE 128
#define WORDS 126

/* As the kernel has it; the headers of Debian 11 are older. */
struct word {
	uint64_t value, address;
	uint32_t flags, reserved;
};

struct waiter {
	struct waiter *next;
	struct slot *slot;
	int bell;
	bool rung;
};

/* The waiters of one thread for one word, in the order of their coming. */
struct slot {
	uint32_t *word;
	uint32_t expected;
	bool shared;
	pthread_t thread;
	struct waiter *first;		/* NULL: free */
	unsigned rung;			/* of them; they have not looked yet */
	unsigned serial;		/* how often it was free */
	bool watched;			/* the thread waits for it */
	struct watcher *watcher;
};

struct watcher {
	struct watcher *next;
	_Atomic uint32_t changes;	/* its own word */
	struct slot slots[WORDS];
	/* What it waits for just now. */
	struct word words[WORDS + 1];
	struct slot seen[WORDS + 1];
	struct slot *of[WORDS + 1];
	unsigned n;
};

/* Guards all of it but a watcher's `words` while it waits. */
static struct mpg_lock lock = MPG_LOCK_INITIALIZER;
static struct watcher *watchers;

static struct word word_of(const uint32_t *word, uint32_t value, bool shared)
{
	return (struct word){
		.value = value,
		.address = (uintptr_t)word,
		.flags = FUTEX_32_BITS | (shared ? 0 : FUTEX_IS_PRIVATE),
	};
}

static void collect(struct watcher *watcher)
{
	uint32_t *own = (uint32_t *)&watcher->changes;

	watcher->n = 1;
	watcher->words[0] = word_of(own, atomic_load(&watcher->changes), false);
	for (struct slot *slot = watcher->slots; slot < watcher->slots + WORDS; slot++) {
		if (!slot->first || slot->rung)
			continue;
		slot->watched = true;
		watcher->words[watcher->n] = word_of(slot->word, slot->expected, slot->shared);
		watcher->seen[watcher->n] = *slot;
		watcher->of[watcher->n++] = slot;
	}
}

/* `at_most` of those who wait in the slot. */
static void ring(struct slot *slot, uint32_t at_most)
{
	for (struct waiter *waiter = slot->first; waiter && at_most; waiter = waiter->next) {
		if (waiter->rung)
			continue;
		waiter->rung = true;
		slot->rung++;
		at_most--;
		mpg_doorbell_ring(waiter->bell);
	}
}

/*
 * The kernel names one word that was woken; there may have been others. Who wakes a word that
 * nobody waits for any more means somebody else. `failed`: one of the words is no memory.
 */
static void look(struct watcher *watcher, bool failed)
{
	for (unsigned i = 1; i < watcher->n; i++) {
		const struct slot *seen = &watcher->seen[i];
		struct slot *slot = watcher->of[i];
		uint32_t value;

		slot->watched = false;
		if (slot->serial != seen->serial || !slot->first) {
			mpg_futex_wake_one(seen->word, seen->shared);
			continue;
		}
		value = failed ? ~slot->expected : __atomic_load_n(slot->word, __ATOMIC_SEQ_CST);
		if (value != slot->expected)
			ring(slot, failed || slot->expected ? UINT32_MAX : value);
	}
}

static void *watch(void *argument)
{
	struct watcher *watcher = argument;
	const struct timespec moment = { .tv_nsec = 10 * MPG_MILLISECOND };

	mpg_thread.mode = MPG_MODE_NATIVE;
	for (;;) {
		bool failed;

		mpg_lock(&lock);
		collect(watcher);
		mpg_unlock(&lock);
		failed = syscall(SYS_futex_waitv, watcher->words, watcher->n, 0, NULL, 0) < 0
			&& errno != EAGAIN && errno != EINTR;
		mpg_lock(&lock);
		look(watcher, failed);
		mpg_unlock(&lock);
		if (failed)
			syscall(SYS_nanosleep, &moment, NULL);
	}
	return NULL;
}

/* The watcher looks at its slots again. */
static void tell(struct watcher *watcher)
{
	atomic_fetch_add(&watcher->changes, 1);
	mpg_futex_wake_one((uint32_t *)&watcher->changes, false);
}

static struct watcher *new_watcher(void)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	pthread_t thread;

	if (!watcher)
		return NULL;
	if (mpg_thread_start(&thread, MPG_THREAD_SMALL_STACK, watch, watcher) != 0) {
		free(watcher);
		return NULL;
	}
	pthread_detach(thread);
	watcher->next = watchers;
	return watchers = watcher;
}

static bool fits(const struct slot *slot, const struct mpg_futex *f)
{
	return slot->first && slot->word == f->word && slot->expected == f->expected
		&& slot->shared == f->shared && pthread_equal(slot->thread, pthread_self());
}

static struct slot *find_slot(const struct mpg_futex *f)
{
	for (struct watcher *watcher = watchers; watcher; watcher = watcher->next)
		for (struct slot *slot = watcher->slots; slot < watcher->slots + WORDS; slot++)
			if (fits(slot, f))
				return slot;
	return NULL;
}

static struct slot *new_slot(const struct mpg_futex *f)
{
	struct watcher *watcher = watchers;
	struct slot *slot;

	for (;; watcher = watcher->next) {
		if (!watcher && !(watcher = new_watcher()))
			return NULL;
		for (slot = watcher->slots; slot < watcher->slots + WORDS; slot++)
			if (!slot->first)
				goto found;
	}
found:
	slot->word = f->word;
	slot->expected = f->expected;
	slot->shared = f->shared;
	slot->thread = pthread_self();
	slot->watcher = watcher;
	slot->rung = 0;
	slot->watched = false;
	slot->serial++;
	return slot;
}

static bool join(struct waiter *waiter, const struct mpg_futex *f)
{
	struct slot *slot = find_slot(f);
	struct waiter **end;

	if (!slot)
		slot = new_slot(f);
	if (!slot)
		return false;
	for (end = &slot->first; *end; end = &(*end)->next)
		;
	*end = waiter;
	waiter->slot = slot;
	if (!slot->watched && !slot->rung)
		tell(slot->watcher);
	return true;
}

static struct waiter *begin(const struct mpg_futex *f)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	bool joined;

	if (!waiter)
		return NULL;
	waiter->bell = mpg_bells_take();
	if (waiter->bell < 0) {
		free(waiter);
		return NULL;
	}
	mpg_lock(&lock);
	joined = join(waiter, f);
	mpg_unlock(&lock);
	if (joined)
		return waiter;
	mpg_bells_give(waiter->bell);
	free(waiter);
	return NULL;
}

/* The waiter has looked at the word. Was it rung before? */
static bool looked(struct waiter *waiter)
{
	struct slot *slot = waiter->slot;

	if (!waiter->rung)
		return false;
	waiter->rung = false;
	if (--slot->rung == 0 && slot->first)
		tell(slot->watcher);
	return true;
}

static bool is_rung(const struct waiter *waiter)
{
	bool rung;

	mpg_lock(&lock);
	rung = waiter->rung;
	mpg_unlock(&lock);
	return rung;
}

enum mpg_futex_answer mpg_futex_waitv_wait(struct mpg_wait *w, struct mpg_futex *f)
{
	struct waiter *waiter = f->held;

	if (!waiter) {
		f->held = waiter = mpg_futex_waitv_works() ? begin(f) : NULL;
	} else {
		mpg_lock(&lock);
		if (looked(waiter))
			mpg_doorbell_silence(waiter->bell);
		mpg_unlock(&lock);
	}
	if (!waiter)
		return MPG_FUTEX_CANNOT;
	do {
		w->attempt = 0;
		if (!mpg_wait_on(w, waiter->bell, POLLIN))
			return MPG_FUTEX_ENDED;
	} while (!is_rung(waiter));
	mpg_doorbell_silence(waiter->bell);
	return MPG_FUTEX_AGAIN;
}

void mpg_futex_waitv_end(struct mpg_futex *f)
{
	struct waiter *waiter = f->held, **p;

	mpg_lock(&lock);
	for (p = &waiter->slot->first; *p != waiter; p = &(*p)->next)
		;
	*p = waiter->next;
	if (looked(waiter))
		mpg_doorbell_silence(waiter->bell);
	mpg_unlock(&lock);
	mpg_bells_give(waiter->bell);
	free(waiter);
}

/* By words of a length and value that end it at once. */
bool mpg_futex_waitv_works(void)
{
	static _Atomic enum { UNASKED, WORKS, ABSENT } answer;
	uint32_t zero = 0;
	struct word word = word_of(&zero, 1, false);

	if (atomic_load(&answer) == UNASKED)
		atomic_store(&answer,
			     syscall(SYS_futex_waitv, &word, 1, 0, NULL, 0) < 0 && errno == EAGAIN
				     ? WORKS
				     : ABSENT);
	return atomic_load(&answer) == WORKS;
}

void mpg_futex_waitv_before_fork(void)
{
	mpg_lock(&lock);
}

void mpg_futex_waitv_after_fork(void)
{
	mpg_unlock(&lock);
}

/* The child has none of the threads. What they were told of is leaked: fibers may point to it. */
void mpg_futex_waitv_forked(void)
{
	watchers = NULL;
	mpg_unlock(&lock);
}
