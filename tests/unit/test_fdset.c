/* SPDX-License-Identifier: MIT */
/* src/os/linux/fdset.c: many fds in one, which is readable when something has happened. */
#include "os/linux/fdset.h"
#include "real.h"
#include "registry/private.h"
#include "support.h"

static struct mpg_fdset set;
static int ends[2];

static void open_set(void)
{
	mpg_fds_activate();
	ck_assert(mpg_fdset_open(&set));
	open_pipe(ends);
}

static bool something_happened(void)
{
	struct pollfd p = { .fd = set.fd, .events = POLLIN };

	return REAL(poll)(&p, 1, 0) == 1;
}

START_TEST(a_set_is_one_private_fd_and_goes_as_a_whole)
{
	sigset_t usr1;
	int fd, signals;

	open_set();
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	ck_assert(mpg_fdset_add_pending(&set, &usr1));
	fd = set.fd, signals = set.signals;
	ck_assert(mpg_private_is(fd) && mpg_private_is(signals));
	errno = ENOANO;
	mpg_fdset_close(&set);
	ck_assert_int_eq(errno, ENOANO);
	ck_assert(!is_open(fd) && !is_open(signals) && !mpg_fdset_is_open(&set));
}
END_TEST

START_TEST(closing_a_set_that_was_never_opened_does_nothing)
{
	struct mpg_fdset none = MPG_FDSET_NONE;

	mpg_fdset_close(&none);
	ck_assert(!mpg_fdset_is_open(&none));
	ck_assert_int_eq(none.fd, -1);
}
END_TEST

START_TEST(an_empty_set_stays_silent)
{
	open_set();
	ck_assert(!something_happened());
}
END_TEST

START_TEST(what_is_ready_already_when_it_is_added_counts_as_happened)
{
	open_set();
	write_a_byte(ends[1]);
	ck_assert(mpg_fdset_add(&set, ends[0], POLLIN));
	ck_assert(something_happened());
}
END_TEST

START_TEST(after_settling_the_same_readiness_is_no_news)
{
	open_set();
	write_a_byte(ends[1]);
	mpg_fdset_add(&set, ends[0], POLLIN);
	mpg_fdset_settle(&set);
	ck_assert(!something_happened());
	write_a_byte(ends[1]);
	ck_assert(something_happened());
}
END_TEST

START_TEST(only_the_events_asked_for_happen)
{
	int pair[2];

	open_set();
	open_unix(pair);
	mpg_fdset_add(&set, pair[0], POLLIN);
	ck_assert(!something_happened());
	write_a_byte(pair[1]);
	ck_assert(something_happened());
}
END_TEST

START_TEST(a_hang_up_always_happens)
{
	open_set();
	mpg_fdset_add(&set, ends[0], 0);
	REAL(close)(ends[1]);
	ck_assert(something_happened());
	mpg_fdset_settle(&set);
	ck_assert(!something_happened());
}
END_TEST

START_TEST(an_fd_listed_twice_is_watched_for_both)
{
	int pair[2];

	open_set();
	open_unix(pair);
	fill_up(pair[0]);
	ck_assert(mpg_fdset_add(&set, pair[0], POLLOUT));
	ck_assert(mpg_fdset_add(&set, pair[0], POLLIN));
	ck_assert(!something_happened());
	write_a_byte(pair[1]);
	ck_assert(something_happened());
	mpg_fdset_settle(&set);
	for (int i = 0; i < 64 && !something_happened(); i++)
		read_much(pair[1]);
	ck_assert(something_happened());
}
END_TEST

START_TEST(what_cannot_be_waited_for_is_left_out)
{
	open_set();
	ck_assert(mpg_fdset_add(&set, memfd_create("file", 0), POLLIN));
	ck_assert(!something_happened());
}
END_TEST

START_TEST(an_fd_that_is_not_open_is_left_out)
{
	open_set();
	ck_assert(mpg_fdset_add(&set, 999999, POLLIN));
	ck_assert(!something_happened());
}
END_TEST

START_TEST(what_the_kernel_refuses_is_said)
{
	open_set();
	ck_assert(!mpg_fdset_add(&set, set.fd, POLLIN));
}
END_TEST

START_TEST(settling_takes_however_many_have_happened)
{
	open_set();
	write_a_byte(ends[1]);
	for (int i = 0; i < 200; i++)
		ck_assert(mpg_fdset_add(&set, REAL(dup)(ends[0]), POLLIN));
	errno = ENOANO;
	mpg_fdset_settle(&set);
	ck_assert_int_eq(errno, ENOANO);
	ck_assert(!something_happened());
}
END_TEST

static void block(int sig)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, sig);
	pthread_sigmask(SIG_BLOCK, &one, NULL);
}

START_TEST(a_blocked_signal_that_the_mask_lets_through_happens)
{
	sigset_t none;

	open_set();
	block(SIGUSR1);
	sigemptyset(&none);
	ck_assert(mpg_fdset_add_signals(&set, &none));
	ck_assert(!something_happened());
	raise(SIGUSR1);
	ck_assert(something_happened());
}
END_TEST

START_TEST(a_signal_that_the_mask_blocks_too_does_not)
{
	sigset_t usr1;

	open_set();
	block(SIGUSR1);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	ck_assert(mpg_fdset_add_signals(&set, &usr1));
	raise(SIGUSR1);
	ck_assert(!something_happened());
}
END_TEST

START_TEST(with_no_signal_blocked_nothing_is_added)
{
	sigset_t none;

	open_set();
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	ck_assert(mpg_fdset_add_signals(&set, &none));
	ck_assert_int_eq(set.signals, -1);
}
END_TEST

START_TEST(a_pending_signal_stays_pending)
{
	sigset_t usr1, pending;

	open_set();
	block(SIGUSR1);
	raise(SIGUSR1);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	ck_assert(mpg_fdset_add_pending(&set, &usr1));
	ck_assert(something_happened());
	mpg_fdset_settle(&set);
	ck_assert(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
}
END_TEST

SUITE_OF(fdset, { a_set_is_one_private_fd_and_goes_as_a_whole, 0 },
	 { closing_a_set_that_was_never_opened_does_nothing, 0 }, { an_empty_set_stays_silent, 0 },
	 { what_is_ready_already_when_it_is_added_counts_as_happened, 0 },
	 { after_settling_the_same_readiness_is_no_news, 0 },
	 { only_the_events_asked_for_happen, 0 }, { a_hang_up_always_happens, 0 },
	 { an_fd_listed_twice_is_watched_for_both, 0 },
	 { what_cannot_be_waited_for_is_left_out, 0 }, { an_fd_that_is_not_open_is_left_out, 0 },
	 { what_the_kernel_refuses_is_said, 0 }, { settling_takes_however_many_have_happened, 0 },
	 { a_blocked_signal_that_the_mask_lets_through_happens, 0 },
	 { a_signal_that_the_mask_blocks_too_does_not, 0 },
	 { with_no_signal_blocked_nothing_is_added, 0 }, { a_pending_signal_stays_pending, 0 })
