/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests share: descriptors of every kind, a scheduler that follows a script,
 * children, and what the program wrote on stderr. Nothing sleeps, and no test waits for luck.
 */
#ifndef UNIT_SUPPORT_H
#define UNIT_SUPPORT_H

#include "libc.h"
#include "mpgreen.h"
#include "registry/fds.h"

#include <check.h>
#include <sys/wait.h>

/* A test, and how often it is to run (its _i counts up); 0: once; -1: never. */
struct unit_test {
	const TTest *test;
	int times;
};

Suite *suite_of(const char *name, const struct unit_test *tests, size_t n);

/* SUITE_OF(turn, { a_test }, { a_test_of_every_kind, KINDS }) defines turn_suite(). */
#define SUITE_OF(name, ...) \
	Suite *name##_suite(void); \
	Suite *name##_suite(void) \
	{ \
		const struct unit_test tests[] = { __VA_ARGS__ }; \
		return suite_of(#name, tests, sizeof(tests) / sizeof(tests[0])); \
	}

/*
 * For a test that a sanitizer makes impossible: TSan answers sigaction() from a table of its own,
 * runs a thread of its own, and lets a fork child start none;
 * ASan (of gcc 12) fails a check of its own when pthread_cancel() unwinds a thread.
 */
#ifdef __SANITIZE_THREAD__
#define NOT_UNDER_TSAN -1
#else
#define NOT_UNDER_TSAN 0
#endif
#ifdef __SANITIZE_ADDRESS__
#define NOT_UNDER_ASAN -1
#else
#define NOT_UNDER_ASAN 0
#endif

/* What a wait does: it acts on fd, then answers. One wait more than steps fails the test. */
struct step {
	int verdict;
	int error;			/* errno that it leaves */
	void (*meanwhile)(int fd);
	int fd;
};

/* What happened: every wait that was asked for, and the fds that were said to be closing. */
struct script {
	struct step steps[16];
	unsigned n, waits, closings;
	mpgreen_wait seen[16];
	int closed[16];
	bool declines;			/* can_wait() says no */
};

extern struct script script;
extern const mpgreen_scheduler scripted;

/* Attaches the scripted scheduler and gives it its steps. */
void script_play(const struct step *steps, size_t n);

#define READY ((struct step){ .verdict = MPGREEN_READY })
#define READY_AFTER(act, argument) \
	((struct step){ .verdict = MPGREEN_READY, .meanwhile = act, .fd = argument })
#define TIMEOUT ((struct step){ .verdict = MPGREEN_TIMEOUT })
#define NATIVE ((struct step){ .verdict = MPGREEN_NATIVE })
#define CANCELLED(why) ((struct step){ .verdict = MPGREEN_CANCELLED, .error = why })

#define NOTHING_TO_WAIT_FOR() script_play(NULL, 0)
#define PLAY(...) \
	script_play((const struct step[]){ __VA_ARGS__ }, \
		    sizeof((const struct step[]){ __VA_ARGS__ }) / sizeof(struct step))

/* Things that happen during a wait. */
void write_a_byte(int fd);
void read_a_byte(int fd);
void read_much(int fd);
void close_it(int fd);
void raise_it(int sig);
void set_nonblocking(int fd);

/* Two ends of one thing: [0] is read from, [1] is written to. */
void open_pipe(int ends[2]);
void open_fifo(int ends[2]);
void open_pty(int ends[2]);
void open_unix(int ends[2]);
void open_tcp(int ends[2]);
void open_udp(int ends[2]);

/* A listening TCP socket, and a connection to it. */
int listen_somewhere(void);
int connect_to(int listener);

/* Leaves no room for what is written to fd. */
void fill_up(int fd);

/* A file of the test's own; the folder disappears with the last. */
const char *scratch_folder(void);

bool is_open(int fd);

/* From here on fd numbers end there. Undone by allow_fds(0). */
void allow_fds(rlim_t n);

/* stderr goes into a pipe from here on; what has been written to it. */
void capture_stderr(void);
const char *captured_stderr(void);

/* Runs body in a fork child. Returns its exit status. */
int in_child(int (*body)(void *), void *argument);

/* The same in a child that shares our memory, and has run no fork handler. */
int in_vfork_child(int (*body)(void *), void *argument);

/* The kernel says that this program is set-uid; has no io_uring; no pidfd; no room for a thread. */
extern bool fake_set_uid, fake_no_uring, fake_no_pidfd, fake_no_threads, fake_old_libc;

/* Called by each dlsym() of the library. */
extern void (*during_dlsym)(void);

#endif
