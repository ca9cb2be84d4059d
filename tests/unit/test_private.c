/* SPDX-License-Identifier: MIT */
/* src/registry/private.c: the library's own fds are out of the way, and out of reach. */
#include "registry/private.h"
#include "real.h"
#include "support.h"

static int adopt(void)
{
	int fd;

	mpg_fds_activate();
	fd = mpg_private_adopt(REAL(eventfd)(0, 0));
	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(a_private_fd_has_a_high_number_and_closes_on_exec)
{
	struct rlimit limit;
	int fd = adopt();

	getrlimit(RLIMIT_NOFILE, &limit);
	ck_assert_int_ge(fd, limit.rlim_cur > 2048 ? 1024 : (int)limit.rlim_cur / 2);
	ck_assert(mpg_private_is(fd));
	ck_assert_int_eq(REAL(fcntl)(fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(under_a_small_limit_it_takes_the_upper_half)
{
	int fd;

	allow_fds(100);
	fd = adopt();
	ck_assert(fd >= 50 && fd < 100);
}
END_TEST

START_TEST(the_number_it_had_is_free_again)
{
	int low = REAL(eventfd)(0, 0);

	ck_assert_int_ne(mpg_private_adopt(low), low);
	ck_assert(!is_open(low));
}
END_TEST

START_TEST(what_could_not_be_made_is_not_adopted)
{
	errno = ENOANO;
	ck_assert_int_eq(mpg_private_adopt(-1), -1);
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

START_TEST(with_no_number_left_the_fd_is_closed_and_errno_says_why)
{
	int fd, low = REAL(eventfd)(0, 0);

	allow_fds(64);
	for (fd = 32; fd < 64; fd++)
		ck_assert_int_eq(REAL(dup2)(0, fd), fd);
	ck_assert_int_eq(mpg_private_adopt(low), -1);
	ck_assert_int_eq(errno, EMFILE);
	ck_assert(!is_open(low));
	allow_fds(0);
}
END_TEST

START_TEST(the_application_cannot_close_it)
{
	int fd = adopt();

	errno = 0;
	ck_assert_int_eq(close(fd), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert(is_open(fd));
}
END_TEST

START_TEST(the_application_cannot_put_another_file_in_its_place)
{
	int fd = adopt(), other = REAL(eventfd)(0, 0);

	ck_assert(dup2(other, fd) == -1 && errno == EBADF);
	errno = 0;
	ck_assert(dup3(other, fd, O_CLOEXEC) == -1 && errno == EBADF);
	ck_assert(mpg_private_is(fd));
}
END_TEST

static int put_at(int fd)
{
	ck_assert_int_eq(REAL(dup2)(0, fd), fd);
	return fd;
}

START_TEST(close_range_closes_all_but_it)
{
	int fd = adopt(), below = put_at(fd - 1), above = put_at(fd + 1);

	ck_assert_int_eq(close_range((unsigned)below, UINT_MAX, 0), 0);
	ck_assert(is_open(fd) && !is_open(below) && !is_open(above));
	ck_assert(mpg_private_is(fd));
}
END_TEST

START_TEST(close_range_that_begins_or_ends_at_it_spares_it)
{
	int fd = adopt(), below = put_at(fd - 1), above = put_at(fd + 1);
	unsigned number = (unsigned)fd;

	ck_assert_int_eq(close_range(number, number, 0), 0);
	ck_assert_int_eq(close_range(number, number + 1, 0), 0);
	ck_assert_int_eq(close_range(number - 1, number, 0), 0);
	ck_assert(is_open(fd) && !is_open(below) && !is_open(above));
}
END_TEST

START_TEST(closefrom_closes_all_but_it)
{
	int fd = adopt(), second = adopt(), below = put_at(fd - 1), above = put_at(second + 1);

	closefrom(below);
	ck_assert(is_open(fd) && is_open(second) && !is_open(below) && !is_open(above));
}
END_TEST

START_TEST(the_library_closes_it_and_the_number_means_nothing_more)
{
	int fd = adopt();

	mpg_private_close(fd);
	ck_assert(!is_open(fd) && !mpg_private_is(fd));
	ck_assert_uint_eq(mpg_fd_state(mpg_fd_entry(fd)), 0);
}
END_TEST

START_TEST(closing_a_number_that_is_not_private_does_nothing)
{
	int fd = REAL(eventfd)(0, 0);

	mpg_private_close(fd);
	ck_assert(is_open(fd));
}
END_TEST

START_TEST(it_cannot_be_marked_or_asked_for_its_marks)
{
	int fd = adopt();

	ck_assert_int_eq(mpgreen_mark(fd, MPGREEN_ALWAYS), -EBADF);
	ck_assert_int_eq(mpgreen_unmark(fd), -EBADF);
	ck_assert_int_eq(mpgreen_marks(fd), -EBADF);
}
END_TEST

static int is_gone(void *fd)
{
	return is_open(*(int *)fd) || mpg_private_is(*(int *)fd);
}

START_TEST(a_fork_child_has_none_of_its_parents)
{
	int fd = adopt();

	ck_assert_int_eq(in_child(is_gone, &fd), 0);
	ck_assert(is_open(fd) && mpg_private_is(fd));
}
END_TEST

SUITE_OF(private, { a_private_fd_has_a_high_number_and_closes_on_exec, 0 },
	 { under_a_small_limit_it_takes_the_upper_half, 0 }, { the_number_it_had_is_free_again, 0 },
	 { what_could_not_be_made_is_not_adopted, 0 },
	 { with_no_number_left_the_fd_is_closed_and_errno_says_why, 0 },
	 { the_application_cannot_close_it, 0 },
	 { the_application_cannot_put_another_file_in_its_place, 0 },
	 { close_range_closes_all_but_it, 0 },
	 { close_range_that_begins_or_ends_at_it_spares_it, 0 }, { closefrom_closes_all_but_it, 0 },
	 { the_library_closes_it_and_the_number_means_nothing_more, 0 },
	 { closing_a_number_that_is_not_private_does_nothing, 0 },
	 { it_cannot_be_marked_or_asked_for_its_marks, 0 },
	 { a_fork_child_has_none_of_its_parents, 0 })
