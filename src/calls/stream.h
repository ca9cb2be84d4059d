/* SPDX-License-Identifier: MIT */
/* read() and write() in the name of another call. */
#ifndef MPG_STREAM_H
#define MPG_STREAM_H

#include "libc.h"

#pragma GCC visibility push(hidden)

ssize_t mpg_stream_read(int fd, void *buf, size_t len, const char *call);
ssize_t mpg_stream_write(int fd, const void *buf, size_t len, const char *call);

/* Standard output and error, unless MPGREEN_STDIO says otherwise: writes to it block the thread. */
bool mpg_stream_is_native(int fd);

#pragma GCC visibility pop

#endif
