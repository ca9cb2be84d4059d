/* SPDX-License-Identifier: MIT */
/*
 * A library that imports a slow function in each way: by a call, by its address, by a pointer in
 * its data. Built twice, as importer.c is.
 */
#include "caller.h"
#include "slow.h"

long caller_calls(int fd)
{
	return slow_wait(fd);
}

#ifdef BOUND_AT_FIRST_CALL
long (*caller_address(void))(int fd)
{
	return caller_calls;
}
#else
long (*caller_address(void))(int fd)
{
	return slow_wait;
}
#endif

long (*const caller_table[2])(int fd) = { caller_calls, slow_wait };
