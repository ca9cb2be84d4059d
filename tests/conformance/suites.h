/* SPDX-License-Identifier: MIT */
/*
 * The suites, one per file test_<name>.c.
 */
#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

#include <check.h>

#define SUITES(X) \
	X(read) \
	X(write) \
	X(receive) \
	X(recvmmsg) \
	X(send) \
	X(deadline) \
	X(connect) \
	X(transfer) \
	X(terminal) \
	X(events) \
	X(poll) \
	X(select) \
	X(epoll) \
	X(mqueue) \
	X(sysv_sem) \
	X(sysv_msg) \
	X(sleep) \
	X(sigwait) \
	X(sem) \
	X(sem_ends) \
	X(mutex) \
	X(rwlock) \
	X(cond) \
	X(join) \
	X(signal) \
	X(close) \
	X(fd) \
	X(fork) \
	X(child) \
	X(system) \
	X(spawn) \
	X(cancel) \
	X(names) \
	X(fortified) \
	X(api) \
	X(imports) \
	X(offload) \
	X(fibers)

#define DECLARE(name) Suite *name##_suite(void);
SUITES(DECLARE)

#define NAME(name) name##_suite,
static Suite *(*const suites[])(void) = { SUITES(NAME) };

#endif
