/* SPDX-License-Identifier: MIT */
/*
 * A library with functions that block the thread in a way that cannot be intercepted: until there
 * is a byte in fd. They return the thread that they have run on.
 */
#include "slow.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static long wait_for_byte(int fd)
{
	char byte;

	if (syscall(SYS_read, fd, &byte, 1) != 1)
		return -1;
	return syscall(SYS_gettid);
}

long slow_wait(int fd)
{
	return wait_for_byte(fd);
}

long slow_wait_too(int fd)
{
	return wait_for_byte(fd);
}

long slow_wait_twice(int fd)
{
	return wait_for_byte(fd) < 0 ? -1 : wait_for_byte(fd);
}

int slow_fail(int error)
{
	errno = error;
	return -1;
}
