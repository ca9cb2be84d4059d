/* SPDX-License-Identifier: MIT */
#include "registry/policy.h"
#include "registry/fds.h"
#include "registry/peers.h"
#include "settings.h"

#define ITEMS 64

enum class { KIND, LIBRARY, PEER, CLASSES };

struct item {
	enum class class;
	uint32_t kind;
	const char *pattern;	/* of a library */
	struct mpg_peer peer;
};

struct list {
	const char *name;
	struct item items[ITEMS];
	size_t n;
	bool has[CLASSES];
};

struct mpg_policy mpg_policy;

static struct list only = { .name = "MPGREEN_ONLY" }, skip = { .name = "MPGREEN_SKIP" };

static const struct {
	const char *word;
	uint32_t kind;
} kinds[] = {
	{ "socket", MPG_FD_SOCKET }, { "pipe", MPG_FD_FIFO },	{ "tty", MPG_FD_TTY },
	{ "event", MPG_FD_ANON },    { "queue", MPG_FD_QUEUE },
};

/* NULL, or what is wrong. */
static const char *parse_kind(struct item *item, const char *text)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(text, kinds[i].word) == 0) {
			item->kind = kinds[i].kind;
			return NULL;
		}
	return "allowed is kind:socket or pipe or tty or event or queue";
}

static const char *parse_library(struct item *item, const char *text)
{
	if (!*text)
		return "the name of a library is expected";
	if (strchr(text, '/'))
		return "a library has its name here, not its path";
	item->pattern = text;
	return NULL;
}

static const char *parse_peer(struct item *item, const char *text)
{
	return mpg_peer_parse(&item->peer, text);
}

static const struct {
	const char *prefix;
	const char *(*parse)(struct item *item, const char *text);
} classes[CLASSES] = {
	[KIND] = { "kind:", parse_kind },
	[LIBRARY] = { "lib:", parse_library },
	[PEER] = { "peer:", parse_peer },
};

static const char *parse_item(struct list *list, const char *text)
{
	struct item *item = &list->items[list->n];
	const char *fault;

	if (list->n == ITEMS)
		return "there are too many items";
	for (enum class class = 0; class < CLASSES; class ++) {
		const char *prefix = classes[class].prefix;

		if (strncmp(text, prefix, strlen(prefix)) != 0)
			continue;
		item->class = class;
		fault = classes[class].parse(item, text + strlen(prefix));
		if (fault)
			return fault;
		list->has[class] = true;
		list->n++;
		return NULL;
	}
	return "an item begins with kind: or lib: or peer:";
}

/* The copy is kept: items point into it. */
static void parse_list(struct list *list, const char *value)
{
	char *rest = value ? strdup(value) : NULL, *text;

	while (rest && (text = strsep(&rest, ","))) {
		const char *fault = parse_item(list, text);

		if (fault)
			mpg_settings_refuse("%s: '%.100s': %s", list->name, text, fault);
	}
}

void mpg_policy_read(void)
{
	parse_list(&only, mpg_settings.only);
	parse_list(&skip, mpg_settings.skip);
	mpg_policy.peers = only.has[PEER] || skip.has[PEER];
	mpg_policy.fds = mpg_policy.peers || only.has[KIND] || skip.has[KIND];
	mpg_policy.libraries = only.has[LIBRARY] || skip.has[LIBRARY];
}

static bool has_kind(const struct list *list, uint32_t kind)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].class == KIND && list->items[i].kind & kind)
			return true;
	return false;
}

static bool has_peer(const struct list *list, const struct sockaddr *to, socklen_t len)
{
	for (size_t i = 0; len && i < list->n; i++)
		if (list->items[i].class == PEER && mpg_peer_is(&list->items[i].peer, to, len))
			return true;
	return false;
}

static bool has_library(const struct list *list, const char *soname, const char *file)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct item *item = &list->items[i];

		if (item->class == LIBRARY
		    && (fnmatch(item->pattern, soname, 0) == 0
			|| fnmatch(item->pattern, file, 0) == 0))
			return true;
	}
	return false;
}

bool mpg_policy_allows_fd(int fd, uint32_t kind, const struct sockaddr *to, socklen_t len)
{
	struct sockaddr_storage peer;

	if (has_kind(&skip, kind) || (only.has[KIND] && !has_kind(&only, kind)))
		return false;
	if (!mpg_policy.peers)
		return true;
	if (!to) {
		to = (struct sockaddr *)&peer;
		len = sizeof(peer);
		if (!(kind & MPG_FD_SOCKET) || getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
			len = 0;
	}
	return !has_peer(&skip, to, len) && (!only.has[PEER] || has_peer(&only, to, len));
}

bool mpg_policy_allows_library(const char *soname, const char *file)
{
	if (has_library(&skip, soname, file))
		return false;
	return !only.has[LIBRARY] || has_library(&only, soname, file);
}
