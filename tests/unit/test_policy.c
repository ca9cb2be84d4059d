/* SPDX-License-Identifier: MIT */
/* src/registry/policy.c, peers.c: which fds and libraries a policy allows, and its grammar. */
#include "registry/policy.h"
#include "real.h"
#include "registry/peers.h"
#include "settings.h"
#include "support.h"

static void set_policy(const char *only, const char *skip)
{
	mpg_settings.only = only;
	mpg_settings.skip = skip;
	capture_stderr();
	mpg_policy_read();
	ck_assert_str_eq(captured_stderr(), "");
	ck_assert(!mpg_settings.refused);
}

static const struct {
	const char *item, *why;
} refused[] = {
	{ "", "an item begins with kind: or lib: or peer:" },
	{ "tty", "an item begins with kind: or lib: or peer:" },
	{ " kind:tty", "an item begins with kind: or lib: or peer:" },
	{ "kind:", "allowed is kind:socket or pipe or tty or event or queue" },
	{ "kind:TTY", "allowed is kind:socket or pipe or tty or event or queue" },
	{ "kind:tty ", "allowed is kind:socket or pipe or tty or event or queue" },
	{ "lib:", "the name of a library is expected" },
	{ "lib:/lib/libpq.so.5", "a library has its name here, not its path" },
	{ "peer:", "a numeric address is expected, one of IPv6 in [], or * or unix:PATH" },
	{ "peer:localhost", "a numeric address is expected, one of IPv6 in [], or * or unix:PATH" },
	{ "peer:1.2.3", "a numeric address is expected, one of IPv6 in [], or * or unix:PATH" },
	{ "peer:::1", "a numeric address is expected, one of IPv6 in [], or * or unix:PATH" },
	{ "peer:[::1", "a numeric address is expected, one of IPv6 in [], or * or unix:PATH" },
	{ "peer:[1.2.3.4]", "a numeric address is expected, one of IPv6 in [], or * or unix:PATH" },
	{ "peer:unix:", "the path of a unix socket is expected" },
	{ "peer:1.2.3.4/33", "the number of bits after / is wrong" },
	{ "peer:1.2.3.4/", "the number of bits after / is wrong" },
	{ "peer:[::]/129", "the number of bits after / is wrong" },
	{ "peer:*/8", "the number of bits after / is wrong" },
	{ "peer:1.2.3.4:65536", "the port is wrong: allowed is 0 to 65535 or *" },
	{ "peer:1.2.3.4:", "the port is wrong: allowed is 0 to 65535 or *" },
	{ "peer:1.2.3.4:http", "the port is wrong: allowed is 0 to 65535 or *" },
	{ "peer:1.2.3.4:80x", "a port, :*, or the end is expected" },
	{ "peer:1.2.3.4:80/8", "a port, :*, or the end is expected" },
};
enum { N_REFUSED = sizeof(refused) / sizeof(refused[0]) };

START_TEST(a_wrong_item_is_refused_in_one_line_that_says_why)
{
	char list[128], line[256];

	snprintf(list, sizeof(list), "kind:pipe,%s,lib:x", refused[_i].item);
	mpg_settings.skip = list;
	capture_stderr();
	mpg_policy_read();
	snprintf(line, sizeof(line),
		 "libmpgreen: MPGREEN_SKIP: '%s': %s; going on without the library\n",
		 refused[_i].item, refused[_i].why);
	ck_assert_str_eq(captured_stderr(), line);
	ck_assert(mpg_settings.refused);
}
END_TEST

START_TEST(too_many_items_are_refused)
{
	static char list[65 * 10];

	for (int i = 0; i < 65; i++)
		sprintf(list + strlen(list), "%slib:l%d", i ? "," : "", i);
	mpg_settings.only = list;
	capture_stderr();
	mpg_policy_read();
	ck_assert_str_eq(captured_stderr(),
			 "libmpgreen: MPGREEN_ONLY: 'lib:l64': there are too many items; "
			 "going on without the library\n");
}
END_TEST

/* A peer as it is written above, but for '@': the path of a unix socket follows. */
static socklen_t make_address(struct sockaddr_storage *to, const char *text, int port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_un *un = (struct sockaddr_un *)to;

	memset(to, 0, sizeof(*to));
	if (*text == '/' || *text == '@' || !*text) {
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, text, strlen(text));
		if (*text == '@')
			*un->sun_path = '\0';
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text));
	}
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	ck_assert_int_eq(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	return sizeof(*in6);
}

static const struct {
	const char *pattern, *address;
	int port;
	bool is;
} peers[] = {
	{ "127.0.0.1:5432", "127.0.0.1", 5432, true },
	{ "127.0.0.1:5432", "127.0.0.1", 5433, false },
	{ "127.0.0.1:5432", "127.0.0.2", 5432, false },
	{ "127.0.0.1", "127.0.0.1", 1, true },
	{ "127.0.0.1:*", "127.0.0.1", 65535, true },
	{ "127.0.0.1", "::1", 1, false },
	{ "127.0.0.1:80", "::ffff:127.0.0.1", 80, true },
	{ "127.0.0.1:80", "::ffff:127.0.0.2", 80, false },
	{ "*:80", "::ffff:127.0.0.1", 80, true },
	{ "0.0.0.0/0", "::ffff:127.0.0.1", 9, true },
	{ "[::]/0", "::ffff:127.0.0.1", 9, false },
	{ "[::]/0", "127.0.0.1", 9, false },
	{ "[::]/0", "::7f00:1", 9, true },
	{ "[::ffff:127.0.0.1]:9", "::ffff:127.0.0.1", 9, true },
	{ "[::ffff:127.0.0.1]:9", "127.0.0.1", 9, true },
	{ "[::ffff:127.0.0.1]", "127.0.0.2", 9, false },
	{ "[::ffff:127.0.0.1]", "::1", 9, false },
	{ "[::ffff:10.0.0.0]/104", "10.1.2.3", 9, true },
	{ "[::ffff:10.0.0.0]/104", "11.1.2.3", 9, false },
	{ "[::ffff:10.0.0.0]/104", "::ffff:10.1.2.3", 9, true },
	{ "[::ffff:0.0.0.0]/96", "1.2.3.4", 9, true },
	{ "[::ffff:0.0.0.0]/95", "1.2.3.4", 9, false },
	{ "10.0.0.0/8", "10.255.1.2", 9, true },
	{ "10.0.0.0/8", "11.0.0.0", 9, false },
	{ "10.32.0.0/11:9", "10.63.255.255", 9, true },
	{ "10.32.0.0/11:9", "10.64.0.0", 9, false },
	{ "10.32.0.0/11:9", "10.33.0.0", 8, false },
	{ "0.0.0.0/0", "1.2.3.4", 9, true },
	{ "0.0.0.0/0", "2001::1", 9, false },
	{ "1.2.3.4/32", "1.2.3.4", 9, true },
	{ "1.2.3.4/32", "1.2.3.5", 9, false },
	{ "[::1]", "::1", 9, true },
	{ "[::1]:9", "::1", 9, true },
	{ "[::1]:8", "::1", 9, false },
	{ "[fe80::]/10", "febf::1", 9, true },
	{ "[fe80::]/10", "fec0::1", 9, false },
	{ "[::]/0:9", "127.0.0.1", 9, false },
	{ "*", "127.0.0.1", 9, true },
	{ "*:9", "::1", 9, true },
	{ "*:8", "::1", 9, false },
	{ "*", "/run/pg", 0, false },
	{ "unix:/run/pg/*", "/run/pg/.s.PGSQL.5432", 0, true },
	{ "unix:/run/pg/*", "/run/mysqld.sock", 0, false },
	{ "unix:@hidden*", "@hidden-1", 0, true },
	{ "unix:/*", "@hidden", 0, false },
	{ "unix:*", "", 0, true },
	{ "unix:/*", "", 0, false },
	{ "unix:*", "127.0.0.1", 9, false },
};
enum { N_PEERS = sizeof(peers) / sizeof(peers[0]) };

START_TEST(a_peer_is_told_by_its_pattern)
{
	struct sockaddr_storage addr;
	socklen_t len = make_address(&addr, peers[_i].address, peers[_i].port);
	struct mpg_peer peer;

	ck_assert_ptr_null(mpg_peer_parse(&peer, peers[_i].pattern));
	ck_assert_int_eq(mpg_peer_is(&peer, (struct sockaddr *)&addr, len), peers[_i].is);
}
END_TEST

START_TEST(an_address_cut_short_is_nobody)
{
	struct sockaddr_storage addr;
	socklen_t len = make_address(&addr, "127.0.0.1", 80);
	struct mpg_peer peer;

	ck_assert_ptr_null(mpg_peer_parse(&peer, "*"));
	for (socklen_t cut = 0; cut < len; cut++)
		ck_assert(!mpg_peer_is(&peer, (struct sockaddr *)&addr, cut));
}
END_TEST

static bool is_green(int fd)
{
	return mpg_fd_examine(fd, mpg_fd_entry(fd)) & MPG_FD_GREEN;
}

static const struct {
	const char *only, *skip;
	bool pipe, tcp, tty;
} kinds[] = {
	{ NULL, NULL, true, true, true },
	{ NULL, "kind:tty", true, true, false },
	{ NULL, "kind:pipe,kind:socket", false, false, true },
	{ "kind:pipe", NULL, true, false, false },
	{ "kind:pipe,kind:tty", "kind:tty", true, false, false },
	{ "peer:127.0.0.1", NULL, false, true, false },
	{ "peer:127.0.0.1:*,kind:socket,kind:pipe", NULL, false, true, false },
	{ "peer:127.0.0.2", NULL, false, false, false },
	{ NULL, "peer:127.0.0.0/8", true, false, true },
	{ NULL, "peer:[::1]", true, true, true },
	{ "lib:libpq.so.*", "lib:libc.so.*", true, true, true },
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

START_TEST(an_fd_is_green_if_the_policy_allows_its_kind_and_its_peer)
{
	int pipe_ends[2], tcp_ends[2], tty_ends[2];

	set_policy(kinds[_i].only, kinds[_i].skip);
	open_pipe(pipe_ends);
	open_tcp(tcp_ends);
	open_pty(tty_ends);
	ck_assert_int_eq(is_green(pipe_ends[0]), kinds[_i].pipe);
	ck_assert_int_eq(is_green(tcp_ends[0]), kinds[_i].tcp);
	ck_assert_int_eq(is_green(tcp_ends[1]), kinds[_i].tcp);
	ck_assert_int_eq(is_green(tty_ends[0]), kinds[_i].tty);
}
END_TEST

START_TEST(what_the_program_marks_is_green_whatever_the_policy_says)
{
	int ends[2];

	set_policy("kind:socket", NULL);
	open_pipe(ends);
	ck_assert(!is_green(ends[0]));
	ck_assert_int_eq(mpgreen_mark(ends[0], 0), 0);
	ck_assert(is_green(ends[0]));
	ck_assert_int_eq(mpgreen_unmark(ends[0]), 0);
	ck_assert(!is_green(ends[0]));
}
END_TEST

START_TEST(a_socket_is_judged_by_what_it_connects_to)
{
	int listener = listen_somewhere(), fd = REAL(socket)(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	set_policy(NULL, "peer:127.0.0.1");
	NOTHING_TO_WAIT_FOR();
	ck_assert(is_green(fd));
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, len), 0);
	ck_assert(!(mpg_fd_state(mpg_fd_entry(fd)) & MPG_FD_GREEN));
	ck_assert_int_eq(mpgreen_marks(fd), 0);
}
END_TEST

START_TEST(a_socket_that_connects_elsewhere_is_judged_anew)
{
	int ends[2], other[2];
	struct sockaddr_in addr;
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof(addr);
	char skip[64];

	open_udp(ends);
	open_udp(other);
	ck_assert_int_eq(getsockname(ends[0], (struct sockaddr *)&addr, &len), 0);
	snprintf(skip, sizeof(skip), "peer:127.0.0.1:%d", ntohs(addr.sin_port));
	set_policy(NULL, skip);
	NOTHING_TO_WAIT_FOR();
	ck_assert(!is_green(ends[1]));
	ck_assert_int_eq(connect(ends[1], &nobody, sizeof(nobody)), 0);
	ck_assert(is_green(ends[1]));
	ck_assert_int_eq(connect(ends[1], (struct sockaddr *)&addr, len), 0);
	ck_assert(!is_green(ends[1]));
	ck_assert_int_eq(getsockname(other[0], (struct sockaddr *)&addr, &len), 0);
	ck_assert_int_eq(connect(ends[1], (struct sockaddr *)&addr, len), 0);
	ck_assert(is_green(ends[1]));
}
END_TEST

START_TEST(an_impossible_address_is_left_to_the_kernel)
{
	int fd = REAL(socket)(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr = { .sin_family = AF_INET };

	set_policy("peer:127.0.0.1", NULL);
	NOTHING_TO_WAIT_FOR();
	ck_assert(connect(fd, NULL, 0) < 0);
	ck_assert(connect(fd, (struct sockaddr *)&addr, 1) < 0 && errno == EINVAL);
	ck_assert(connect(-1, (struct sockaddr *)&addr, sizeof(addr)) < 0 && errno == EBADF);
}
END_TEST

START_TEST(the_policy_ends_with_the_descriptor)
{
	int ends[2], tty[2];

	set_policy(NULL, "kind:pipe");
	NOTHING_TO_WAIT_FOR();
	open_pipe(ends);
	open_pty(tty);
	ck_assert(!is_green(ends[0]));
	ck_assert_int_eq(dup2(tty[0], ends[0]), ends[0]);
	ck_assert(is_green(ends[0]));
}
END_TEST

START_TEST(poll_of_what_is_declined_blocks_the_thread)
{
	int ends[2];
	struct pollfd set;

	set_policy(NULL, "kind:pipe");
	NOTHING_TO_WAIT_FOR();
	open_pipe(ends);
	set = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	ck_assert_int_eq(poll(&set, 1, 1), 0);
}
END_TEST

static const struct {
	const char *only, *skip, *soname, *file;
	bool allowed;
} libraries[] = {
	{ NULL, "lib:libpq.so.*", "libpq.so.5", "libpq.so.5.15", false },
	{ NULL, "lib:libpq.so.5.*", "libpq.so.5", "libpq.so.5.15", false },
	{ NULL, "lib:libpq", "libpq.so.5", "libpq.so.5.15", true },
	{ "lib:libpq.so.*", NULL, "libpq.so.5", "libpq.so.5.15", true },
	{ "lib:libpq.so.*", NULL, "libldap.so.2", "libldap.so.2", false },
	{ "lib:lib*", "lib:libpq*", "libpq.so.5", "libpq.so.5", false },
	{ "lib:a,lib:b", NULL, "b", "", true },
	{ "kind:pipe", NULL, "b", "", true },
};
enum { N_LIBRARIES = sizeof(libraries) / sizeof(libraries[0]) };

START_TEST(a_library_is_told_by_its_soname_or_its_file)
{
	set_policy(libraries[_i].only, libraries[_i].skip);
	ck_assert_int_eq(mpg_policy_allows_library(libraries[_i].soname, libraries[_i].file),
			 libraries[_i].allowed);
}
END_TEST

SUITE_OF(policy, { a_wrong_item_is_refused_in_one_line_that_says_why, N_REFUSED },
	 { too_many_items_are_refused, 0 }, { a_peer_is_told_by_its_pattern, N_PEERS },
	 { an_address_cut_short_is_nobody, 0 },
	 { an_fd_is_green_if_the_policy_allows_its_kind_and_its_peer, N_KINDS },
	 { what_the_program_marks_is_green_whatever_the_policy_says, 0 },
	 { a_socket_is_judged_by_what_it_connects_to, 0 },
	 { a_socket_that_connects_elsewhere_is_judged_anew, 0 },
	 { an_impossible_address_is_left_to_the_kernel, 0 },
	 { the_policy_ends_with_the_descriptor, 0 },
	 { poll_of_what_is_declined_blocks_the_thread, 0 },
	 { a_library_is_told_by_its_soname_or_its_file, N_LIBRARIES })
