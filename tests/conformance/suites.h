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
	X(mutex_fibers) \
	X(rwlock) \
	X(shared_locks) \
	X(cond) \
	X(join) \
	X(once) \
	X(signal) \
	X(close) \
	X(fd) \
	X(open) \
	X(fopen) \
	X(lock) \
	X(lock_ends) \
	X(fork) \
	X(child) \
	X(system) \
	X(stdio_beside) \
	X(stdio_fibers) \
	X(stdio_get) \
	X(stdio_input) \
	X(stdio_output) \
	X(stdio_put) \
	X(stdio_state) \
	X(spawn) \
	X(cancel) \
	X(names) \
	X(resolve) \
	X(hosts) \
	X(query) \
	X(accounts) \
	X(fortified) \
	X(api) \
	X(offload) \
	X(imports) \
	X(fibers)

#define DECLARE(name) Suite *name##_suite(void);
SUITES(DECLARE)

#define NAME(name) name##_suite,
static Suite *(*const suites[])(void) = { SUITES(NAME) };

#endif
