/* SPDX-License-Identifier: MIT */
/* src/registry/process.c: whose memory is this? */
#include "registry/process.h"
#include "real.h"
#include "support.h"

START_TEST(the_process_that_ran_the_constructor_owns_its_memory)
{
	ck_assert_int_eq(mpg_process_owner, getpid());
	ck_assert(!mpg_process_is_foreign());
}
END_TEST

static int what_it_sees(void *forks)
{
	return mpg_process_is_foreign() || mpg_process_forks != *(unsigned *)forks + 1;
}

START_TEST(a_fork_child_owns_its_copy_and_counts_the_fork)
{
	unsigned forks = mpg_process_forks;

	ck_assert_int_eq(in_child(what_it_sees, &forks), 0);
	ck_assert_uint_eq(mpg_process_forks, forks);
}
END_TEST

static int is_foreign(void *unused)
{
	(void)unused;
	return mpg_process_is_foreign();
}

START_TEST(a_child_that_ran_no_fork_handler_is_foreign)
{
	ck_assert_int_eq(in_vfork_child(is_foreign, NULL), 1);
	ck_assert(!mpg_process_is_foreign());
}
END_TEST

static int ends[2];

/* What a child does between vfork() and exec: its close() runs in its parent's memory. */
static int redirect(void *unused)
{
	(void)unused;
	dup2(ends[1], ends[0]);
	return close(ends[1]);
}

START_TEST(what_a_vfork_child_closes_and_copies_its_parent_still_knows)
{
	open_pipe(ends);
	NOTHING_TO_WAIT_FOR();
	mpgreen_mark(ends[0], MPGREEN_ALWAYS);
	mpgreen_mark(ends[1], MPGREEN_ALWAYS);
	ck_assert_int_eq(in_vfork_child(redirect, NULL), 0);
	ck_assert_int_eq(mpgreen_marks(ends[0]), MPGREEN_GREEN | MPGREEN_ALWAYS);
	ck_assert_int_eq(mpgreen_marks(ends[1]), MPGREEN_GREEN | MPGREEN_ALWAYS);
}
END_TEST

static int read_a_file_instead(void *unused)
{
	char byte;

	(void)unused;
	dup2(ends[1], ends[0]);
	return (int)read(ends[0], &byte, 1);
}

START_TEST(what_a_vfork_child_reads_from_says_nothing_of_its_parents_fd)
{
	open_pipe(ends);
	REAL(dup2)(memfd_create("empty", 0), ends[1]);
	NOTHING_TO_WAIT_FOR();
	ck_assert_int_eq(in_vfork_child(read_a_file_instead, NULL), 0);
	ck_assert_int_eq(mpgreen_marks(ends[0]), MPGREEN_GREEN);
}
END_TEST

static int attach(void *unused)
{
	(void)unused;
	return mpgreen_attach(&scripted, NULL) == -ENOTSUP;
}

START_TEST(a_vfork_child_cannot_attach)
{
	ck_assert_int_eq(in_vfork_child(attach, NULL), 1);
	ck_assert_int_eq(mpgreen_detach(), -ENOENT);
}
END_TEST

SUITE_OF(process, { the_process_that_ran_the_constructor_owns_its_memory, 0 },
	 { a_fork_child_owns_its_copy_and_counts_the_fork, 0 },
	 { a_child_that_ran_no_fork_handler_is_foreign, 0 },
	 { what_a_vfork_child_closes_and_copies_its_parent_still_knows, 0 },
	 { what_a_vfork_child_reads_from_says_nothing_of_its_parents_fd, 0 },
	 { a_vfork_child_cannot_attach, 0 })
