/* SPDX-License-Identifier: MIT */
/*
 * What is left of an application's iovec after part of it has been moved. The application's array
 * is not looked at before the kernel has accepted it: a bad one is the kernel's to refuse.
 */
#ifndef MPG_IOVEC_H
#define MPG_IOVEC_H

#include "libc.h"

#pragma GCC visibility push(hidden)

struct mpg_iovec {
	const struct iovec *iov;	/* what is left: the application's, or a part of `copy` */
	int n;
	struct iovec *copy;		/* on the heap, once part has been moved; or &one */
	struct iovec one;
	size_t len;			/* of all; 0: not counted yet */
};

/* Declares `name`: freed at the end of its block, and when the thread is cancelled in it. */
#define MPG_IOVEC(name, iov, n) \
	__attribute__(( \
		cleanup(mpg_iovec_end))) struct mpg_iovec name = { iov, n, NULL, { NULL, 0 }, 0 }

/* The bytes in iov[0..n). */
size_t mpg_iovec_length(const struct iovec *iov, int n);

/* Copies len bytes to where iov[0..n) says. */
void mpg_iovec_scatter(const struct iovec *iov, int n, const char *bytes, size_t len);

/* The bytes that there were at first. */
size_t mpg_iovec_total(struct mpg_iovec *rest);

/* The first `done` bytes are moved (a negative number: none). False when out of memory. */
bool mpg_iovec_advance(struct mpg_iovec *rest, ssize_t done);

void mpg_iovec_end(const struct mpg_iovec *rest);

#pragma GCC visibility pop

#endif
