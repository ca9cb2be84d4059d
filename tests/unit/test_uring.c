/* SPDX-License-Identifier: MIT */
/* src/os/linux/uring.c: accept() without blocking, where the kernel has a way. */
#include "os/linux/uring.h"
#include "real.h"
#include "registry/private.h"
#include "support.h"

#include <netinet/in.h>
#include <sys/utsname.h>

/* Linux 6.10 can; containers may forbid it, which looks like an old kernel. */
static bool absent(void)
{
	return !mpg_uring_can_accept();
}

START_TEST(a_new_kernel_that_gives_out_rings_can_accept)
{
	char params[256] = { 0 };
	struct utsname name;
	int major, minor;

	uname(&name);
	ck_assert_int_eq(sscanf(name.release, "%d.%d", &major, &minor), 2);
	if (major > 6 || (major == 6 && minor >= 10))
		ck_assert_int_eq(mpg_uring_can_accept(),
				 syscall(SYS_io_uring_setup, 1, params) >= 0);
	else
		ck_assert(absent());
}
END_TEST

START_TEST(a_kernel_without_io_uring_cannot_accept)
{
	fake_no_uring = true;
	errno = ENOANO;
	ck_assert(!mpg_uring_can_accept());
	ck_assert_int_eq(errno, ENOANO);
	ck_assert_int_eq(mpg_uring_accept(listen_somewhere(), NULL, NULL, 0), -1);
	ck_assert_int_eq(errno, ENOSYS);
}
END_TEST

START_TEST(it_asks_the_kernel_once)
{
	fake_no_uring = true;
	ck_assert(!mpg_uring_can_accept());
	fake_no_uring = false;
	ck_assert(!mpg_uring_can_accept());
}
END_TEST

START_TEST(accepting_where_nobody_connects_says_eagain)
{
	int listener = listen_somewhere();

	if (absent())
		return;
	for (int i = 0; i < 5; i++) {
		errno = 0;
		ck_assert_int_eq(mpg_uring_accept(listener, NULL, NULL, 0), -1);
		ck_assert_int_eq(errno, EAGAIN);
	}
}
END_TEST

START_TEST(accepting_gives_the_connection_and_the_peers_address)
{
	struct sockaddr_in peer = { 0 }, expected = { 0 };
	socklen_t len = sizeof(peer), expected_len = sizeof(expected);
	int listener = listen_somewhere(), client = connect_to(listener), fd;

	if (absent())
		return;
	fd = mpg_uring_accept(listener, (struct sockaddr *)&peer, &len, 0);
	ck_assert_int_ge(fd, 0);
	getsockname(client, (struct sockaddr *)&expected, &expected_len);
	ck_assert_uint_eq(len, expected_len);
	ck_assert_mem_eq(&peer, &expected, sizeof(peer));
	write_a_byte(client);
	read_a_byte(fd);
}
END_TEST

START_TEST(an_address_is_cut_to_the_room_there_is)
{
	struct sockaddr_in peer = { 0 };
	socklen_t len = sizeof(peer.sin_family);
	int listener = listen_somewhere();

	connect_to(listener);
	if (absent())
		return;
	ck_assert_int_ge(mpg_uring_accept(listener, (struct sockaddr *)&peer, &len, 0), 0);
	ck_assert_uint_eq(len, sizeof(peer));
	ck_assert_int_eq(peer.sin_family, AF_INET);
	ck_assert_int_eq(peer.sin_port, 0);
}
END_TEST

START_TEST(the_flags_of_accept4_reach_the_new_fd)
{
	int listener = listen_somewhere(), fd;

	connect_to(listener);
	if (absent())
		return;
	fd = mpg_uring_accept(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ck_assert_int_eq(REAL(fcntl)(fd, F_GETFD), FD_CLOEXEC);
	ck_assert(REAL(fcntl)(fd, F_GETFL) & O_NONBLOCK);
	connect_to(listener);
	fd = mpg_uring_accept(listener, NULL, NULL, 0);
	ck_assert_int_eq(REAL(fcntl)(fd, F_GETFD), 0);
	ck_assert(!(REAL(fcntl)(fd, F_GETFL) & O_NONBLOCK));
}
END_TEST

START_TEST(errors_are_those_of_accept)
{
	int ends[2];

	if (absent())
		return;
	open_unix(ends);
	ck_assert(mpg_uring_accept(ends[0], NULL, NULL, 0) == -1 && errno == EINVAL);
	open_pipe(ends);
	ck_assert(mpg_uring_accept(ends[0], NULL, NULL, 0) == -1 && errno == ENOTSOCK);
	ck_assert(mpg_uring_accept(999999, NULL, NULL, 0) == -1 && errno == EBADF);
}
END_TEST

static int accept_in_child(void *listener)
{
	if (!mpg_uring_can_accept())
		return 2;
	return mpg_uring_accept(*(int *)listener, NULL, NULL, 0) < 0;
}

START_TEST(a_fork_child_has_a_ring_of_its_own)
{
	int listener = listen_somewhere();

	if (absent())
		return;
	connect_to(listener);
	ck_assert_int_eq(in_child(accept_in_child, &listener), 0);
	connect_to(listener);
	ck_assert_int_ge(mpg_uring_accept(listener, NULL, NULL, 0), 0);
}
END_TEST

START_TEST(the_ring_is_a_private_fd)
{
	if (absent())
		return;
	mpg_fds_activate();
	ck_assert_int_ge(mpg_fds_highest(), 0);
	ck_assert(mpg_private_is(mpg_fds_highest()));
}
END_TEST

SUITE_OF(uring, { a_new_kernel_that_gives_out_rings_can_accept, 0 },
	 { a_kernel_without_io_uring_cannot_accept, 0 }, { it_asks_the_kernel_once, 0 },
	 { accepting_where_nobody_connects_says_eagain, 0 },
	 { accepting_gives_the_connection_and_the_peers_address, 0 },
	 { an_address_is_cut_to_the_room_there_is, 0 },
	 { the_flags_of_accept4_reach_the_new_fd, 0 }, { errors_are_those_of_accept, 0 },
	 { a_fork_child_has_a_ring_of_its_own, 0 }, { the_ring_is_a_private_fd, 0 })
