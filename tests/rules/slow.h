/* SPDX-License-Identifier: MIT */
/* The functions of slow.c. */
#ifndef TESTS_SLOW_H
#define TESTS_SLOW_H

#pragma GCC visibility push(default)

long slow_wait(int fd);
long slow_wait_too(int fd);
long slow_wait_twice(int fd);
int slow_fail(int error);

#pragma GCC visibility pop

#endif
