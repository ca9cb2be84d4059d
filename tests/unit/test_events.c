/* SPDX-License-Identifier: MIT */
/* src/os/linux/nowait.c: tries on what is no stream, and connect(). */
#include "os/linux/nowait.h"
#include "real.h"
#include "support.h"

#include <netinet/in.h>

static struct mpg_fd *entry_of(int fd)
{
	mpg_fd_examine(fd, mpg_fd_entry(fd));
	return mpg_fd_entry(fd);
}

static ssize_t try_read(int fd, void *buf, size_t len)
{
	const struct iovec iov = { buf, len };

	errno = 0;
	return mpg_nowait_readv(mpg_fd_entry(fd), fd, &iov, 1, 0);
}

static ssize_t try_write(int fd, const void *buf, size_t len)
{
	const struct iovec iov = { (void *)buf, len };

	errno = 0;
	return mpg_nowait_writev(mpg_fd_entry(fd), fd, &iov, 1, 0, false);
}

static void arm_timer(int fd)
{
	const struct itimerspec past = { .it_value = { 0, 1 } };

	timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, NULL);
}

static void add_one(int fd)
{
	const uint64_t one = 1;

	ck_assert_int_eq(REAL(write)(fd, &one, sizeof(one)), sizeof(one));
}

static void send_signal(int fd)
{
	(void)fd;
	raise(SIGUSR2);
}

static int a_signalfd(void)
{
	sigset_t usr2;

	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &usr2, NULL);
	return REAL(signalfd)(-1, &usr2, 0);
}

static int an_eventfd(void)
{
	return REAL(eventfd)(0, 0);
}

static int a_timerfd(void)
{
	return REAL(timerfd_create)(CLOCK_MONOTONIC, 0);
}

static int an_inotify(void)
{
	return REAL(inotify_init)();
}

static void watch_and_touch(int fd)
{
	const char *folder = scratch_folder();

	ck_assert_int_ge(inotify_add_watch(fd, folder, IN_DELETE_SELF), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static const struct {
	int (*open)(void);
	void (*happen)(int fd);
} sources[] = {
	{ an_eventfd, add_one },
	{ a_timerfd, arm_timer },
	{ a_signalfd, send_signal },
	{ an_inotify, watch_and_touch },
};
enum { SOURCES = 2 * sizeof(sources) / sizeof(sources[0]) };

START_TEST(a_source_of_events_says_eagain_until_there_is_one)
{
	int fd = sources[_i / 2].open();
	char event[512];

	if (_i % 2)
		atomic_fetch_or(&entry_of(fd)->state,
				MPG_FD_NO_NOWAIT_READ | MPG_FD_NO_NOWAIT_WRITE);
	else
		entry_of(fd);
	ck_assert(try_read(fd, event, sizeof(event)) == -1 && errno == EAGAIN);
	sources[_i / 2].happen(fd);
	ck_assert_int_eq(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, -1), 1);
	ck_assert_int_gt(try_read(fd, event, sizeof(event)), 0);
	ck_assert(try_read(fd, event, sizeof(event)) == -1 && errno == EAGAIN);
}
END_TEST

START_TEST(a_full_eventfd_takes_no_more)
{
	const uint64_t most = UINT64_MAX - 1, one = 1;
	int fd = REAL(eventfd)(0, 0);

	if (_i)
		atomic_fetch_or(&entry_of(fd)->state,
				MPG_FD_NO_NOWAIT_READ | MPG_FD_NO_NOWAIT_WRITE);
	else
		entry_of(fd);
	ck_assert_int_eq(try_write(fd, &most, sizeof(most)), sizeof(most));
	ck_assert_int_eq(try_write(fd, &one, sizeof(one)), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

static void bind_nameless(int fd, struct sockaddr_un *addr, socklen_t *len)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*len = sizeof(*addr);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)addr, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)addr, len), 0);
}

START_TEST(connecting_where_the_backlog_is_full_says_eagain)
{
	int listener = REAL(socket)(AF_UNIX, SOCK_STREAM, 0), fd, r;
	struct sockaddr_un addr;
	socklen_t len;

	bind_nameless(listener, &addr, &len);
	do {
		fd = REAL(socket)(AF_UNIX, SOCK_STREAM, 0);
		r = mpg_nowait_connect(fd, (struct sockaddr *)&addr, len);
	} while (r == 0);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert(!(REAL(fcntl)(fd, F_GETFL) & O_NONBLOCK));
}
END_TEST

START_TEST(connecting_leaves_o_nonblock_as_it_was)
{
	int listener = listen_somewhere(), fd = REAL(socket)(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	getsockname(listener, (struct sockaddr *)&addr, &len);
	if (_i)
		set_nonblocking(fd);
	if (mpg_nowait_connect(fd, (struct sockaddr *)&addr, len) < 0)
		ck_assert_int_eq(errno, EINPROGRESS);
	ck_assert_int_eq((REAL(fcntl)(fd, F_GETFL) & O_NONBLOCK) != 0, _i);
	ck_assert(mpg_nowait_connect(-1, (struct sockaddr *)&addr, len) == -1 && errno == EBADF);
}
END_TEST

START_TEST(ready_is_what_poll_says)
{
	int ends[2];

	open_pipe(ends);
	ck_assert(!mpg_nowait_ready(ends[0], POLLIN));
	ck_assert(mpg_nowait_ready(ends[1], POLLOUT));
	write_a_byte(ends[1]);
	ck_assert(mpg_nowait_ready(ends[0], POLLIN));
	ck_assert(!mpg_nowait_ready(ends[0], POLLOUT));
	REAL(close)(ends[1]);
	read_a_byte(ends[0]);
	ck_assert(mpg_nowait_ready(ends[0], POLLIN));
}
END_TEST

SUITE_OF(events, { a_source_of_events_says_eagain_until_there_is_one, SOURCES },
	 { a_full_eventfd_takes_no_more, 2 },
	 { connecting_where_the_backlog_is_full_says_eagain, 0 },
	 { connecting_leaves_o_nonblock_as_it_was, 2 }, { ready_is_what_poll_says, 0 })
