/* SPDX-License-Identifier: MIT */
/* src/calls/iovec.c: what is left of a vector after part of it has been moved. */
#include "calls/iovec.h"
#include "support.h"

static char a[3], b[5], c[2];
static const struct iovec three[] = { { a, 3 }, { b, 5 }, { c, 2 } };
static const struct iovec holes[] = { { a, 0 }, { a, 3 }, { NULL, 0 }, { b, 5 }, { c, 0 } };

START_TEST(the_length_is_that_of_all_pieces)
{
	ck_assert_uint_eq(mpg_iovec_length(three, 3), 10);
	ck_assert_uint_eq(mpg_iovec_length(three, 0), 0);
	ck_assert_uint_eq(mpg_iovec_length(holes, 5), 8);
}
END_TEST

START_TEST(the_total_is_what_there_was_at_first)
{
	MPG_IOVEC(rest, three, 3);

	ck_assert_uint_eq(mpg_iovec_total(&rest), 10);
	ck_assert(mpg_iovec_advance(&rest, 4));
	ck_assert_uint_eq(mpg_iovec_total(&rest), 10);
}
END_TEST

START_TEST(nothing_moved_leaves_the_applications_own_vector)
{
	MPG_IOVEC(rest, three, 3);

	ck_assert(mpg_iovec_advance(&rest, 0) && mpg_iovec_advance(&rest, -1));
	ck_assert_ptr_eq(rest.iov, three);
	ck_assert_int_eq(rest.n, 3);
}
END_TEST

/* However far: what is left begins at that byte and ends at the last; the original is untouched. */
START_TEST(what_is_left_begins_where_the_moved_part_ended)
{
	const struct iovec before[3] = { three[0], three[1], three[2] };
	MPG_IOVEC(rest, three, 3);
	char *expected = _i < 3 ? a + _i : _i < 8 ? b + _i - 3 : c + _i - 8;

	ck_assert(mpg_iovec_advance(&rest, _i));
	ck_assert_ptr_eq(rest.iov[0].iov_base, expected);
	ck_assert_uint_eq(mpg_iovec_length(rest.iov, rest.n), 10 - (size_t)_i);
	ck_assert_mem_eq(three, before, sizeof(before));
}
END_TEST

START_TEST(many_steps_lead_where_one_does)
{
	MPG_IOVEC(rest, three, 3);

	for (int i = 0; i < 9; i++)
		ck_assert(mpg_iovec_advance(&rest, 1));
	ck_assert_int_eq(rest.n, 1);
	ck_assert_ptr_eq(rest.iov->iov_base, c + 1);
	ck_assert_uint_eq(rest.iov->iov_len, 1);
}
END_TEST

START_TEST(when_all_is_moved_nothing_is_left)
{
	MPG_IOVEC(rest, three, 3);
	MPG_IOVEC(with_holes, holes, 5);

	ck_assert(mpg_iovec_advance(&rest, 10) && mpg_iovec_advance(&with_holes, 8));
	ck_assert_int_eq(rest.n, 0);
	ck_assert_int_eq(with_holes.n, 0);
}
END_TEST

START_TEST(empty_pieces_are_stepped_over)
{
	MPG_IOVEC(rest, holes, 5);

	ck_assert(mpg_iovec_advance(&rest, 3));
	ck_assert_ptr_eq(rest.iov->iov_base, b);
	ck_assert_int_eq(rest.n, 2);
}
END_TEST

START_TEST(a_single_piece_needs_no_memory)
{
	MPG_IOVEC(rest, three, 1);

	ck_assert(mpg_iovec_advance(&rest, 1));
	ck_assert_ptr_eq(rest.copy, &rest.one);
	ck_assert_ptr_eq(rest.iov->iov_base, a + 1);
	ck_assert_uint_eq(rest.iov->iov_len, 2);
}
END_TEST

SUITE_OF(iovec, { the_length_is_that_of_all_pieces, 0 },
	 { the_total_is_what_there_was_at_first, 0 },
	 { nothing_moved_leaves_the_applications_own_vector, 0 },
	 { what_is_left_begins_where_the_moved_part_ended, 10 },
	 { many_steps_lead_where_one_does, 0 }, { when_all_is_moved_nothing_is_left, 0 },
	 { empty_pieces_are_stepped_over, 0 }, { a_single_piece_needs_no_memory, 0 })
