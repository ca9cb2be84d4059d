/* SPDX-License-Identifier: MIT */
/*
 * Users and groups by name and by number: files on most machines; a directory server, asked inside
 * libc, on others.
 */
#include "calls/names.h"
#include "calls/record.h"
#include "os/linux/interpose.h"

/*
 * The two forms of a look-up by one key. `field` is where the question holds it, `real` the call
 * whose last arguments are the record, the buffer and the result.
 */
#define LOOKUP(type, record_kind, member, function, function_r, key_type, field) \
	static int ask_##function(struct mpg_answer *a) \
	{ \
		return REAL(function_r)((key_type)a->question.field, &a->record.member, a->buf, \
					a->size, (type **)&a->result); \
	} \
\
	GREEN(type *, function, key_type key) \
	{ \
		struct mpg_question q = { \
			.kind = record_kind, .field = key, .ask = ask_##function, \
			.call = #function \
		}; \
		void *result; \
\
		return mpg_record_get(&q, &result) ? result : REAL(function)(key); \
	} \
\
	INTERPOSE(type *, function, key_type key) \
	{ \
		if (!mpg_names_may_wait()) \
			return REAL(function)(key); \
		return green_##function(key); \
	} \
\
	GREEN(int, function_r, key_type key, type *record, char *buf, size_t size, type **result) \
	{ \
		struct mpg_question q = { \
			.kind = record_kind, .field = key, .ask = ask_##function, \
			.call = #function_r \
		}; \
		int status; \
\
		if (mpg_record_get_r(&q, record, buf, size, (void **)result, NULL, &status)) \
			return status; \
		return REAL(function_r)(key, record, buf, size, result); \
	} \
\
	INTERPOSE(int, function_r, key_type key, type *record, char *buf, size_t size, \
		  type **result) \
	{ \
		if (!mpg_names_may_wait()) \
			return REAL(function_r)(key, record, buf, size, result); \
		return green_##function_r(key, record, buf, size, result); \
	}

LOOKUP(struct passwd, MPG_PASSWD, passwd, getpwnam, getpwnam_r, const char *, name)
LOOKUP(struct passwd, MPG_PASSWD, passwd, getpwuid, getpwuid_r, uid_t, number)
LOOKUP(struct group, MPG_GROUP, group, getgrnam, getgrnam_r, const char *, name)
LOOKUP(struct group, MPG_GROUP, group, getgrgid, getgrgid_r, gid_t, number)
LOOKUP(struct spwd, MPG_SHADOW, shadow, getspnam, getspnam_r, const char *, name)

struct groups {
	struct mpg_lookup lookup;
	const char *user;
	gid_t group, *list;
	int n, status;
};

static void ask_groups(struct mpg_lookup *l)
{
	struct groups *g = (struct groups *)l;

	g->status = REAL(getgrouplist)(g->user, g->group, g->list, &g->n);
}

static size_t bytes(int n)
{
	return n > 0 ? (size_t)n * sizeof(gid_t) : 0;
}

GREEN(int, getgrouplist, const char *user, gid_t group, gid_t *list, int *n)
{
	size_t room = mpg_lookup_bytes_room(bytes(*n)) + mpg_lookup_string_room(user);
	MPG_LOOKUP(l, mpg_lookup_new(sizeof(struct groups), room, ask_groups, "getgrouplist"));
	struct groups *g = (struct groups *)l;

	if (!l)
		return REAL(getgrouplist)(user, group, list, n);
	g->list = mpg_lookup_bytes(l, list, bytes(*n));
	g->user = mpg_lookup_string(l, user);
	g->group = group;
	g->n = *n;
	/* It has no word for a failure but "more than fit", which its callers repeat. */
	if (mpg_lookup_run(l) != MPG_LOOKUP_ANSWERED)
		return REAL(getgrouplist)(user, group, list, n);
	if (list)
		memcpy(list, g->list, bytes(*n));
	*n = g->n;
	return g->status;
}

INTERPOSE(int, getgrouplist, const char *user, gid_t group, gid_t *list, int *n)
{
	if (!mpg_names_may_wait())
		return REAL(getgrouplist)(user, group, list, n);
	return green_getgrouplist(user, group, list, n);
}
