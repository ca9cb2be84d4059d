/* SPDX-License-Identifier: MIT */
/*
 * res_query() and its relatives: questions to name servers, and their answers as they are. Those
 * with an `n` in their name take the state of the resolver from the caller; the worker uses a copy.
 */
#include "calls/names.h"
#include "os/linux/interpose.h"
#include "sources/lookup.h"

struct question {
	const char *call;
	int (*ask)(const struct question *q);
	res_state state;			/* NULL: `_res` */
	const char *name, *domain;
	int class, type;
	const unsigned char *message;
	int message_len;
	unsigned char *answer;
	int size;
};

struct query {
	struct mpg_lookup lookup;
	struct question question;
	int result;
};

static int ask_query(const struct question *q)
{
	return REAL(res_query)(q->name, q->class, q->type, q->answer, q->size);
}

static int ask_search(const struct question *q)
{
	return REAL(res_search)(q->name, q->class, q->type, q->answer, q->size);
}

static int ask_querydomain(const struct question *q)
{
	return REAL(res_querydomain)(q->name, q->domain, q->class, q->type, q->answer, q->size);
}

static int ask_send(const struct question *q)
{
	return REAL(res_send)(q->message, q->message_len, q->answer, q->size);
}

static int ask_nquery(const struct question *q)
{
	return REAL(res_nquery)(q->state, q->name, q->class, q->type, q->answer, q->size);
}

static int ask_nsearch(const struct question *q)
{
	return REAL(res_nsearch)(q->state, q->name, q->class, q->type, q->answer, q->size);
}

static int ask_nquerydomain(const struct question *q)
{
	return REAL(res_nquerydomain)(q->state, q->name, q->domain, q->class, q->type, q->answer,
				      q->size);
}

static int ask_nsend(const struct question *q)
{
	return REAL(res_nsend)(q->state, q->message, q->message_len, q->answer, q->size);
}

static void ask_server(struct mpg_lookup *l)
{
	struct query *query = (struct query *)l;

	if (query->question.state)
		mpg_resolver_open(&l->resolver);
	query->result = query->question.ask(&query->question);
	if (query->question.state)
		mpg_resolver_close(&l->resolver);
}

static size_t at_least_0(int len)
{
	return len > 0 ? (size_t)len : 0;
}

static size_t room_of(const struct question *q)
{
	return mpg_lookup_string_room(q->name) + mpg_lookup_string_room(q->domain)
		+ mpg_lookup_bytes_room(at_least_0(q->message_len))
		+ mpg_lookup_bytes_room(at_least_0(q->size));
}

static bool prepare(struct mpg_lookup *l, const struct question *q)
{
	struct question *copy = &((struct query *)l)->question;

	*copy = *q;
	copy->name = mpg_lookup_string(l, q->name);
	copy->domain = mpg_lookup_string(l, q->domain);
	copy->message = mpg_lookup_bytes(l, q->message, at_least_0(q->message_len));
	copy->answer = mpg_lookup_bytes(l, q->answer, at_least_0(q->size));
	if (!q->state) {
		l->resolves = true;
		return true;
	}
	copy->state = &l->resolver.state;
	return mpg_resolver_copy(&l->resolver, q->state);
}

static int ask(const struct question *q)
{
	MPG_LOOKUP(l, mpg_lookup_new(sizeof(struct query), room_of(q), ask_server, q->call));
	struct query *query = (struct query *)l;

	if (!l || !prepare(l, q))
		return q->ask(q);
	switch (mpg_lookup_run(l)) {
	case MPG_LOOKUP_NATIVE:
		return q->ask(q);
	case MPG_LOOKUP_ENDED:
		h_errno = NETDB_INTERNAL;
		return -1;
	default:
		if (q->answer)
			memcpy(q->answer, query->question.answer, at_least_0(q->size));
		if (q->state)
			q->state->res_h_errno = l->resolver.state.res_h_errno;
		return query->result;
	}
}

INTERPOSE(int, res_query, const char *name, int class, int type, unsigned char *answer, int size)
{
	if (!mpg_names_may_wait())
		return REAL(res_query)(name, class, type, answer, size);
	return ask(&(struct question){ .call = "res_query",
				       .ask = ask_query,
				       .name = name,
				       .class = class,
				       .type = type,
				       .answer = answer,
				       .size = size });
}

INTERPOSE(int, res_search, const char *name, int class, int type, unsigned char *answer, int size)
{
	if (!mpg_names_may_wait())
		return REAL(res_search)(name, class, type, answer, size);
	return ask(&(struct question){ .call = "res_search",
				       .ask = ask_search,
				       .name = name,
				       .class = class,
				       .type = type,
				       .answer = answer,
				       .size = size });
}

INTERPOSE(int, res_querydomain, const char *name, const char *domain, int class, int type,
	  unsigned char *answer, int size)
{
	if (!mpg_names_may_wait())
		return REAL(res_querydomain)(name, domain, class, type, answer, size);
	return ask(&(struct question){ .call = "res_querydomain",
				       .ask = ask_querydomain,
				       .name = name,
				       .domain = domain,
				       .class = class,
				       .type = type,
				       .answer = answer,
				       .size = size });
}

INTERPOSE(int, res_send, const unsigned char *message, int len, unsigned char *answer, int size)
{
	if (!mpg_names_may_wait())
		return REAL(res_send)(message, len, answer, size);
	return ask(&(struct question){ .call = "res_send",
				       .ask = ask_send,
				       .message = message,
				       .message_len = len,
				       .answer = answer,
				       .size = size });
}

INTERPOSE(int, res_nquery, res_state state, const char *name, int class, int type,
	  unsigned char *answer, int size)
{
	if (!mpg_names_may_wait())
		return REAL(res_nquery)(state, name, class, type, answer, size);
	return ask(&(struct question){ .call = "res_nquery",
				       .ask = ask_nquery,
				       .state = state,
				       .name = name,
				       .class = class,
				       .type = type,
				       .answer = answer,
				       .size = size });
}

INTERPOSE(int, res_nsearch, res_state state, const char *name, int class, int type,
	  unsigned char *answer, int size)
{
	if (!mpg_names_may_wait())
		return REAL(res_nsearch)(state, name, class, type, answer, size);
	return ask(&(struct question){ .call = "res_nsearch",
				       .ask = ask_nsearch,
				       .state = state,
				       .name = name,
				       .class = class,
				       .type = type,
				       .answer = answer,
				       .size = size });
}

INTERPOSE(int, res_nquerydomain, res_state state, const char *name, const char *domain, int class,
	  int type, unsigned char *answer, int size)
{
	if (!mpg_names_may_wait())
		return REAL(res_nquerydomain)(state, name, domain, class, type, answer, size);
	return ask(&(struct question){ .call = "res_nquerydomain",
				       .ask = ask_nquerydomain,
				       .state = state,
				       .name = name,
				       .domain = domain,
				       .class = class,
				       .type = type,
				       .answer = answer,
				       .size = size });
}

INTERPOSE(int, res_nsend, res_state state, const unsigned char *message, int len,
	  unsigned char *answer, int size)
{
	if (!mpg_names_may_wait())
		return REAL(res_nsend)(state, message, len, answer, size);
	return ask(&(struct question){ .call = "res_nsend",
				       .ask = ask_nsend,
				       .state = state,
				       .message = message,
				       .message_len = len,
				       .answer = answer,
				       .size = size });
}

ALIAS(__res_nquery, res_nquery);
ALIAS(__res_nquerydomain, res_nquerydomain);
ALIAS(__res_nsearch, res_nsearch);
ALIAS(__res_nsend, res_nsend);
ALIAS(__res_query, res_query);
ALIAS(__res_querydomain, res_querydomain);
ALIAS(__res_search, res_search);
ALIAS(__res_send, res_send);
