/* SPDX-License-Identifier: MIT */
/*
 * The three ways in which each case runs, with the same asserts: on plain libc, which is the
 * oracle; through the built-in poll scheduler; on a fiber of the toy scheduler. A program runs one
 * way. And the other side of a case: the writer that comes later, the peer that hangs up.
 */
#ifndef TESTS_WAY_H
#define TESTS_WAY_H

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum way { NATIVE, POLL, FIBERS };

/* Defined by the program. */
extern const enum way way;

static inline bool green(void)
{
	return way != NATIVE;
}

/* Runs all suites in this way; what main() returns. */
int way_run(char **argv);

/* A test case with the fixture of the way. */
TCase *way_case(Suite *suite, const char *name);

/* Each test for each kind of other side: _i % other_sides() tells which. */
int other_sides(void);
void each_side(TCase *tcase, const TTest *test);

/* ... and for `n` rows of a table: _i / other_sides() is the row. */
void each_row(TCase *tcase, const TTest *test, int n);

/*
 * How often the scheduler was asked to wait since the case began, or had made its fds; always 0 in
 * the NATIVE way.
 */
uint64_t waits(void);
void count_waits_anew(void);

/* The call under test has waited: through the scheduler if there is one. */
void assert_waited(void);

/*
 * Runs act() as soon as the calling fiber is blocked: on a thread without a scheduler or, where
 * `side` says so, on another fiber. The case does not end before act() has.
 */
void other_side(int side, void (*act)(void));

/* Inside act(): until the test is blocked again, or has come to its end. */
void settle(void);

/* Until every other side has ended. */
void other_side_join(void);

/* Without a wait that a test would count. */
void join_natively(pthread_t thread);

/* Is the thread asleep in a system call that is no lock? */
bool is_blocked(pid_t thread);

/* The thread of the test, for pthread_kill() and the like from the other side. */
pthread_t test_thread(void);
pid_t test_thread_id(void);

/* Arguments that are wrong on purpose, so that the compiler cannot know. */
extern void *volatile nowhere;
extern volatile int minus_one;
extern volatile int too_many;

/* Monotonic milliseconds. */
double now_ms(void);

/* The call succeeds and leaves errno alone. */
#define OK(expected, call) \
	do { \
		errno = ESTALE; \
		long long ok_result = (call); \
		int ok_errno = errno; \
		ck_assert_int_eq(ok_result, (long long)(expected)); \
		ck_assert_int_eq(ok_errno, ESTALE); \
	} while (0)

/* The call fails with this error. */
#define FAILS(error, call) \
	do { \
		errno = 0; \
		long long fails_result = (call); \
		int fails_errno = errno; \
		ck_assert_int_eq(fails_result, -1); \
		ck_assert_int_eq(fails_errno, error); \
	} while (0)

/* Repeats a condition of the outside world until it holds; the case's time limit ends it. */
#define UNTIL(condition) \
	do { \
		while (!(condition)) \
			breathe(); \
	} while (0)
void breathe(void);

#endif
