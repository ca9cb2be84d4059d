/* SPDX-License-Identifier: MIT */
/*
 * The fixture of the three ways, and how a program turns into the POLL way: the library reads its
 * variables before main(), so the program sets them and runs itself again.
 */
#include "way.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fibers.h"
#include "mpgreen.h"
#include "suites.h"

enum { SIDES = 8 };

static struct {
	pthread_t thread;
	pid_t id;
	pthread_t sides[SIDES];
	int n_sides;
	_Atomic bool joining;
	uint64_t waits_before;
} test;

void *volatile nowhere = (void *)8;
volatile int minus_one = -1;
volatile int too_many = 1 << 28;

static uint64_t library_waits(void)
{
	mpgreen_stats stats = { 0 };

	/* Handlers of signals call this too: no assert. */
	return mpgreen_stats_read(&stats, sizeof(stats)) == 0 ? stats.waits : UINT64_MAX;
}

void count_waits_anew(void)
{
	test.waits_before = library_waits();
}

/* Whoever runs the tests may have blocked or ignored what the cases send. */
static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}

static void begin(void)
{
	reset_signals();
	test.thread = pthread_self();
	test.id = gettid();
	count_waits_anew();
	if (way == FIBERS)
		fibers_start();
}

static void end(void)
{
	other_side_join();
	if (way == FIBERS)
		fibers_finish();
	if (way == NATIVE)
		ck_assert_uint_eq(library_waits(), 0);
}

TCase *way_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	return tcase;
}

int other_sides(void)
{
	return way == FIBERS ? 2 : 1;
}

void each_side(TCase *tcase, const TTest *test_of_all)
{
	each_row(tcase, test_of_all, 1);
}

void each_row(TCase *tcase, const TTest *test_of_all, int n)
{
	tcase_add_loop_test(tcase, test_of_all, 0, n * other_sides());
}

uint64_t waits(void)
{
	return library_waits() - test.waits_before;
}

void assert_waited(void)
{
	if (green())
		ck_assert_uint_gt(waits(), 0);
	else
		ck_assert_uint_eq(waits(), 0);
}

pthread_t test_thread(void)
{
	return test.thread;
}

pid_t test_thread_id(void)
{
	return test.id;
}

double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

void breathe(void)
{
	struct timespec moment = { .tv_nsec = 100000 };

	syscall(SYS_nanosleep, &moment, NULL);
}

static bool read_proc(pid_t thread, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/%s", thread, name);
	file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(file >= 0, "%s: cannot be opened", path);
	n = syscall(SYS_read, file, text, size - 1);
	syscall(SYS_close, file);
	if (n <= 0)
		return false;
	text[n] = '\0';

	return true;
}

static bool sleeps_interruptibly(pid_t thread)
{
	char text[512];
	const char *state;

	if (!read_proc(thread, "stat", text, sizeof(text)))
		return false;
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

/* The kernel says "running", or the number of the system call in which the thread sleeps. */
bool is_blocked(pid_t thread)
{
	char before[256], after[256];
	long number;

	return read_proc(thread, "syscall", before, sizeof(before))
		&& sscanf(before, "%ld", &number) == 1 && number >= 0 && number != SYS_futex
		&& sleeps_interruptibly(thread)
		&& read_proc(thread, "syscall", after, sizeof(after)) && strcmp(before, after) == 0;
}

void settle(void)
{
	if (fibers_inside())
		fibers_settle();
	else
		UNTIL(is_blocked(test.id) || test.joining);
}

static void *run_side(void *side)
{
	void (*act)(void) = *(void (**)(void))side;

	free(side);
	mpgreen_native_enter();
	settle();
	act();
	return NULL;
}

void other_side(int side, void (*act)(void))
{
	void (**copy)(void) = malloc(sizeof(*copy));

	if (side % other_sides() == 1) {
		free(copy);
		fibers_spawn(act);
		return;
	}
	*copy = act;
	ck_assert_int_lt(test.n_sides, SIDES);
	ck_assert_int_eq(pthread_create(&test.sides[test.n_sides++], NULL, run_side, copy), 0);
}

void join_natively(pthread_t thread)
{
	int native = mpgreen_native_enter();

	pthread_join(thread, NULL);
	mpgreen_native_leave(native);
}

void other_side_join(void)
{
	test.joining = true;
	if (way == FIBERS)
		fibers_join();
	while (test.n_sides > 0)
		join_natively(test.sides[--test.n_sides]);
	test.joining = false;
}

static void become_poll(char **argv)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (getenv("MPGREEN_SCHEDULER"))
		return;
	setenv("MPGREEN_SCHEDULER", "poll", 1);
	path[n < 0 ? 0 : n] = '\0';
	execv(path, argv);
	perror(path);
	exit(99);
}

int way_run(char **argv)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	if (way == POLL)
		become_poll(argv);
	else
		unsetenv("MPGREEN_SCHEDULER");
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		srunner_add_suite(runner, suites[i]());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
