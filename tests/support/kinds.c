/* SPDX-License-Identifier: MIT */
/*
 * How the two ends of each kind of fd come to be.
 */
#include "kinds.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "way.h"

int fd[2];

static void open_socketpair(int ends[2], int type)
{
	ck_assert_int_eq(socketpair(AF_UNIX, type, 0, ends), 0);
}

static void open_dgram(int ends[2])
{
	open_socketpair(ends, SOCK_DGRAM);
}

static void open_seqpacket(int ends[2])
{
	open_socketpair(ends, SOCK_SEQPACKET);
}

static void open_pty_upward(int ends[2])
{
	int down[2];

	open_pty(down);
	ends[0] = down[1];
	ends[1] = down[0];
}

static const struct kind kinds[] = {
	{ "pipe", STREAM | PIPE | REFUSES | HANGS_UP | AT_ONCE, open_pipe },
	{ "fifo", STREAM | PIPE | REFUSES | HANGS_UP | AT_ONCE, open_fifo },
	{ "pty", STREAM | TTY | REFUSES, open_pty },
	{ "pty upward", STREAM | TTY | REFUSES, open_pty_upward },
	{ "unix stream", STREAM | SOCKET | REFUSES | HANGS_UP | AT_ONCE, open_unix },
	{ "tcp", STREAM | SOCKET | REFUSES | HANGS_UP, open_tcp },
	{ "unix seqpacket", MESSAGE | SOCKET | REFUSES | HANGS_UP | AT_ONCE, open_seqpacket },
	{ "unix dgram", MESSAGE | SOCKET | REFUSES, open_dgram },
	{ "udp", MESSAGE | SOCKET, open_udp },
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

void each_kind(TCase *tcase, const TTest *test, int is)
{
	int sides = other_sides();

	for (int row = 0; row < N_KINDS; row++)
		if ((kinds[row].is & is) == is)
			tcase_add_loop_test(tcase, test, row * sides, (row + 1) * sides);
}

const struct kind *open_kind(int i)
{
	const struct kind *kind = &kinds[i / other_sides()];

	kind->open(fd);
	count_waits_anew();
	return kind;
}

void open_pipe(int ends[2])
{
	ck_assert_int_eq(pipe(ends), 0);
}

static char scratch_folder[64];
static pid_t scratch_owner;

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

static void remove_scratch_folder(void)
{
	if (getpid() == scratch_owner)
		nftw(scratch_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_scratch_folder(void)
{
	const char *parent = getenv("TMPDIR");

	if (scratch_owner != 0)
		return;
	snprintf(scratch_folder, sizeof(scratch_folder), "%.40s/mpgreen-XXXXXX",
		 parent ? parent : "/tmp");
	/* In this order: the thread may be cancelled in mkdtemp(). */
	atexit(remove_scratch_folder);
	scratch_owner = getpid();
	ck_assert_ptr_nonnull(mkdtemp(scratch_folder));
}

char *scratch(const char *name)
{
	static char path[PATH_MAX];

	make_scratch_folder();
	snprintf(path, sizeof(path), "%s/%s", scratch_folder, name);

	return path;
}

void open_fifo(int ends[2])
{
	char *path = scratch("fifo");
	int both;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	both = open(path, O_RDWR);
	ck_assert_int_ge(both, 0);
	ends[0] = open(path, O_RDONLY);
	ends[1] = open(path, O_WRONLY);
	ck_assert(ends[0] >= 0 && ends[1] >= 0);
	close(both);
	ck_assert_int_eq(unlink(path), 0);
}

/* Raw: a byte is a byte. The master writes, the slave reads. */
void open_pty(int ends[2])
{
	struct termios raw;

	ck_assert_int_eq(openpty(&ends[1], &ends[0], NULL, NULL, NULL), 0);
	ck_assert_int_eq(tcgetattr(ends[0], &raw), 0);
	cfmakeraw(&raw);
	ck_assert_int_eq(tcsetattr(ends[0], TCSANOW, &raw), 0);
}

void open_unix(int ends[2])
{
	open_socketpair(ends, SOCK_STREAM);
}

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int listen_tcp(struct sockaddr_storage *addr, socklen_t *len, int backlog)
{
	struct sockaddr_in any = loopback();
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&any, sizeof(any)), 0);
	ck_assert_int_eq(listen(listener, backlog), 0);
	*len = sizeof(*addr);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)addr, len), 0);

	return listener;
}

/* In the abstract name space: nothing to remove. The kernel picks the name. */
int listen_unix(struct sockaddr_storage *addr, socklen_t *len, int backlog)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&any, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(listener, backlog), 0);
	*len = sizeof(*addr);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)addr, len), 0);

	return listener;
}

void open_tcp(int ends[2])
{
	struct sockaddr_storage addr;
	socklen_t len;
	int listener = listen_tcp(&addr, &len, 1), on = 1;

	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(ends[1], (struct sockaddr *)&addr, len), 0);
	ends[0] = accept(listener, NULL, NULL);
	ck_assert_int_ge(ends[0], 0);
	setsockopt(ends[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close(listener);
}

void open_udp(int ends[2])
{
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in any = loopback();

		ends[i] = socket(AF_INET, SOCK_DGRAM, 0);
		ck_assert_int_ge(ends[i], 0);
		ck_assert_int_eq(bind(ends[i], (struct sockaddr *)&any, sizeof(any)), 0);
	}
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);

		ck_assert_int_eq(getsockname(ends[1 - i], (struct sockaddr *)&peer, &len), 0);
		ck_assert_int_eq(connect(ends[i], (struct sockaddr *)&peer, len), 0);
	}
}

/* A pipe that takes no more PIPE_BUF bytes at once may still take single ones. */
static size_t fill_once(int end)
{
	static const char zeros[1 << 16];
	size_t total = 0, step = sizeof(zeros);
	ssize_t n;

	while (step > 0) {
		while ((n = write(end, zeros, step)) > 0)
			total += n;
		ck_assert_int_eq(errno, EAGAIN);
		step /= 16;
	}

	return total;
}

/* A terminal moves its data on a little later, and TCP lets its buffers grow. */
size_t fill(int end)
{
	struct pollfd room = { .fd = end, .events = POLLOUT };
	size_t total = 0;

	set_nonblocking(end, true);
	do
		total += fill_once(end);
	while (syscall(SYS_poll, &room, 1, 8) == 1);
	set_nonblocking(end, false);

	return total;
}

void set_timeout(int end, int option, int ms)
{
	struct timeval limit = { ms / 1000, ms % 1000 * 1000 };

	ck_assert_int_eq(setsockopt(end, SOL_SOCKET, option, &limit, sizeof(limit)), 0);
}

bool is_nonblocking(int end)
{
	return fcntl(end, F_GETFL) & O_NONBLOCK;
}

void set_nonblocking(int end, bool on)
{
	int flags = fcntl(end, F_GETFL);

	ck_assert_int_ge(flags, 0);
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	ck_assert_int_eq(fcntl(end, F_SETFL, flags), 0);
}
