/* SPDX-License-Identifier: MIT */
/*
 * A library that imports read() by a call and by a pointer in its data. Built twice: its calls are
 * bound at their first; or all of them when it is loaded, and it takes the function's address, too,
 * for then the linker makes one slot of both.
 */
#include <unistd.h>

#pragma GCC visibility push(default)

typedef ssize_t (*reader)(int fd, void *buf, size_t len);

ssize_t importer_call(int fd, void *buf, size_t len);
reader importer_address(void);

ssize_t importer_call(int fd, void *buf, size_t len)
{
	return read(fd, buf, len);
}

reader importer_address(void)
{
#ifdef BOUND_AT_FIRST_CALL
	return importer_call;
#else
	return read;
#endif
}

extern const reader importer_table[2];
const reader importer_table[2] = { importer_call, read };
