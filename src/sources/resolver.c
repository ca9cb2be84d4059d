/* SPDX-License-Identifier: MIT */
#include "sources/resolver.h"
#include "real.h"

/* RES_F_VC and RES_F_CONN: the state has sockets open. */
#define CONNECTED 3u

/*
 * libc clears thread-local memory that a new thread inherits, but not `_res`, which a thread that
 * ends leaves behind as good as new. Those that a fork child lacks have not ended: their sockets
 * are the parent's, too, and whoever reads from one takes the other's answers.
 */
void mpg_resolver_begin(void)
{
	memset(&_res, 0, sizeof(_res));
}

static bool copy_domains(struct mpg_resolver *r, const struct __res_state *from)
{
	char *room = r->domains, *end = room + sizeof(r->domains);

	memset(r->state.dnsrch, 0, sizeof(r->state.dnsrch));
	for (int i = 0; i < MAXDNSRCH && from->dnsrch[i]; i++) {
		size_t len = strlen(from->dnsrch[i]) + 1;

		if (len > (size_t)(end - room))
			return false;
		r->state.dnsrch[i] = memcpy(room, from->dnsrch[i], len);
		room += len;
	}
	return true;
}

bool mpg_resolver_copy(struct mpg_resolver *r, const struct __res_state *from)
{
	r->state = *from;
	if (!(from->options & RES_INIT))
		return true;
	r->state._vcsock = -1;
	r->state._flags &= ~CONNECTED;
	for (int i = 0; i < MAXNS; i++) {
		const struct sockaddr_in6 *server = from->_u._ext.nsaddrs[i];

		r->has_server[i] = i < from->_u._ext.nscount && server;
		if (r->has_server[i])
			r->server[i] = *server;
		r->state._u._ext.nsaddrs[i] = NULL;
		r->state._u._ext.nssocks[i] = -1;
	}
	return copy_domains(r, from);
}

/* libc frees these. Without them it goes by nsaddr_list. */
void mpg_resolver_open(struct mpg_resolver *r)
{
	struct sockaddr_in6 **server = r->state._u._ext.nsaddrs;

	if (!(r->state.options & RES_INIT))
		return;
	for (int i = 0; i < MAXNS; i++) {
		server[i] = r->has_server[i] ? malloc(sizeof(*server[i])) : NULL;
		if (server[i])
			*server[i] = r->server[i];
		else if (r->has_server[i])
			r->state._u._ext.nscount = 0;
	}
}

/* By this libc finds what it has read of /etc/resolv.conf, and counts who uses it. */
static void disown_configuration(struct __res_state *copy)
{
	memset(copy->_u._ext.__glibc_reserved, 0, sizeof(copy->_u._ext.__glibc_reserved));
}

void mpg_resolver_close(struct mpg_resolver *r)
{
	if (!(r->state.options & RES_INIT))
		return;
	disown_configuration(&r->state);
	/* Those, too, that libc has stopped to count. */
	r->state._u._ext.nscount = MAXNS;
	res_nclose(&r->state);
}

/*
 * libc reads /etc/resolv.conf, where that is due, at the beginning of each look-up. This one is
 * answered without asking anybody.
 */
static void refresh(void)
{
	int saved_errno = errno, saved_h_errno = h_errno, h_error;
	struct hostent host, *found;
	char buf[256];

	REAL(gethostbyname_r)("127.0.0.1", &host, buf, sizeof(buf), &found, &h_error);
	h_errno = saved_h_errno;
	errno = saved_errno;
}

bool mpg_resolver_copy_own(struct mpg_resolver *r)
{
	refresh();
	return mpg_resolver_copy(r, &_res);
}

static bool same_server(const struct mpg_resolver *r, const struct __res_state *own, int i)
{
	const struct sockaddr_in *a = &r->state.nsaddr_list[i], *b = &own->nsaddr_list[i];
	const struct sockaddr_in6 *b6 = own->_u._ext.nsaddrs[i];

	/* An IPv6 server leaves its IPv4 place empty. */
	if (a->sin_family == 0 && b->sin_family == 0)
		return r->has_server[i] && b6 && memcmp(&r->server[i], b6, sizeof(*b6)) == 0;
	return a->sin_family == b->sin_family && a->sin_port == b->sin_port
		&& a->sin_addr.s_addr == b->sin_addr.s_addr;
}

static bool same_domain(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_configuration(const struct mpg_resolver *r, const struct __res_state *b)
{
	const struct __res_state *a = &r->state;

	if (a->nscount != b->nscount || a->nsort != b->nsort
	    || memcmp(a->sort_list, b->sort_list, a->nsort * sizeof(a->sort_list[0])) != 0)
		return false;
	for (int i = 0; i < a->nscount && i < MAXNS; i++)
		if (!same_server(r, b, i))
			return false;
	for (int i = 0; i < MAXDNSRCH; i++) {
		if (!same_domain(a->dnsrch[i], b->dnsrch[i]))
			return false;
		if (!a->dnsrch[i])
			break;
	}
	return true;
}

static void set_options(struct __res_state *to, const struct __res_state *from)
{
	to->options = from->options;
	to->retrans = from->retrans;
	to->retry = from->retry;
	to->ndots = from->ndots;
}

static bool same_options(const struct __res_state *a, const struct __res_state *b)
{
	return a->options == b->options && a->retrans == b->retrans && a->retry == b->retry
		&& a->ndots == b->ndots;
}

/*
 * What the application has left as it was stays libc's business, which knows more domains of
 * /etc/resolv.conf than `_res` holds, and when to read it anew.
 */
void mpg_resolver_adopt(struct mpg_resolver *r)
{
	refresh();
	r->kept = _res;
	r->replaces = !same_configuration(r, &r->kept);
	r->changes = !same_options(&r->kept, &r->state);
	if (r->replaces) {
		mpg_resolver_open(r);
		disown_configuration(&r->state);
		_res = r->state;
	} else if (r->changes) {
		set_options(&_res, &r->state);
	}
	_res.res_h_errno = r->state.res_h_errno;
}

void mpg_resolver_leave(struct mpg_resolver *r)
{
	r->state.res_h_errno = _res.res_h_errno;
	if (r->replaces) {
		r->state = _res;
		_res = r->kept;
		mpg_resolver_close(r);
	} else if (r->changes) {
		set_options(&_res, &r->kept);
	}
}
