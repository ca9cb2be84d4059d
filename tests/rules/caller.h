/* SPDX-License-Identifier: MIT */
/* The functions of caller.c. */
#ifndef TESTS_CALLER_H
#define TESTS_CALLER_H

#pragma GCC visibility push(default)

long caller_calls(int fd);
long (*caller_address(void))(int fd);
extern long (*const caller_table[2])(int fd);

#pragma GCC visibility pop

#endif
