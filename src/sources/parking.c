/* SPDX-License-Identifier: MIT */
#include "sources/parking.h"
#include "engine/doorbell.h"
#include "registry/lock.h"
#include "registry/private.h"
#include "registry/process.h"
#include "sources/bells.h"

#define BUCKETS 256

/* How often who waits for what may come past us looks for it. */
#define AGAIN_NS 10000000

/* How often who has no bell looks whether it has been woken. */
#define LOOK_NS 2000000

struct mpg_parked {
	struct mpg_parked *next, *prev;
	const void *address;
	const void *side;
	pthread_t thread;
	unsigned forks;
	int bell; /* or -1: the process has no number left */
	_Atomic bool woken; /* and has not seen it yet */
};

/* The lines of all addresses that come together here, in the order of their coming. */
static struct bucket {
	struct mpg_parked *first, *last;
	_Atomic unsigned places;
} buckets[BUCKETS];

/* Guards the lines. Bells are rung under it: who has left a line is not rung any more. */
static struct mpg_lock lock = MPG_LOCK_INITIALIZER;

_Atomic unsigned mpg_parking_places;

static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct bucket *bucket_of(const void *address)
{
	return &buckets[(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15) >> 56];
}

static void append(struct bucket *bucket, struct mpg_parked *place)
{
	place->prev = bucket->last;
	*(bucket->last ? &bucket->last->next : &bucket->first) = place;
	bucket->last = place;
	atomic_fetch_add(&bucket->places, 1);
	atomic_fetch_add(&mpg_parking_places, 1);
}

static void take_out(struct bucket *bucket, struct mpg_parked *place)
{
	*(place->prev ? &place->prev->next : &bucket->first) = place->next;
	*(place->next ? &place->next->prev : &bucket->last) = place->prev;
	atomic_fetch_sub(&bucket->places, 1);
	atomic_fetch_sub(&mpg_parking_places, 1);
}

static void wake(struct mpg_parked *place)
{
	atomic_store(&place->woken, true);
	mpg_doorbell_ring(place->bell);
}

static bool is_in_line(const struct mpg_parked *place, const void *address, const void *side)
{
	return place->address == address && place->side == side;
}

static void wake_next(const struct bucket *bucket, const void *address, const void *side, bool all)
{
	for (struct mpg_parked *place = bucket->first; place; place = place->next) {
		if (!is_in_line(place, address, side) || atomic_load(&place->woken))
			continue;
		wake(place);
		if (!all)
			return;
	}
}

static bool is_first(const struct bucket *bucket, const struct mpg_parked *place)
{
	const struct mpg_parked *p = bucket->first;

	while (!is_in_line(p, place->address, place->side))
		p = p->next;
	return p == place;
}

static void wake_sides(const struct bucket *bucket, const void *address, bool all)
{
	for (struct mpg_parked *place = bucket->first; place; place = place->next)
		if (place->address == address && place->side != MPG_ALL_SIDES
		    && !atomic_load(&place->woken) && (all || is_first(bucket, place)))
			wake(place);
}

static void close_bell(struct mpg_parked *place)
{
	if (place->bell >= 0)
		mpg_private_close(place->bell);
	place->bell = -1;
}

/* Its fibers go on no more: the places are like those from before a fork. */
static void vacate(struct bucket *bucket, struct mpg_parked *place)
{
	take_out(bucket, place);
	if (atomic_load(&place->woken))
		wake_next(bucket, place->address, place->side, false);
	close_bell(place);
	place->forks = mpg_process_forks - 1;
}

/* A line that nobody leads would stop those who come, and its thread's address may be another's. */
static void thread_ends(void *unused)
{
	struct mpg_parked *next;

	(void)unused;
	mpg_lock(&lock);
	for (struct bucket *bucket = buckets; bucket < buckets + BUCKETS; bucket++)
		for (struct mpg_parked *place = bucket->first; place; place = next) {
			next = place->next;
			if (pthread_equal(place->thread, pthread_self()))
				vacate(bucket, place);
		}
	mpg_unlock(&lock);
}

static void prepare(void)
{
	pthread_key_create(&ending, thread_ends);
}

struct mpg_parked *mpg_parking_enter(const void *address, const void *side)
{
	struct mpg_parked *place = calloc(1, sizeof(*place));
	int saved_errno = errno;

	if (!place)
		return NULL;
	REAL(pthread_once)(&once, prepare);
	pthread_setspecific(ending, place);
	place->bell = mpg_bells_take();
	errno = saved_errno;
	place->address = address;
	place->side = side;
	place->thread = pthread_self();
	place->forks = mpg_process_forks;
	mpg_lock(&lock);
	append(bucket_of(address), place);
	mpg_unlock(&lock);
	return place;
}

static void wake_up(const void *address, const void *side, bool all)
{
	const struct bucket *bucket = bucket_of(address);

	if (!atomic_load_explicit(&bucket->places, memory_order_relaxed))
		return;
	mpg_lock(&lock);
	wake_next(bucket, address, side, all);
	mpg_unlock(&lock);
}

void mpg_parking_wake_one(const void *address, const void *side)
{
	wake_up(address, side, false);
}

void mpg_parking_wake_all(const void *address, const void *side)
{
	wake_up(address, side, true);
}

void mpg_parking_wake_sides(const void *address, bool all)
{
	const struct bucket *bucket = bucket_of(address);

	if (!atomic_load_explicit(&bucket->places, memory_order_relaxed)
	    || mpg_process_is_foreign())
		return;
	mpg_lock(&lock);
	wake_sides(bucket, address, all);
	mpg_unlock(&lock);
}

void mpg_parking_leave(struct mpg_parked **ours)
{
	struct mpg_parked *place = *ours;
	int saved_errno = errno;
	struct bucket *bucket;

	if (!place)
		return;
	if (place->forks == mpg_process_forks) {
		bucket = bucket_of(place->address);
		mpg_lock(&lock);
		take_out(bucket, place);
		if (atomic_load(&place->woken))
			wake_next(bucket, place->address, place->side, false);
		mpg_unlock(&lock);
		if (place->bell >= 0)
			mpg_bells_give(place->bell);
	}
	free(place);
	*ours = NULL;
	errno = saved_errno;
}

static bool wait_without_bell(struct mpg_wait *w)
{
	int64_t last = w->deadline, next = mpg_clock_after(LOOK_NS);
	bool goes_on;

	w->deadline = next < last ? next : last;
	goes_on = mpg_wait_on(w, -1, 0);
	if (!goes_on && next < last && errno == w->timeout_error)
		goes_on = !mpg_wait_was_forked(w);
	w->deadline = last;
	return goes_on;
}

static bool wait_for_bell(struct mpg_wait *w, const struct mpg_parked *place)
{
	if (place->bell < 0)
		return wait_without_bell(w);
	if (!mpg_wait_on(w, place->bell, POLLIN))
		return false;
	mpg_doorbell_silence(place->bell);
	return true;
}

/* The bell may ring for a wake-up that was seen before it rang: then the wait begins anew. */
bool mpg_parking_wait(struct mpg_wait *w, struct mpg_parked *place)
{
	while (!atomic_exchange(&place->woken, false)) {
		w->attempt = 0;
		if (!wait_for_bell(w, place))
			return atomic_exchange(&place->woken, false);
	}
	return true;
}

/* A handler has run, or it is time to look at the clock again. */
static bool goes_on(struct mpg_wait *w, clockid_t clock, const struct timespec *time)
{
	if (mpg_wait_was_forked(w))
		return false;
	if (time && errno == ETIMEDOUT)
		return mpg_clock_until(clock, time) > 0;
	if (errno != EINTR || !mpg_wait_was_interrupted(w))
		return false;
	w->interrupted = mpg_thread.interrupted;
	return true;
}

bool mpg_parking_wait_until(struct mpg_wait *w, struct mpg_parked *place, clockid_t clock,
			    const struct timespec *time)
{
	w->timeout_error = ETIMEDOUT;
	w->uncancellable = !time;
	do {
		if (time)
			w->deadline = mpg_clock_next_look(clock, time);
		if (mpg_parking_wait(w, place))
			return true;
	} while (goes_on(w, clock, time));
	return false;
}

bool mpg_parking_wait_a_while(struct mpg_wait *w, struct mpg_parked *place, clockid_t clock,
			      const struct timespec *time)
{
	int64_t last = time ? mpg_clock_next_look(clock, time) : MPGREEN_FOREVER;
	int64_t again = mpg_clock_after(AGAIN_NS);

	w->timeout_error = ETIMEDOUT;
	w->uncancellable = !time;
	w->deadline = again < last ? again : last;
	if (mpg_parking_wait(w, place))
		return true;
	if ((!time && errno == ETIMEDOUT && !mpg_wait_was_forked(w)) || goes_on(w, clock, time))
		errno = EAGAIN;
	return false;
}

static const struct mpg_parked *first_of(const void *address, const void *side)
{
	const struct mpg_parked *place = bucket_of(address)->first;

	while (place && !is_in_line(place, address, side))
		place = place->next;
	return place;
}

bool mpg_parking_is_first(const struct mpg_parked *place)
{
	bool first;

	mpg_lock(&lock);
	first = place->forks != mpg_process_forks || first_of(place->address, place->side) == place;
	mpg_unlock(&lock);
	return first;
}

bool mpg_parking_has_line(const void *address, const void *side)
{
	bool found;

	if (!atomic_load_explicit(&bucket_of(address)->places, memory_order_relaxed))
		return false;
	mpg_lock(&lock);
	found = first_of(address, side) != NULL;
	mpg_unlock(&lock);
	return found;
}

void mpg_parking_before_fork(void)
{
	mpg_lock(&lock);
}

void mpg_parking_after_fork(void)
{
	mpg_unlock(&lock);
}

/* The places of this thread's own fibers are theirs to free, should they ever go on. */
static void abandon(struct bucket *bucket)
{
	struct mpg_parked *place;

	while ((place = bucket->first)) {
		bucket->first = place->next;
		close_bell(place);
		if (!pthread_equal(place->thread, pthread_self()))
			free(place);
	}
	bucket->last = NULL;
	atomic_store(&bucket->places, 0);
}

void mpg_parking_forked(void)
{
	for (struct bucket *bucket = buckets; bucket < buckets + BUCKETS; bucket++)
		abandon(bucket);
	atomic_store(&mpg_parking_places, 0);
	mpg_unlock(&lock);
}
