/* SPDX-License-Identifier: MIT */
/*
 * A look-up of libc that asks somebody and has no fd: a job that is done in the caller's clothes.
 * errno, h_errno and `_res` belong to a thread, so they go to the worker and come back.
 *
 *	MPG_LOOKUP(l, mpg_lookup_new(sizeof(*a), room, ask, "getaddrinfo"));
 *	if (!l)
 *		return REAL(getaddrinfo)(...);
 *	a->node = mpg_lookup_string(l, node);
 *	switch (mpg_lookup_run(l)) ...
 *
 * What ask() reads and writes lies in the room behind the structure, never on the caller's stack.
 */
#ifndef MPG_LOOKUP_H
#define MPG_LOOKUP_H

#include "sources/job.h"
#include "sources/resolver.h"

#pragma GCC visibility push(hidden)

struct mpg_lookup {
	struct mpg_job job;
	void (*ask)(struct mpg_lookup *);		/* on the worker: makes the real call */
	void (*discard)(struct mpg_lookup *);		/* optional: an answer that nobody takes */
	bool resolves;					/* asks name servers: `_res` goes with it */
	struct mpg_resolver resolver;
	struct mpg_wait wait;
	pthread_t caller;
	int error, h_error;
	char *room;
};

enum mpg_lookup_end {
	MPG_LOOKUP_NATIVE,	/* nobody has asked: the caller makes the real call */
	MPG_LOOKUP_ANSWERED,	/* errno and h_errno are as ask() left them */
	MPG_LOOKUP_ENDED,	/* the wait has ended before: errno says why */
};

/* NULL: the caller makes the real call. `room` bytes are for what is copied. */
struct mpg_lookup *mpg_lookup_new(size_t size, size_t room, void (*ask)(struct mpg_lookup *),
				  const char *call);

/* How much room a string, or `len` bytes, may take. */
size_t mpg_lookup_string_room(const char *string);
size_t mpg_lookup_bytes_room(size_t len);

/* Copies to the room. NULL stays NULL. Bytes lie there as they lie at `from`, modulo 16. */
char *mpg_lookup_string(struct mpg_lookup *l, const char *string);
void *mpg_lookup_bytes(struct mpg_lookup *l, const void *from, size_t len);

enum mpg_lookup_end mpg_lookup_run(struct mpg_lookup *l);

/* How long a fork() waits for look-ups that are being made. */
extern int64_t mpg_lookup_patience_ns;

void mpg_lookup_before_fork(void);
void mpg_lookup_after_fork(void);
void mpg_lookup_forked(void);

#define MPG_LOOKUP(name, init) \
	__attribute__((cleanup(mpg_lookup_drop))) struct mpg_lookup *name = init

void mpg_lookup_drop(struct mpg_lookup **lookup);

#pragma GCC visibility pop

#endif
