/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo(), getnameinfo(). What needs no name server and no file stays on this thread. A
 * look-up that is given up ends as a failed system call does: EAI_SYSTEM, errno says why.
 */
#include "calls/names.h"
#include "os/linux/interpose.h"
#include "registry/process.h"
#include "sources/lookup.h"

/* Longer than any name; who says that there is more room may exaggerate. */
#define LONGEST_NAME 65536

bool mpg_names_may_wait(void)
{
	return mpg_thread_is_green() && !mpg_process_is_foreign();
}

static bool is_ipv6(const char *name)
{
	const char *scope = strchr(name, '%');
	size_t len = scope ? (size_t)(scope - name) : strlen(name);
	char digits[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, name, len);
	digits[len] = '\0';
	return inet_pton(AF_INET6, digits, &address) == 1;
}

bool mpg_names_is_address(const char *name)
{
	struct in_addr address;

	if (strchr(name, ':'))
		return is_ipv6(name);
	return !strpbrk(name, " \t\n\v\f\r") && inet_aton(name, &address) != 0;
}

static bool is_number(const char *service)
{
	return *service && service[strspn(service, "0123456789")] == '\0';
}

struct addresses {
	struct mpg_lookup lookup;
	const char *node, *service;
	const struct addrinfo *hints;
	struct addrinfo hints_copy;
	struct addrinfo *list;
	int status;
};

static void ask_addresses(struct mpg_lookup *l)
{
	struct addresses *a = (struct addresses *)l;

	a->status = REAL(getaddrinfo)(a->node, a->service, a->hints, &a->list);
}

static void discard_addresses(struct mpg_lookup *l)
{
	struct addresses *a = (struct addresses *)l;

	if (a->status == 0)
		freeaddrinfo(a->list);
}

static bool asks_nobody(const char *node, const char *service, int flags)
{
	return (!node || flags & AI_NUMERICHOST || mpg_names_is_address(node))
		&& (!service || flags & AI_NUMERICSERV || is_number(service));
}

/* The kind of failure that comes with an errno. */
static int ended(enum mpg_lookup_end end, int status)
{
	return end == MPG_LOOKUP_ENDED ? EAI_SYSTEM : status;
}

GREEN(int, getaddrinfo, const char *node, const char *service, const struct addrinfo *hints,
      struct addrinfo **list)
{
	size_t room = mpg_lookup_string_room(node) + mpg_lookup_string_room(service);
	MPG_LOOKUP(l, mpg_lookup_new(sizeof(struct addresses), room, ask_addresses, "getaddrinfo"));
	struct addresses *a = (struct addresses *)l;
	enum mpg_lookup_end end;

	if (!l)
		return REAL(getaddrinfo)(node, service, hints, list);
	l->resolves = true;
	l->discard = discard_addresses;
	a->node = mpg_lookup_string(l, node);
	a->service = mpg_lookup_string(l, service);
	if (hints) {
		a->hints_copy = *hints;
		a->hints = &a->hints_copy;
	}
	end = mpg_lookup_run(l);
	if (end == MPG_LOOKUP_NATIVE)
		return REAL(getaddrinfo)(node, service, hints, list);
	if (end == MPG_LOOKUP_ANSWERED && a->status == 0)
		*list = a->list;
	return ended(end, a->status);
}

INTERPOSE(int, getaddrinfo, const char *node, const char *service, const struct addrinfo *hints,
	  struct addrinfo **list)
{
	if (!mpg_names_may_wait() || asks_nobody(node, service, hints ? hints->ai_flags : 0))
		return REAL(getaddrinfo)(node, service, hints, list);
	return green_getaddrinfo(node, service, hints, list);
}

struct name {
	struct mpg_lookup lookup;
	struct sockaddr_storage address;
	socklen_t len, host_len, service_len;
	char *host, *service;
	int flags, status;
};

static void ask_name(struct mpg_lookup *l)
{
	struct name *n = (struct name *)l;

	n->status = REAL(getnameinfo)((struct sockaddr *)&n->address, n->len, n->host, n->host_len,
				      n->service, n->service_len, n->flags);
}

static char *take_room(struct mpg_lookup *l, const char *text, socklen_t len)
{
	char *room = l->room;

	if (!text || len == 0)
		return NULL;
	l->room += len;
	return room;
}

static void give_text(char *to, const char *from)
{
	if (to && from && *from)
		strcpy(to, from);
}

static bool is_answered_here(const struct sockaddr *address, socklen_t host_len,
			     socklen_t service_len, int flags)
{
	if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
		return true;
	return (host_len == 0 || flags & NI_NUMERICHOST)
		&& (service_len == 0 || flags & NI_NUMERICSERV);
}

static socklen_t shorter(socklen_t a, socklen_t b)
{
	return a < b ? a : b;
}

GREEN(int, getnameinfo, const struct sockaddr *address, socklen_t len, char *host,
      socklen_t host_len, char *service, socklen_t service_len, int flags)
{
	socklen_t host_room = shorter(host_len, LONGEST_NAME);
	socklen_t service_room = shorter(service_len, LONGEST_NAME);
	MPG_LOOKUP(l,
		   mpg_lookup_new(sizeof(struct name), host_room + service_room, ask_name,
				  "getnameinfo"));
	struct name *n = (struct name *)l;
	enum mpg_lookup_end end;

	if (!l)
		return REAL(getnameinfo)(address, len, host, host_len, service, service_len, flags);
	l->resolves = true;
	n->len = shorter(len, sizeof(n->address));
	memcpy(&n->address, address, n->len);
	n->host = take_room(l, host, host_room);
	n->host_len = host_room;
	n->service = take_room(l, service, service_room);
	n->service_len = service_room;
	n->flags = flags;
	end = mpg_lookup_run(l);
	if (end == MPG_LOOKUP_NATIVE)
		return REAL(getnameinfo)(address, len, host, host_len, service, service_len, flags);
	if (end == MPG_LOOKUP_ANSWERED) {
		give_text(host, n->host);
		give_text(service, n->service);
	}
	return ended(end, n->status);
}

INTERPOSE(int, getnameinfo, const struct sockaddr *address, socklen_t len, char *host,
	  socklen_t host_len, char *service, socklen_t service_len, int flags)
{
	if (!mpg_names_may_wait() || !address || len < sizeof(sa_family_t)
	    || is_answered_here(address, host ? host_len : 0, service ? service_len : 0, flags))
		return REAL(getnameinfo)(address, len, host, host_len, service, service_len, flags);
	return green_getnameinfo(address, len, host, host_len, service, service_len, flags);
}
