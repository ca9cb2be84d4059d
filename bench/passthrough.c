/* SPDX-License-Identifier: MIT */
/*
 * What the library adds to a call that it lets through.
 *
 * Runs with the library preloaded. Each case makes the same call through the intercepted symbol and
 * through libc's own, in batches that take turns, so that both see the same machine; the batches
 * are compared pair by pair and the median of the differences counts. With --calls N WHO it only
 * makes N calls, for a tool that counts instructions.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mpgreen.h"

#define BATCH 200
#define PAIRS 20000
#define AIM_NS 2.0

typedef void (*any_function)(void);

struct bench {
	const char *name;	/* what the call does */
	const char *symbol;
	void (*batch)(any_function function, int calls);
};

struct timing {
	double bare, through, added;	/* medians, in ns a call */
};

static int null_fd, datagram_fd;
static unsigned long waits;

static void die(const char *why)
{
	fprintf(stderr, "passthrough: %s\n", why);
	exit(1);
}

static any_function symbol(void *handle, const char *name)
{
	any_function function;

	*(void **)&function = dlsym(handle, name);
	if (!function)
		die(dlerror());
	return function;
}

static any_function libc_symbol(const char *name)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

	if (!libc)
		die(dlerror());
	return symbol(libc, name);
}

static void batch_read(any_function function, int calls)
{
	__typeof__(read) *call = (__typeof__(read) *)function;
	char byte;

	while (calls--)
		call(null_fd, &byte, 1);
}

static void batch_recv(any_function function, int calls)
{
	__typeof__(recv) *call = (__typeof__(recv) *)function;
	char byte;

	while (calls--)
		call(datagram_fd, &byte, 1, MSG_PEEK);
}

static void batch_poll(any_function function, int calls)
{
	__typeof__(poll) *call = (__typeof__(poll) *)function;

	while (calls--)
		call(NULL, 0, 0);
}

static void batch_close(any_function function, int calls)
{
	__typeof__(close) *call = (__typeof__(close) *)function;

	while (calls--)
		call(-1);
}

/* A lock is two calls. */
static void lock_and_unlock(any_function function, int calls, pthread_mutex_t *mutex)
{
	__typeof__(pthread_mutex_lock) *lock = (__typeof__(pthread_mutex_lock) *)function;
	bool is_libc = function == libc_symbol("pthread_mutex_lock");
	any_function fitting = is_libc ? libc_symbol("pthread_mutex_unlock")
				       : symbol(RTLD_DEFAULT, "pthread_mutex_unlock");
	__typeof__(pthread_mutex_unlock) *unlock = (__typeof__(pthread_mutex_unlock) *)fitting;

	while ((calls -= 2) >= 0) {
		lock(mutex);
		unlock(mutex);
	}
}

static void batch_mutex(any_function function, int calls)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	lock_and_unlock(function, calls, &mutex);
}

static void batch_recursive_mutex(any_function function, int calls)
{
	static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

	lock_and_unlock(function, calls, &mutex);
}

static void batch_signal(any_function function, int calls)
{
	__typeof__(pthread_cond_signal) *call = (__typeof__(pthread_cond_signal) *)function;
	static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

	while (calls--)
		call(&cond);
}

static const struct bench benches[] = {
	{ "read of /dev/null", "read", batch_read },
	{ "recv of a waiting byte", "recv", batch_recv },
	{ "poll of nothing", "poll", batch_poll },
	{ "close of no fd", "close", batch_close },
	{ "mutex lock, unlock", "pthread_mutex_lock", batch_mutex },
	{ "recursive mutex", "pthread_mutex_lock", batch_recursive_mutex },
	{ "signal to nobody", "pthread_cond_signal", batch_signal },
};
#define BENCHES (sizeof(benches) / sizeof(benches[0]))

static int wait_is_not_expected(void *self, const mpgreen_wait *what)
{
	(void)self;
	(void)what;
	waits++;
	return MPGREEN_READY;
}

static void attach(void)
{
	static const mpgreen_scheduler scheduler = { .abi = MPGREEN_ABI,
						     .wait = wait_is_not_expected };
	int (*call)(const mpgreen_scheduler *, void *) =
		(int (*)(const mpgreen_scheduler *, void *))symbol(RTLD_DEFAULT, "mpgreen_attach");
	int err = call(&scheduler, NULL);

	if (err)
		die(strerror(-err));
}

static void open_fds(void)
{
	int pair[2];

	null_fd = open("/dev/null", O_RDONLY);
	if (null_fd == -1 || socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)
	    || send(pair[0], "", 1, 0) != 1)
		die(strerror(errno));
	datagram_fd = pair[1];
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double ns_per_call(const struct bench *bench, any_function function)
{
	double start = now_ns();

	bench->batch(function, BATCH);
	return (now_ns() - start) / BATCH;
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values)
{
	qsort(values, PAIRS, sizeof(values[0]), ascending);
	return values[PAIRS / 2];
}

static struct timing measure(const struct bench *bench)
{
	static double bare[PAIRS], through[PAIRS], added[PAIRS];
	any_function libc = libc_symbol(bench->symbol);
	any_function ours = symbol(RTLD_DEFAULT, bench->symbol);
	int i;

	for (i = 0; i < PAIRS; i++) {
		bool bare_first = i % 2;

		if (bare_first)
			bare[i] = ns_per_call(bench, libc);
		through[i] = ns_per_call(bench, ours);
		if (!bare_first)
			bare[i] = ns_per_call(bench, libc);
		added[i] = through[i] - bare[i];
	}
	return (struct timing){ median(bare), median(through), median(added) };
}

static void print_timing(const char *name, const char *scheduler, struct timing timing)
{
	printf("%-23s %-13s %7.1f %8.1f %+8.2f %7.3f   %s\n", name, scheduler, timing.bare,
	       timing.through, timing.added, timing.through / timing.bare,
	       timing.added <= AIM_NS ? "yes" : "NO");
}

static void measure_all(const char *scheduler)
{
	size_t i;

	for (i = 0; i < BENCHES; i++)
		print_timing(benches[i].name, scheduler, measure(&benches[i]));
}

/* passthrough --calls N SYMBOL libc|through|scheduler */
static int only_call(int calls, const char *name, const char *who)
{
	size_t i;

	if (strcmp(who, "scheduler") == 0)
		attach();
	for (i = 0; i < BENCHES; i++) {
		if (strcmp(benches[i].symbol, name) != 0)
			continue;
		benches[i].batch(strcmp(who, "libc") == 0 ? libc_symbol(name)
							  : symbol(RTLD_DEFAULT, name),
				 calls);
		return 0;
	}
	die("no such case");
	return 1;
}

int main(int argc, char **argv)
{
	open_fds();
	if (argc == 5 && strcmp(argv[1], "--calls") == 0)
		return only_call(atoi(argv[2]), argv[3], argv[4]);
	if (!dlsym(RTLD_DEFAULT, "mpgreen_attach"))
		die("the library is not preloaded");

	printf("%-23s %-13s %7s %8s %8s %7s   added <= %.0f ns\n", "call let through", "scheduler",
	       "bare ns", "with ns", "added ns", "ratio", AIM_NS);
	measure_all("none");
	attach();
	measure_all("attached");
	if (waits)
		die("a call that was to be let through waited in the scheduler");
	return 0;
}
