/* SPDX-License-Identifier: MIT */
/* src/registry/fds.c: what an fd is, what is remembered of it, and when that is forgotten. */
#include "registry/fds.h"
#include "real.h"
#include "registry/process.h"
#include "settings.h"
#include "support.h"

static int first_of(void (*open)(int ends[2]))
{
	int ends[2];

	open(ends);
	return ends[0];
}

static int second_of(void (*open)(int ends[2]))
{
	int ends[2];

	open(ends);
	return ends[1];
}

static int a_pipe(void)
{
	return first_of(open_pipe);
}

static int a_writing_end(void)
{
	return second_of(open_pipe);
}

static int a_fifo(void)
{
	return first_of(open_fifo);
}

static int a_tcp_socket(void)
{
	return first_of(open_tcp);
}

static int a_unix_socket(void)
{
	return first_of(open_unix);
}

static int a_udp_socket(void)
{
	return first_of(open_udp);
}

static int a_seqpacket_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET, 0);
}

static int a_pty(void)
{
	return first_of(open_pty);
}

static int a_pty_master(void)
{
	return second_of(open_pty);
}

static int an_eventfd(void)
{
	return eventfd(0, 0);
}

static int a_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}

static int an_inotify(void)
{
	return inotify_init();
}

static int a_signalfd(void)
{
	sigset_t none;

	sigemptyset(&none);
	return signalfd(-1, &none, 0);
}

static int an_epoll(void)
{
	return epoll_create1(0);
}

static int a_file(void)
{
	return memfd_create("file", 0);
}

static int a_directory(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}

static int a_device(void)
{
	return open("/dev/null", O_RDWR);
}

static const struct {
	int (*open)(void);
	uint32_t kind;
} kinds[] = {
	{ a_pipe, MPG_FD_FIFO },
	{ a_writing_end, MPG_FD_FIFO },
	{ a_fifo, MPG_FD_FIFO },
	{ a_tcp_socket, MPG_FD_SOCKET },
	{ a_unix_socket, MPG_FD_SOCKET },
	{ a_udp_socket, MPG_FD_SOCKET },
	{ a_seqpacket_socket, MPG_FD_SOCKET | MPG_FD_RECORDS },
	{ a_pty, MPG_FD_TTY },
	{ a_pty_master, MPG_FD_TTY },
	{ an_eventfd, MPG_FD_ANON },
	{ a_timerfd, MPG_FD_ANON },
	{ an_inotify, MPG_FD_ANON },
	{ a_signalfd, MPG_FD_ANON },
	{ an_epoll, MPG_FD_ANON },
	{ a_file, 0 },
	{ a_directory, 0 },
	{ a_device, 0 },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* What can block is green, with its kind; what cannot is known, and nothing else. */
START_TEST(each_kind_of_fd_is_known_for_what_it_is)
{
	int fd = kinds[_i].open();
	uint32_t expected = MPG_FD_KNOWN | kinds[_i].kind | (kinds[_i].kind ? MPG_FD_GREEN : 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(mpg_fd_kind(fd), kinds[_i].kind);
	ck_assert(!mpg_fd_is_queue(fd) && !(mpg_fd_kind(fd) & MPG_FD_QUEUE));
	ck_assert_uint_eq(mpg_fd_examine(fd, mpg_fd_entry(fd)), expected);
	ck_assert_uint_eq(mpg_fd_state(mpg_fd_entry(fd)), expected);
}
END_TEST

START_TEST(with_marked_fds_only_no_kind_is_green_by_itself)
{
	int fd = kinds[_i].open();

	mpg_settings.fds = MPG_FDS_MARKED;
	ck_assert_uint_eq(mpg_fd_examine(fd, mpg_fd_entry(fd)), MPG_FD_KNOWN | kinds[_i].kind);
}
END_TEST

START_TEST(a_mark_makes_an_fd_green_where_only_marked_ones_are)
{
	int fd = a_pipe();

	mpg_settings.fds = MPG_FDS_MARKED;
	ck_assert_int_eq(mpgreen_mark(fd, 0), 0);
	ck_assert_int_eq(mpgreen_marks(fd), MPGREEN_GREEN);
	ck_assert(mpg_fd_examine(fd, mpg_fd_entry(fd)) & MPG_FD_GREEN);
}
END_TEST

START_TEST(a_mark_and_what_it_asks_for_outlive_an_examination)
{
	int fd = a_pipe();

	mpgreen_mark(fd, MPGREEN_ALWAYS);
	mpg_fd_examine(fd, mpg_fd_entry(fd));
	ck_assert_int_eq(mpgreen_marks(fd), MPGREEN_GREEN | MPGREEN_ALWAYS);
	mpgreen_unmark(fd);
	mpg_fd_examine(fd, mpg_fd_entry(fd));
	ck_assert_int_eq(mpgreen_marks(fd), 0);
}
END_TEST

START_TEST(a_marked_number_that_has_become_a_file_is_not_green)
{
	int fd = a_pipe(), file = a_file();

	mpgreen_mark(fd, MPGREEN_ALWAYS);
	REAL(dup2)(file, fd);
	ck_assert(!(mpg_fd_examine(fd, mpg_fd_entry(fd)) & (MPG_FD_GREEN | MPG_FD_ALWAYS)));
}
END_TEST

START_TEST(examining_keeps_errno)
{
	int fd = a_device();

	errno = ENOANO;
	mpg_fd_examine(fd, mpg_fd_entry(fd));
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

START_TEST(an_fd_that_is_not_open_stays_unknown)
{
	int fd = a_pipe();

	REAL(close)(fd);
	ck_assert_uint_eq(mpg_fd_kind(fd), 0);
	ck_assert_uint_eq(mpg_fd_examine(fd, mpg_fd_entry(fd)), 0);
	ck_assert_uint_eq(mpg_fd_state(mpg_fd_entry(fd)), 0);
}
END_TEST

/* It would be walked to by each fork() and each close_range(). */
START_TEST(a_wild_fd_number_does_not_count_as_the_highest)
{
	int highest = mpg_fds_highest();

	ck_assert_uint_eq(mpg_fd_examine(INT_MAX, mpg_fd_entry(INT_MAX)), 0);
	ck_assert_int_eq(mpg_fds_highest(), highest);
}
END_TEST

START_TEST(a_mark_ends_when_its_fd_was_closed_behind_our_back)
{
	int fd = a_pipe();

	mpgreen_mark(fd, MPGREEN_ALWAYS);
	REAL(close)(fd);
	mpg_fd_examine(fd, mpg_fd_entry(fd));
	ck_assert_int_eq(a_pipe(), fd);
	ck_assert_int_eq(mpgreen_marks(fd), MPGREEN_GREEN);
}
END_TEST

static const int far_numbers[] = { 0, 65535, 65536, 65537, 131072, 1 << 30, INT_MAX - 1, INT_MAX };
enum { FAR = sizeof(far_numbers) / sizeof(far_numbers[0]) };

START_TEST(every_fd_number_has_an_entry_of_its_own)
{
	struct mpg_fd *entry = mpg_fd_entry(far_numbers[_i]);

	ck_assert_ptr_nonnull(entry);
	ck_assert_ptr_eq(mpg_fd_entry(far_numbers[_i]), entry);
	atomic_store(&entry->state, MPG_FD_KNOWN);
	for (int i = 0; i < FAR; i++)
		if (i != _i)
			ck_assert_uint_eq(mpg_fd_state(mpg_fd_entry(far_numbers[i])), 0);
}
END_TEST

START_TEST(a_negative_number_has_no_entry)
{
	ck_assert_ptr_null(mpg_fd_entry(-1));
	ck_assert_ptr_null(mpg_fd_entry(INT_MIN));
	mpg_fds_activate();
	ck_assert(!mpg_fd_is_entered(-1));
	ck_assert(!mpg_fd_forget(-1));
}
END_TEST

START_TEST(an_open_fd_beyond_the_flat_part_is_examined_and_forgotten)
{
	struct rlimit limit;

	mpg_fds_activate();
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max <= 70000)
		return;
	allow_fds(70001);
	ck_assert_int_eq(REAL(dup2)(a_pipe(), 70000), 70000);
	ck_assert(mpg_fd_examine(70000, mpg_fd_entry(70000)) & MPG_FD_GREEN);
	ck_assert_int_eq(mpg_fds_highest(), 70000);
	mpg_fd_forget(70000);
	ck_assert(!mpg_fd_is_entered(70000));
}
END_TEST

START_TEST(nothing_is_entered_before_the_first_attach)
{
	int fd = a_pipe();

	mpg_fd_examine(fd, mpg_fd_entry(fd));
	ck_assert(!mpg_fd_is_entered(fd));
	ck_assert(!mpg_fd_forget(fd));
	mpg_fds_activate();
	ck_assert(mpg_fd_is_entered(fd));
}
END_TEST

START_TEST(forgetting_sets_an_fd_back_and_ends_its_waits)
{
	int fd = a_pipe();
	struct mpg_fd *entry = mpg_fd_entry(fd);

	mpg_fds_activate();
	mpg_fd_examine(fd, entry);
	ck_assert(!(mpg_fd_forget(fd) & MPG_FD_WATCHED));
	ck_assert_uint_eq(mpg_fd_state(entry), 0);
	ck_assert_uint_eq(entry->generation, 1);
	ck_assert_int_eq(entry->wake_error, EBADF);
}
END_TEST

START_TEST(forgetting_a_watched_fd_says_that_a_scheduler_must_be_told)
{
	int fd = a_pipe();

	mpg_fds_activate();
	mpg_fd_examine(fd, mpg_fd_entry(fd));
	atomic_fetch_or(&mpg_fd_entry(fd)->state, MPG_FD_WATCHED);
	ck_assert(mpg_fd_forget(fd));
	ck_assert(!mpg_fd_forget(fd));
}
END_TEST

START_TEST(what_is_watched_is_still_watched_after_an_examination)
{
	int fd = a_pipe();
	struct mpg_fd *entry = mpg_fd_entry(fd);

	atomic_store(&entry->state, MPG_FD_WATCHED);
	ck_assert(mpg_fd_examine(fd, entry) & MPG_FD_WATCHED);
	REAL(close)(fd);
	ck_assert_uint_eq(mpg_fd_examine(fd, entry), MPG_FD_WATCHED);
}
END_TEST

START_TEST(waking_counts_the_waiters_and_says_why)
{
	struct mpg_fd entry = { .waiters = 3, .generation = 7 };

	ck_assert_uint_eq(mpg_fd_wake(&entry, ESTALE), 3);
	ck_assert_uint_eq(entry.generation, 8);
	ck_assert_int_eq(entry.wake_error, ESTALE);
	ck_assert_uint_eq(entry.waiters, 3);
}
END_TEST

START_TEST(the_highest_number_only_grows)
{
	mpg_fds_entered(900);
	mpg_fds_entered(800);
	ck_assert_int_eq(mpg_fds_highest(), 900);
	mpg_fds_entered(901);
	ck_assert_int_eq(mpg_fds_highest(), 901);
}
END_TEST

START_TEST(in_a_fork_child_nobody_waits_and_nothing_is_watched)
{
	int fd = a_pipe();
	struct mpg_fd *entry = mpg_fd_entry(fd);

	mpg_fd_examine(fd, entry);
	atomic_fetch_or(&entry->state, MPG_FD_WATCHED);
	atomic_store(&entry->waiters, 2);
	mpg_fds_forked();
	ck_assert_uint_eq(entry->waiters, 0);
	ck_assert_uint_eq(mpg_fd_state(entry), MPG_FD_KNOWN | MPG_FD_GREEN | MPG_FD_FIFO);
}
END_TEST

/* As in a vfork child: the memory is another process's. */
START_TEST(a_process_that_does_not_own_the_registry_changes_nothing_in_it)
{
	int fd = a_pipe(), unknown = a_pipe();
	struct mpg_fd *entry = mpg_fd_entry(fd);

	mpg_fds_activate();
	mpg_fd_examine(fd, entry);
	mpg_process_owner++;
	ck_assert(!mpg_fd_forget(fd));
	ck_assert(mpg_fd_state(entry) & MPG_FD_KNOWN);
	ck_assert_uint_eq(entry->generation, 0);
	ck_assert(mpg_fd_examine(unknown, mpg_fd_entry(unknown)) & MPG_FD_FIFO);
	ck_assert_uint_eq(mpg_fd_state(mpg_fd_entry(unknown)), 0);
}
END_TEST

SUITE_OF(fds, { each_kind_of_fd_is_known_for_what_it_is, KINDS },
	 { with_marked_fds_only_no_kind_is_green_by_itself, KINDS },
	 { a_mark_makes_an_fd_green_where_only_marked_ones_are, 0 },
	 { a_mark_and_what_it_asks_for_outlive_an_examination, 0 },
	 { a_marked_number_that_has_become_a_file_is_not_green, 0 }, { examining_keeps_errno, 0 },
	 { an_fd_that_is_not_open_stays_unknown, 0 },
	 { a_wild_fd_number_does_not_count_as_the_highest, 0 },
	 { a_mark_ends_when_its_fd_was_closed_behind_our_back, 0 },
	 { every_fd_number_has_an_entry_of_its_own, FAR }, { a_negative_number_has_no_entry, 0 },
	 { an_open_fd_beyond_the_flat_part_is_examined_and_forgotten, 0 },
	 { nothing_is_entered_before_the_first_attach, 0 },
	 { forgetting_sets_an_fd_back_and_ends_its_waits, 0 },
	 { forgetting_a_watched_fd_says_that_a_scheduler_must_be_told, 0 },
	 { what_is_watched_is_still_watched_after_an_examination, 0 },
	 { waking_counts_the_waiters_and_says_why, 0 }, { the_highest_number_only_grows, 0 },
	 { in_a_fork_child_nobody_waits_and_nothing_is_watched, 0 },
	 { a_process_that_does_not_own_the_registry_changes_nothing_in_it, 0 })
