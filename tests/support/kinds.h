/* SPDX-License-Identifier: MIT */
/*
 * The kinds of fd that a case runs on: how to make two ends of each, what is special about it.
 */
#ifndef TESTS_KINDS_H
#define TESTS_KINDS_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
	STREAM = 1,	/* no message boundaries */
	MESSAGE = 2,
	SOCKET = 4,
	PIPE = 8,
	TTY = 16,
	REFUSES = 32,	/* the writer is blocked when the reader does not read */
	HANGS_UP = 64,	/* either end notices that the other has gone, ... */
	AT_ONCE = 128,	/* ... at its first write; and what is full stays full: all but TCP */
};

struct kind {
	const char *name;
	int is;
	void (*open)(int fd[2]);
};

/* fd[0] is read from, fd[1] is written to; sockets go both ways. */
extern int fd[2];

/* The test for each kind that has all of the properties `is`, and each kind of other side. */
void each_kind(TCase *tcase, const TTest *test, int is);

/* In such a test: opens fd[]. */
const struct kind *open_kind(int i);

void open_pipe(int ends[2]);
void open_fifo(int ends[2]);
void open_pty(int ends[2]);
void open_unix(int ends[2]);
void open_tcp(int ends[2]);
void open_udp(int ends[2]);

/* A listening TCP socket on the loopback, and its address. */
int listen_tcp(struct sockaddr_storage *addr, socklen_t *len, int backlog);
int listen_unix(struct sockaddr_storage *addr, socklen_t *len, int backlog);

/* Fills the way from an end until no byte more fits. Returns how many fitted. */
size_t fill(int end);

/* NAME in a folder that is removed when the process of the case exits. */
char *scratch(const char *name);

void set_timeout(int end, int option, int ms);
bool is_nonblocking(int end);
void set_nonblocking(int end, bool on);

#endif
