/* SPDX-License-Identifier: MIT */
/*
 * Usage: probe WHAT...
 *
 * Run with the library preloaded. For each WHAT it makes a call that has to wait, and says whether
 * it waited through the scheduler or blocked the thread. WHAT is a pair of fds (pipe, unix, tcp);
 * the path of importer.c, which reads a pipe; or that of caller.c, behind a '+', which calls a slow
 * function. Behind a '-' the importer's read() is bound to libc's before. A '-' alone is the
 * program with its own, a '+' alone the slow function by its address.
 *
 * Built twice: the other one is linked to fixed addresses and takes those of functions that it
 * imports, so that they are places in the program, for everybody.
 */
#include "mpgreen.h"
#include "slow.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ends[2];
static pid_t reader;
static __typeof__(mpgreen_stats_read) *read_stats;

static long (*slow_function)(int);
#ifdef TAKES_ADDRESSES
static const void *volatile address;
#endif

/* In code, for in data each would be looked up for this program alone. */
static void take_addresses(void)
{
#ifdef TAKES_ADDRESSES
	slow_function = slow_wait;
	address = (void *)dlopen;
	address = (void *)dlsym;
	address = (void *)dlvsym;
#endif
}

static void give_up(const char *why)
{
	printf("probe: %s\n", why);
	exit(1);
}

static bool reader_sleeps(void)
{
	char path[64], line[512];
	const char *state = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", reader);
	file = fopen(path, "r");
	if (file && fgets(line, sizeof(line), file))
		state = strrchr(line, ')');
	if (file)
		fclose(file);
	return state && state[2] == 'S';
}

/* Not before the reader is seen asleep three times in a row. */
static void *write_when_it_sleeps(void *unused)
{
	const struct timespec moment = { .tv_nsec = 2000000 };

	(void)unused;
	for (int seen = 0; seen < 3; seen = reader_sleeps() ? seen + 1 : 0)
		syscall(SYS_nanosleep, &moment, NULL);
	syscall(SYS_write, ends[1], "x", 1);
	return NULL;
}

static void open_tcp(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&addr, len) < 0 || listen(listener, 1) < 0
	    || getsockname(listener, (struct sockaddr *)&addr, &len) < 0
	    || connect(ends[0], (struct sockaddr *)&addr, len) < 0)
		give_up("no connection");
	ends[1] = accept(listener, NULL, NULL);
	close(listener);
}

static void open_ends(const char *what)
{
	if (strcmp(what, "tcp") == 0)
		open_tcp();
	else if (strcmp(what, "unix") == 0)
		socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	else if (pipe(ends) < 0)
		give_up("no pipe");
}

static void *find(const char *path, const char *name)
{
	void *library = dlopen(path, RTLD_LAZY), *found = library ? dlsym(library, name) : NULL;

	if (!found)
		give_up(dlerror());
	return found;
}

typedef ssize_t (*reader_call)(int fd, void *buf, size_t len);

static reader_call bound(const void *in_object, reader_call call)
{
	__typeof__(mpgreen_bind_native) *bind =
		(__typeof__(bind))dlsym(RTLD_DEFAULT, "mpgreen_bind_native");

	if (bind(in_object, "read") <= 0)
		give_up("nothing was bound");
	return call;
}

/* What the call is to be, found before anything is counted. */
static reader_call find_read(const char *what)
{
	if (strcmp(what, "-") == 0)
		return bound(&reader, read);
	if (*what == '-') {
		reader_call call = (reader_call)find(what + 1, "importer_call");

		return bound((const void *)call, call);
	}
	return *what == '/' ? (reader_call)find(what, "importer_call") : read;
}

static uint64_t waits(void)
{
	mpgreen_stats stats;

	read_stats(&stats, sizeof(stats));
	return stats.waits;
}

static const char *call_slow(const char *path)
{
	long (*slow)(int) = *path ? (long (*)(int))find(path, "caller_calls") : slow_function;

	return slow(ends[0]) == reader ? "here" : "on a worker";
}

static const char *read_it(const char *what)
{
	ssize_t (*call)(int, void *, size_t) = find_read(what);
	uint64_t before = waits();
	char byte;

	if (call(ends[0], &byte, 1) != 1)
		give_up("no byte");
	return waits() == before ? "native" : "green";
}

int main(int argc, char **argv)
{
	pthread_t writer;

	take_addresses();
	reader = (pid_t)syscall(SYS_gettid);
	read_stats = (__typeof__(read_stats))dlsym(RTLD_DEFAULT, "mpgreen_stats_read");
	if (!read_stats)
		give_up("the library is not preloaded");
	for (int i = 1; i < argc; i++) {
		const char *how, *name = strrchr(argv[i], '/');

		open_ends(argv[i]);
		pthread_create(&writer, NULL, write_when_it_sleeps, NULL);
		how = *argv[i] == '+' ? call_slow(argv[i] + 1) : read_it(argv[i]);
		pthread_join(writer, NULL);
		printf("%s: %s\n", name ? name + 1 : argv[i], how);
	}
	return 0;
}
