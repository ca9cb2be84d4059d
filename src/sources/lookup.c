/* SPDX-License-Identifier: MIT */
#include "sources/lookup.h"
#include "real.h"

#define ALIGNMENT 16

#define MOMENT_NS (50 * 1000)

int64_t mpg_lookup_patience_ns = 5 * MPG_MILLISECOND;

/* How many workers are asking, and how many threads want to fork. */
static _Atomic int asking, forking;

static void pause_a_moment(void)
{
	const struct timespec moment = { .tv_nsec = MOMENT_NS };

	REAL(nanosleep)(&moment, NULL);
}

static void begin_to_ask(void)
{
	atomic_fetch_add(&asking, 1);
	while (atomic_load(&forking)) {
		atomic_fetch_sub(&asking, 1);
		pause_a_moment();
		atomic_fetch_add(&asking, 1);
	}
}

/*
 * libc does not hold its locks of the look-ups across fork(): one that a worker holds then is
 * locked in the child for ever. They are held for moments, not while a server is waited for.
 */
void mpg_lookup_before_fork(void)
{
	int saved_errno = errno;
	int64_t end;

	atomic_fetch_add(&forking, 1);
	end = atomic_load(&asking) ? mpg_clock_after(mpg_lookup_patience_ns) : 0;
	while (atomic_load(&asking) && mpg_clock_now() < end)
		pause_a_moment();
	errno = saved_errno;
}

void mpg_lookup_after_fork(void)
{
	atomic_fetch_sub(&forking, 1);
}

void mpg_lookup_forked(void)
{
	asking = forking = 0;
}

static void run(struct mpg_job *job)
{
	struct mpg_lookup *l = (struct mpg_lookup *)job;
	bool away = !pthread_equal(l->caller, pthread_self());

	if (away)
		begin_to_ask();
	if (l->resolves && away)
		mpg_resolver_adopt(&l->resolver);
	errno = l->error;
	h_errno = l->h_error;
	l->ask(l);
	l->error = errno;
	l->h_error = h_errno;
	if (l->resolves && away)
		mpg_resolver_leave(&l->resolver);
	if (away)
		atomic_fetch_sub(&asking, 1);
	mpg_job_finish(job, 0);
}

static void give_back(struct mpg_job *job)
{
	struct mpg_lookup *l = (struct mpg_lookup *)job;

	if (l->discard)
		l->discard(l);
}

struct mpg_lookup *mpg_lookup_new(size_t size, size_t room, void (*ask)(struct mpg_lookup *),
				  const char *call)
{
	struct mpg_lookup *l;
	struct mpg_wait wait;

	if (!mpg_wait_begin_other(&wait, call))
		return NULL;
	l = (struct mpg_lookup *)mpg_job_new(size + room, run);
	if (!l) {
		errno = wait.saved_errno;
		return NULL;
	}
	l->job.give_back = give_back;
	l->job.wins_nothing = true;
	l->job.may_queue = true;
	/* libc holds locks and sockets in it. */
	l->job.uncancellable = true;
	l->ask = ask;
	l->wait = wait;
	l->room = (char *)l + size;
	return l;
}

size_t mpg_lookup_string_room(const char *string)
{
	return string ? strlen(string) + 1 : 0;
}

size_t mpg_lookup_bytes_room(size_t len)
{
	return len + 2 * ALIGNMENT;
}

char *mpg_lookup_string(struct mpg_lookup *l, const char *string)
{
	size_t len = mpg_lookup_string_room(string);
	char *copy = l->room;

	if (!string)
		return NULL;
	memcpy(copy, string, len);
	l->room += len;
	return copy;
}

void *mpg_lookup_bytes(struct mpg_lookup *l, const void *from, size_t len)
{
	char *copy = l->room;

	if (!from)
		return NULL;
	copy += ((uintptr_t)from - (uintptr_t)copy) % ALIGNMENT;
	memcpy(copy, from, len);
	l->room = copy + len;
	return copy;
}

enum mpg_lookup_end mpg_lookup_run(struct mpg_lookup *l)
{
	errno = l->wait.saved_errno;
	if (l->resolves && !mpg_resolver_copy_own(&l->resolver))
		return MPG_LOOKUP_NATIVE;
	l->caller = pthread_self();
	l->error = l->wait.saved_errno;
	l->h_error = h_errno;
	if (mpg_job_run(&l->wait, &l->job)) {
		mpg_wait_end(&l->wait);
		/* It stood in line, and then there was no thread for it. */
		if (l->job.result < 0) {
			errno = l->wait.saved_errno;
			return MPG_LOOKUP_NATIVE;
		}
		if (l->resolves)
			_res.res_h_errno = l->resolver.state.res_h_errno;
		h_errno = l->h_error;
		errno = l->error;
		return MPG_LOOKUP_ANSWERED;
	}
	if (!mpg_wait_was_forked(&l->wait))
		return MPG_LOOKUP_ENDED;
	/* The worker stayed in the parent. */
	errno = l->wait.saved_errno;
	return MPG_LOOKUP_NATIVE;
}

void mpg_lookup_drop(struct mpg_lookup **lookup)
{
	struct mpg_job *job = *lookup ? &(*lookup)->job : NULL;

	mpg_job_drop(&job);
}
