/* SPDX-License-Identifier: MIT */
/*
 * How a libc function is intercepted on Linux.
 *
 *	GREEN(ssize_t, recv, int fd, void *buf, size_t len, int flags)
 *	{
 *		... the cooperative call ...
 *	}
 *
 *	INTERPOSE(ssize_t, recv, int fd, void *buf, size_t len, int flags)
 *	{
 *		if (!mpg_may_wait_on(fd))
 *			return REAL(recv)(fd, buf, len, flags);
 *		return green_recv(fd, buf, len, flags);
 *	}
 *	ALIAS(__recv, recv);
 *
 * The two are apart because only a function without locals of its own passes a call on by a jump.
 * The loader finds a preloaded library's names before libc's; REAL(name) is libc's own function.
 * The compiler checks the body against libc's prototype; a name that calls.def lacks has no REAL.
 */
#ifndef MPG_INTERPOSE_H
#define MPG_INTERPOSE_H

#include "real.h"

#define INTERPOSE(ret, name, ...) __attribute__((visibility("default"))) ret name(__VA_ARGS__)

#define GREEN(ret, name, ...) __attribute__((noinline)) static ret green_##name(__VA_ARGS__)

/* gcc wants an alias to have its target's attributes; clang has no word for it. */
#if __has_attribute(copy)
#define MPG_ALIAS_COPY(name) __attribute__((copy(name)))
#else
#define MPG_ALIAS_COPY(name)
#endif

#define ALIAS(alias_name, name) \
	extern __typeof__(name) alias_name MPG_ALIAS_COPY(name) \
		__attribute__((alias(#name), visibility("default")))

#endif
