/* SPDX-License-Identifier: MIT */
#include "registry/peers.h"

/* ::ffff:0:0/96 is IPv4 within IPv6. */
#define MAPPED_BITS 96

/* "123" from text on, up to max; NULL if there is no such number. */
static const char *parse_number(const char *text, unsigned max, unsigned *number)
{
	*number = 0;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		*number = *number * 10 + (unsigned)(*text - '0');
		if (*number > max)
			return NULL;
	}
	return text;
}

/* What stands before the end, as an address. */
static bool parse_address(struct mpg_peer *peer, int family, const char *text, const char *end)
{
	char copy[INET6_ADDRSTRLEN];

	if ((size_t)(end - text) >= sizeof(copy))
		return false;
	memcpy(copy, text, (size_t)(end - text));
	copy[end - text] = '\0';
	peer->family = (sa_family_t)family;
	peer->bits = family == AF_INET6 ? 128 : 32;
	return inet_pton(family, copy, peer->address) == 1;
}

/* The end of the address; NULL if it is none. */
static const char *parse_host(struct mpg_peer *peer, const char *text)
{
	const char *end = text + strcspn(text, "/:");

	if (*text == '*') {
		peer->family = AF_UNSPEC;
		return text + 1;
	}
	if (*text != '[')
		return parse_address(peer, AF_INET, text, end) ? end : NULL;
	end = strchr(text, ']');
	return end && parse_address(peer, AF_INET6, text + 1, end) ? end + 1 : NULL;
}

static const char *parse_bits(struct mpg_peer *peer, const char *text)
{
	return *text == '/' ? parse_number(text + 1, peer->bits, &peer->bits) : text;
}

static const char *parse_port(struct mpg_peer *peer, const char *text)
{
	unsigned port;

	if (*text != ':')
		return text;
	if (text[1] == '*')
		return text + 2;
	text = parse_number(text + 1, UINT16_MAX, &port);
	peer->port = (int)port;
	return text;
}

static bool is_mapped(const uint8_t *address)
{
	static const uint8_t prefix[MAPPED_BITS / 8] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address, prefix, sizeof(prefix)) == 0;
}

/* A pattern of IPv4 addresses that is written as one of IPv6. */
static void unmap(struct mpg_peer *peer)
{
	if (peer->family != AF_INET6 || peer->bits < MAPPED_BITS || !is_mapped(peer->address))
		return;
	peer->family = AF_INET;
	peer->bits -= MAPPED_BITS;
	memmove(peer->address, peer->address + MAPPED_BITS / 8, sizeof(struct in_addr));
}

const char *mpg_peer_parse(struct mpg_peer *peer, const char *text)
{
	*peer = (struct mpg_peer){ .port = -1 };
	if (strncmp(text, "unix:", 5) == 0) {
		peer->family = AF_UNIX;
		peer->path = text + 5;
		return *peer->path ? NULL : "the path of a unix socket is expected";
	}
	text = parse_host(peer, text);
	if (!text)
		return "a numeric address is expected, one of IPv6 in [], or * or unix:PATH";
	text = parse_bits(peer, text);
	if (!text)
		return "the number of bits after / is wrong";
	unmap(peer);
	text = parse_port(peer, text);
	if (!text)
		return "the port is wrong: allowed is 0 to 65535 or *";
	return *text ? "a port, :*, or the end is expected" : NULL;
}

static bool has_bits(const struct mpg_peer *peer, const uint8_t *address)
{
	unsigned whole = peer->bits / 8, rest = peer->bits % 8;

	if (memcmp(peer->address, address, whole) != 0)
		return false;
	return !rest || (peer->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

/* One of IPv4 may come as one of IPv6. */
static bool is_host(const struct mpg_peer *peer, sa_family_t family, const uint8_t *address,
		    in_port_t port)
{
	if (peer->port >= 0 && peer->port != ntohs(port))
		return false;
	if (peer->family == AF_UNSPEC)
		return true;
	if (family == AF_INET6 && is_mapped(address))
		return peer->family == AF_INET && has_bits(peer, address + MAPPED_BITS / 8);
	return family == peer->family && has_bits(peer, address);
}

static bool is_path(const struct mpg_peer *peer, const struct sockaddr_un *un, socklen_t len)
{
	size_t n = len - offsetof(struct sockaddr_un, sun_path);
	char path[sizeof(un->sun_path) + 1];

	if (n > sizeof(un->sun_path))
		return false;
	memcpy(path, un->sun_path, n);
	path[n] = '\0';
	if (n && !*path)
		*path = '@';
	return fnmatch(peer->path, path, 0) == 0;
}

bool mpg_peer_is(const struct mpg_peer *peer, const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

	if (len < sizeof(addr->sa_family))
		return false;
	if (addr->sa_family == AF_UNIX && peer->family == AF_UNIX)
		return is_path(peer, (const struct sockaddr_un *)addr, len);
	if (peer->family == AF_UNIX)
		return false;
	if (addr->sa_family == AF_INET && len >= sizeof(*in))
		return is_host(peer, AF_INET, (const uint8_t *)&in->sin_addr, in->sin_port);
	if (addr->sa_family == AF_INET6 && len >= sizeof(*in6))
		return is_host(peer, AF_INET6, in6->sin6_addr.s6_addr, in6->sin6_port);
	return false;
}
