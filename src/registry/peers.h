/* SPDX-License-Identifier: MIT */
/*
 * Patterns of socket addresses: "127.0.0.1:5432", "10.0.0.0/8", "[::1]:80", "[fe80::]/10", "*:443",
 * and "unix:" with a pattern of paths, where an abstract name begins with '@'.
 */
#ifndef MPG_PEERS_H
#define MPG_PEERS_H

#include "libc.h"

#pragma GCC visibility push(hidden)

struct mpg_peer {
	sa_family_t family;	/* AF_UNSPEC: any address of the Internet */
	uint8_t address[16];
	unsigned bits;		/* of it that count */
	int port;		/* -1: any */
	const char *path;
};

/* NULL, or what is wrong. Keeps a pointer into the text. */
const char *mpg_peer_parse(struct mpg_peer *peer, const char *text);

bool mpg_peer_is(const struct mpg_peer *peer, const struct sockaddr *addr, socklen_t len);

#pragma GCC visibility pop

#endif
