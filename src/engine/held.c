/* SPDX-License-Identifier: MIT */
#include "engine/held.h"
#include "engine/scheduler.h"
#include "engine/signals.h"
#include "real.h"

struct mpg_holding {
	const void *lock;
	const void *fiber;		/* NULL: the running one */
};

/* The name on what any fiber may hold. */
static const char anybody[1];

/* Grown by doubling, and never by malloc(), whose own locks may be among them. */
#define LEAST_BYTES 4096

static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void thread_ends(void *unused)
{
	struct mpg_thread *t = &mpg_thread;

	(void)unused;
	munmap(t->held, t->held_bytes);
	t->held = NULL;
	t->held_bytes = 0;
	t->n_held = 0;
	t->n_running_holds = 0;
}

static void prepare(void)
{
	pthread_key_create(&ending, thread_ends);
}

static void *map(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static bool grow(struct mpg_thread *t)
{
	size_t bytes = t->held_bytes ? 2 * t->held_bytes : LEAST_BYTES;
	int saved_errno = errno;
	struct mpg_holding *held = map(bytes);

	errno = saved_errno;
	if (!held)
		return false;
	if (t->held) {
		memcpy(held, t->held, t->held_bytes);
		munmap(t->held, t->held_bytes);
	} else {
		REAL(pthread_once)(&once, prepare);
		pthread_setspecific(ending, held);
	}
	t->held = held;
	t->held_bytes = bytes;
	return true;
}

static void tell_scheduler(struct mpg_thread *t)
{
	const struct mpg_slot *slot = t->slot;
	int saved_errno = errno;

	if (!slot || mpg_signals_inside())
		return;
	t->told_of_locks = true;
	t->native_depth++;
	if (slot->ops.locked)
		slot->ops.locked(slot->self);
	t->native_depth--;
	errno = saved_errno;
}

/* Out of memory it is not written down, and libc's own rules hold. */
void mpg_held_add(const void *lock)
{
	struct mpg_thread *t = &mpg_thread;

	if (t->n_held == t->held_bytes / sizeof(*t->held) && !grow(t))
		return;
	t->held[t->n_held++] = (struct mpg_holding){ .lock = lock };
	t->n_running_holds++;
	if (__builtin_expect(!t->told_of_locks, 0))
		tell_scheduler(t);
}

static void remove_at(struct mpg_thread *t, unsigned i)
{
	if (!t->held[i].fiber)
		t->n_running_holds--;
	t->held[i] = t->held[--t->n_held];
}

static bool is_named(const struct mpg_holding *holding)
{
	return holding->fiber && holding->fiber != anybody;
}

static void find_and_remove(struct mpg_thread *t, const void *lock)
{
	unsigned found = t->n_held;

	for (unsigned i = t->n_held; i-- > 0;) {
		if (t->held[i].lock != lock)
			continue;
		if (found == t->n_held || !is_named(&t->held[i]))
			found = i;
		if (!t->held[i].fiber)
			break;
	}
	if (found < t->n_held)
		remove_at(t, found);
}

/* The latest is released first, as a rule. */
void mpg_held_remove(const void *lock)
{
	struct mpg_thread *t = &mpg_thread;
	unsigned last = t->n_held - 1;

	if (t->n_held && t->held[last].lock == lock && !t->held[last].fiber) {
		t->n_held = last;
		t->n_running_holds--;
	} else {
		find_and_remove(t, lock);
	}
}

bool mpg_held_has_name(const void *lock)
{
	const struct mpg_thread *t = &mpg_thread;

	for (unsigned i = 0; i < t->n_held; i++)
		if (t->held[i].lock == lock && is_named(&t->held[i]))
			return true;
	return false;
}

void mpg_held_forget(const void *lock)
{
	struct mpg_thread *t = &mpg_thread;

	for (unsigned i = t->n_held; i-- > 0;)
		if (t->held[i].lock == lock)
			remove_at(t, i);
}

static void name_running(struct mpg_thread *t, const void *fiber)
{
	if (!t->n_running_holds)
		return;
	for (unsigned i = 0; i < t->n_held; i++)
		if (!t->held[i].fiber)
			t->held[i].fiber = fiber;
	t->n_running_holds = 0;
}

void *mpg_held_name(void)
{
	struct mpg_thread *t = &mpg_thread;
	const struct mpg_slot *slot = t->slot;
	void *fiber;

	if (!t->n_running_holds || !slot->ops.current)
		return NULL;
	t->native_depth++;
	fiber = slot->ops.current(slot->self);
	t->native_depth--;
	name_running(t, fiber ? fiber : anybody);
	return fiber;
}

void mpg_held_unname(const void *fiber)
{
	struct mpg_thread *t = &mpg_thread;

	if (!fiber)
		return;
	for (unsigned i = 0; i < t->n_held; i++)
		if (t->held[i].fiber == fiber) {
			t->held[i].fiber = NULL;
			t->n_running_holds++;
		}
}

void mpg_held_switched(const void *from, const void *to)
{
	struct mpg_thread *t = &mpg_thread;

	if (!t->n_held)
		return;
	if (!from) {
		for (unsigned i = 0; i < t->n_held; i++)
			t->held[i].fiber = anybody;
		t->n_running_holds = 0;
		return;
	}
	name_running(t, from);
	mpg_held_unname(to);
}

void mpg_held_forked(void)
{
	mpg_thread.n_held = 0;
	mpg_thread.n_running_holds = 0;
}
