/* SPDX-License-Identifier: MIT */
/*
 * Counts tokens: processes with and without the library take and post those of one semaphore, give
 * up after random times, are cancelled in it and killed in it, and none may be lost or doubled.
 *
 *	semaphores [operations in all]
 *
 * runs once for each way of waiting. A process is killed while the parent holds all tokens: then
 * it certainly has none, and certainly waits.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mpgreen.h"

/* gcc 12's AddressSanitizer fails a check of its own when a cancelled thread unwinds. */
#ifdef __SANITIZE_ADDRESS__
enum { CANCELS = false };
#else
enum { CANCELS = true };
#endif

enum { TOKENS = 3, WORKERS = 3, THREADS = 3, VICTIMS = 2, LIMIT_SECONDS = 120 };

static struct shared {
	sem_t sem;
	_Atomic long operations, goal, taken, timed_out, cancelled, killed;
	_Atomic int held, most_held;
} * shared;

static void fail(const char *what)
{
	fprintf(stderr, "semaphores: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static bool is_done(void)
{
	return atomic_load(&shared->operations) >= shared->goal;
}

static void nap(unsigned *seed, int most_ns)
{
	struct timespec time = { .tv_nsec = 1 + rand_r(seed) % most_ns };

	nanosleep(&time, NULL);
}

static void use_token(unsigned *seed)
{
	int held = atomic_fetch_add(&shared->held, 1) + 1;

	if (held > atomic_load(&shared->most_held))
		atomic_store(&shared->most_held, held);
	/* Now and then long enough that a line forms. */
	if (rand_r(seed) % 16 == 0)
		nap(seed, 150000);
	atomic_fetch_sub(&shared->held, 1);
	atomic_fetch_add(&shared->taken, 1);
	if (sem_post(&shared->sem) < 0)
		fail("sem_post");
}

static int wait_at_most(clockid_t clock, long ns)
{
	struct timespec until;

	clock_gettime(clock, &until);
	until.tv_nsec += ns;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return clock == CLOCK_REALTIME ? sem_timedwait(&shared->sem, &until)
				       : sem_clockwait(&shared->sem, clock, &until);
}

static void operate(unsigned *seed)
{
	long ns = rand_r(seed) % 300000;
	int r, kind = rand_r(seed) % 4;

	atomic_fetch_add(&shared->operations, 1);
	if (kind < 2)
		r = sem_wait(&shared->sem);
	else
		r = wait_at_most(kind == 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC, ns);
	if (r == 0)
		use_token(seed);
	else if (errno == ETIMEDOUT && kind >= 2)
		atomic_fetch_add(&shared->timed_out, 1);
	else
		fail("a wait");
}

static void *work(void *number)
{
	unsigned seed = (unsigned)(uintptr_t)number;

	/* Every third thread is one without a scheduler. */
	if (seed % THREADS == 0)
		mpgreen_native_enter();
	while (!is_done())
		operate(&seed);
	return NULL;
}

/* Can be cancelled in the wait only: with a token it would be lost. */
static void *wait_to_be_cancelled(void *unused)
{
	unsigned seed = 1;
	int state;

	while (!is_done()) {
		if (sem_wait(&shared->sem) < 0)
			fail("sem_wait");
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
		atomic_fetch_add(&shared->operations, 1);
		use_token(&seed);
		pthread_setcancelstate(state, NULL);
	}
	return unused;
}

static void *cancel(void *number)
{
	unsigned seed = (unsigned)(uintptr_t)number;
	pthread_t thread;
	void *end;

	while (!is_done()) {
		if (pthread_create(&thread, NULL, wait_to_be_cancelled, NULL) != 0)
			fail("pthread_create");
		nap(&seed, 2000000);
		if (CANCELS)
			pthread_cancel(thread);
		pthread_join(thread, &end);
		if (end == PTHREAD_CANCELED)
			atomic_fetch_add(&shared->cancelled, 1);
	}
	return NULL;
}

static void run_worker(unsigned number)
{
	pthread_t threads[THREADS + 1];

	for (unsigned i = 0; i <= THREADS; i++)
		if (pthread_create(&threads[i], NULL, i < THREADS ? work : cancel,
				   (void *)(uintptr_t)(number * 100 * THREADS + i))
		    != 0)
			fail("pthread_create");
	for (int i = 0; i <= THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/* Waits as long as it lives. */
static void run_victim(unsigned number)
{
	unsigned seed = number;

	if (number % 2)
		mpgreen_native_enter();
	for (;;) {
		if (sem_wait(&shared->sem) < 0)
			fail("sem_wait");
		use_token(&seed);
	}
}

static pid_t start(void (*body)(unsigned), unsigned number)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0)
		body(number);
	return pid;
}

static void take_all(void)
{
	for (int i = 0; i < TOKENS; i++)
		if (sem_wait(&shared->sem) < 0)
			fail("sem_wait");
}

static void post_all(void)
{
	for (int i = 0; i < TOKENS; i++)
		if (sem_post(&shared->sem) < 0)
			fail("sem_post");
}

static void kill_one(pid_t victim)
{
	take_all();
	if (atomic_load(&shared->held) != 0)
		fail("a token too many");
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	post_all();
	atomic_fetch_add(&shared->killed, 1);
}

static void play(void)
{
	pid_t victims[VICTIMS], workers[WORKERS];
	unsigned seed = 1;
	int status;

	for (unsigned i = 0; i < VICTIMS; i++)
		victims[i] = start(run_victim, i);
	for (unsigned i = 0; i < WORKERS; i++)
		workers[i] = start(run_worker, i);
	for (unsigned i = 0; !is_done(); i++) {
		nap(&seed, 2000000);
		kill_one(victims[i % VICTIMS]);
		victims[i % VICTIMS] = start(run_victim, i);
	}
	for (int i = 0; i < VICTIMS; i++)
		kill_one(victims[i]);
	for (int i = 0; i < WORKERS; i++)
		if (waitpid(workers[i], &status, 0) < 0 || status != 0)
			fail("a worker ended badly");
}

static int count(const char *way)
{
	int value = -1;
	struct timespec began, ended;

	alarm(LIMIT_SECONDS);
	clock_gettime(CLOCK_MONOTONIC, &began);
	play();
	clock_gettime(CLOCK_MONOTONIC, &ended);
	sem_getvalue(&shared->sem, &value);
	printf("%s: %ld operations, %ld tokens taken, %ld waits timed out, %ld threads cancelled, "
	       "%ld processes killed in %ld s: %d of %d tokens left, %d held at most\n",
	       way, shared->operations, shared->taken, shared->timed_out, shared->cancelled,
	       shared->killed, (long)(ended.tv_sec - began.tv_sec), value, TOKENS,
	       shared->most_held);
	return value != TOKENS || shared->most_held > TOKENS || (CANCELS && !shared->cancelled);
}

/* The library reads its variables before main(): so the program runs itself for each way. */
static int run_each_way(char **argv)
{
	static const char *const ways[] = { "uring", "waitv", "worker" };
	int failed = 0, status;

	setenv("MPGREEN_SCHEDULER", "poll", 1);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		pid_t pid;

		setenv("MPGREEN_SEM", ways[i], 1);
		pid = fork();
		if (pid == 0) {
			execv("/proc/self/exe", argv);
			fail("execv");
		}
		if (waitpid(pid, &status, 0) < 0 || status != 0) {
			fprintf(stderr, "semaphores: %s: status %x\n", ways[i], (unsigned)status);
			failed = 1;
		}
	}
	return failed;
}

int main(int argc, char **argv)
{
	const char *way = getenv("MPGREEN_SEM");

	if (!way)
		return run_each_way(argv);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED || sem_init(&shared->sem, 1, TOKENS) < 0)
		fail("no semaphore");
	shared->goal = (argc > 1 ? atol(argv[1]) : 1000000) / 3;
	return count(way);
}
