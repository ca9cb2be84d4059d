/* SPDX-License-Identifier: MIT */
/*
 * The state of libc's resolver, `_res` of a thread or one that a caller holds, carried to a worker:
 * the options, name servers and domains that an application has set for itself hold for the
 * look-ups made in its stead. A copy shares no memory and no socket with where it comes from.
 */
#ifndef MPG_RESOLVER_H
#define MPG_RESOLVER_H

#include "libc.h"

/* Not for all to see: it defines words such as QUERY and ADD. */
#include <resolv.h>
#undef res_nquery
#undef res_nquerydomain
#undef res_nsearch
#undef res_nsend
#undef res_query
#undef res_querydomain
#undef res_search
#undef res_send

#pragma GCC visibility push(hidden)

struct mpg_resolver {
	struct __res_state state;
	struct __res_state kept;		/* the worker's own, meanwhile */
	bool replaces, changes;
	bool has_server[MAXNS];
	struct sockaddr_in6 server[MAXNS];	/* what libc keeps in memory of its own */
	char domains[MAXDNSRCH * 256];
};

/* A worker begins: in a fork child its memory may be that of a thread that was looking up. */
void mpg_resolver_begin(void);

/* False: there is too much of it. */
bool mpg_resolver_copy(struct mpg_resolver *r, const struct __res_state *from);

/*
 * Copies `_res`, which is initialised, and read anew where /etc/resolv.conf has changed, as any
 * look-up would have done first.
 */
bool mpg_resolver_copy_own(struct mpg_resolver *r);

/* On the worker, around a look-up by `_res`. What comes back is state.res_h_errno. */
void mpg_resolver_adopt(struct mpg_resolver *r);
void mpg_resolver_leave(struct mpg_resolver *r);

/* The same around one by &r->state. */
void mpg_resolver_open(struct mpg_resolver *r);
void mpg_resolver_close(struct mpg_resolver *r);

#pragma GCC visibility pop

#endif
