/* SPDX-License-Identifier: MIT */
/*
 * MPGREEN_ONLY and MPGREEN_SKIP: what is green by the kind of fd, by its peer and by the library
 * that calls. Read once. Asked when an fd is examined and when a library is loaded, not in calls.
 */
#ifndef MPG_POLICY_H
#define MPG_POLICY_H

#include "libc.h"

#pragma GCC visibility push(hidden)

struct mpg_policy {
	bool fds;		/* it says something about fds, */
	bool peers;		/* about their peers, */
	bool libraries;		/* about libraries */
};

extern struct mpg_policy mpg_policy;

/* Says what is wrong with the settings. */
void mpg_policy_read(void);

/* A socket is judged by the address that it connects to or, if that is NULL, is connected to. */
bool mpg_policy_allows_fd(int fd, uint32_t kind, const struct sockaddr *to, socklen_t len);

/* A library has a soname and the name of its file. */
bool mpg_policy_allows_library(const char *soname, const char *file);

#pragma GCC visibility pop

#endif
