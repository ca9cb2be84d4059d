/* SPDX-License-Identifier: MIT */
#include "calls/record.h"
#include "real.h"

/* As libc begins. */
#define FIRST_SIZE 1024

#define END ((size_t)-1)

/* Where the pointers of a record are: to strings, and to lists of them. */
static const struct layout {
	size_t size, strings[6], lists[3];
} layouts[] = {
	[MPG_HOST] = {
		sizeof(struct hostent),
		{ offsetof(struct hostent, h_name), END },
		{ offsetof(struct hostent, h_aliases), offsetof(struct hostent, h_addr_list), END },
	},
	[MPG_SERVICE] = {
		sizeof(struct servent),
		{ offsetof(struct servent, s_name), offsetof(struct servent, s_proto), END },
		{ offsetof(struct servent, s_aliases), END },
	},
	[MPG_PASSWD] = {
		sizeof(struct passwd),
		{ offsetof(struct passwd, pw_name), offsetof(struct passwd, pw_passwd),
		  offsetof(struct passwd, pw_gecos), offsetof(struct passwd, pw_dir),
		  offsetof(struct passwd, pw_shell), END },
		{ END },
	},
	[MPG_GROUP] = {
		sizeof(struct group),
		{ offsetof(struct group, gr_name), offsetof(struct group, gr_passwd), END },
		{ offsetof(struct group, gr_mem), END },
	},
	[MPG_SHADOW] = {
		sizeof(struct spwd),
		{ offsetof(struct spwd, sp_namp), offsetof(struct spwd, sp_pwdp), END },
		{ END },
	},
};

struct move {
	const char *from;
	char *to;
	size_t size;
};

/* A pointer to memory of the service's own stays what it is. */
static bool moved(char **pointer, const struct move *move)
{
	if (*pointer < move->from || *pointer >= move->from + move->size)
		return false;
	*pointer = move->to + (*pointer - move->from);
	return true;
}

static void copy(void *record, const struct mpg_answer *a, char *buf)
{
	const struct layout *layout = &layouts[a->question.kind];
	const struct move move = { a->buf, buf, a->size };

	memcpy(record, &a->record, layout->size);
	memcpy(buf, a->buf, a->size);
	for (const size_t *at = layout->strings; *at != END; at++)
		moved((char **)((char *)record + *at), &move);
	for (const size_t *at = layout->lists; *at != END; at++) {
		char ***list = (char ***)((char *)record + *at);

		if (!moved((char **)list, &move))
			continue;
		for (char **element = *list; *element; element++)
			moved(element, &move);
	}
}

static size_t question_room(const struct mpg_question *q)
{
	return mpg_lookup_string_room(q->name) + mpg_lookup_string_room(q->second)
		+ mpg_lookup_bytes_room(q->len);
}

static struct mpg_answer *prepare(struct mpg_lookup *l, const struct mpg_question *q)
{
	struct mpg_answer *a = (struct mpg_answer *)l;

	l->resolves = q->resolves;
	a->question = *q;
	a->question.name = mpg_lookup_string(l, q->name);
	a->question.second = mpg_lookup_string(l, q->second);
	a->question.address = mpg_lookup_bytes(l, q->address, q->len);
	return a;
}

static void ask_once(struct mpg_lookup *l)
{
	struct mpg_answer *a = (struct mpg_answer *)l;

	a->result = NULL;
	a->status = a->question.ask(a);
}

static bool wants_more_room(const struct mpg_answer *a)
{
	return a->status == ERANGE && (!a->question.resolves || a->h_error == NETDB_INTERNAL);
}

/* As libc's own function does that has the buffer to itself. */
static void ask_with_room(struct mpg_lookup *l)
{
	struct mpg_answer *a = (struct mpg_answer *)l;
	char *buf;

	do {
		a->size = a->size ? 2 * a->size : FIRST_SIZE;
		buf = realloc(a->buf, a->size);
		if (!buf) {
			a->result = NULL;
			a->h_error = NETDB_INTERNAL;
			errno = ENOMEM;
			break;
		}
		a->buf = buf;
		ask_once(l);
	} while (wants_more_room(a));
	if (a->question.resolves && a->h_error)
		h_errno = a->h_error;
}

static void discard(struct mpg_lookup *l)
{
	free(((struct mpg_answer *)l)->buf);
}

/* The latest record of each kind that a thread was given. */
struct held {
	char *buf;
	size_t size;
	_Alignas(max_align_t) char record[sizeof(((struct mpg_answer *)0)->record)];
};

static pthread_key_t key;
static bool has_key;

static void let_go(void *all)
{
	struct held *held = all;

	for (int i = 0; i < MPG_RECORD_KINDS; i++)
		free(held[i].buf);
	free(held);
}

static void make_key(void)
{
	has_key = pthread_key_create(&key, let_go) == 0;
}

static struct held *held_of_thread(enum mpg_record_kind kind)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct held *held;

	REAL(pthread_once)(&once, make_key);
	held = has_key ? pthread_getspecific(key) : NULL;
	if (!held && has_key) {
		held = calloc(MPG_RECORD_KINDS, sizeof(*held));
		if (held && pthread_setspecific(key, held) != 0) {
			free(held);
			held = NULL;
		}
	}
	return held ? &held[kind] : NULL;
}

static void *hold(const struct mpg_answer *a)
{
	struct held *held = held_of_thread(a->question.kind);
	char *buf = held ? held->buf : NULL;

	if (held && held->size < a->size)
		buf = realloc(held->buf, a->size);
	if (!buf) {
		h_errno = NETDB_INTERNAL;
		errno = ENOMEM;
		return NULL;
	}
	held->buf = buf;
	if (held->size < a->size)
		held->size = a->size;
	copy(held->record, a, buf);
	return held->record;
}

bool mpg_record_get(const struct mpg_question *question, void **result)
{
	MPG_LOOKUP(l,
		   mpg_lookup_new(sizeof(struct mpg_answer), question_room(question), ask_with_room,
				  question->call));
	struct mpg_answer *a;
	enum mpg_lookup_end end;

	if (!l)
		return false;
	a = prepare(l, question);
	l->discard = discard;
	end = mpg_lookup_run(l);
	*result = NULL;
	if (end == MPG_LOOKUP_ANSWERED) {
		if (a->result)
			*result = hold(a);
		free(a->buf);
	} else if (end == MPG_LOOKUP_ENDED && question->resolves) {
		h_errno = NETDB_INTERNAL;
	}
	return end != MPG_LOOKUP_NATIVE;
}

bool mpg_record_get_r(const struct mpg_question *question, void *record, char *buf, size_t size,
		      void **result, int *h_error, int *status)
{
	size_t room = question_room(question) + mpg_lookup_bytes_room(size);
	MPG_LOOKUP(l, mpg_lookup_new(sizeof(struct mpg_answer), room, ask_once, question->call));
	struct mpg_answer *a;
	enum mpg_lookup_end end;

	if (!l)
		return false;
	a = prepare(l, question);
	a->buf = mpg_lookup_bytes(l, buf, size);
	a->size = size;
	a->h_error = h_error ? *h_error : 0;
	end = mpg_lookup_run(l);
	if (end == MPG_LOOKUP_NATIVE)
		return false;
	*result = NULL;
	if (end == MPG_LOOKUP_ENDED) {
		a->h_error = NETDB_INTERNAL;
		a->status = errno;
	} else if (a->result) {
		copy(record, a, buf);
		*result = record;
	}
	if (h_error)
		*h_error = a->h_error;
	*status = a->status;
	return true;
}
