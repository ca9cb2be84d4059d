/* SPDX-License-Identifier: MIT */
/* src/engine/stats.c: what is counted, and how much of it is handed out. */
#include "engine/stats.h"
#include "support.h"

static mpgreen_stats read_all(void)
{
	mpgreen_stats stats;

	ck_assert_int_eq(mpgreen_stats_read(&stats, sizeof(stats)), 0);
	return stats;
}

START_TEST(each_verdict_counts_as_what_it_is)
{
	static const int verdicts[] = { MPGREEN_READY, MPGREEN_TIMEOUT, MPGREEN_CANCELLED,
					MPGREEN_NATIVE };
	mpgreen_stats stats;
	uint64_t counts[4];

	mpg_stats_verdict(verdicts[_i]);
	stats = read_all();
	memcpy(counts, (uint64_t[]){ stats.ready, stats.timeouts, stats.cancelled, stats.native },
	       sizeof(counts));
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(counts[i], i == _i);
}
END_TEST

START_TEST(a_verdict_that_is_none_counts_as_native)
{
	mpg_stats_verdict(77);
	mpg_stats_verdict(-3);
	ck_assert_uint_eq(read_all().native, 2);
}
END_TEST

START_TEST(the_other_counts_are_handed_out_in_their_places)
{
	mpg_stats_count(woken);
	mpg_stats_count(waits);
	for (int i = 0; i < 2; i++)
		mpg_stats_count(yields);
	for (int i = 0; i < 3; i++)
		mpg_stats_count(worked);
	ck_assert_uint_eq(read_all().woken, 1);
	ck_assert_uint_eq(read_all().waits, 1);
	ck_assert_uint_eq(read_all().yields, 2);
	ck_assert_uint_eq(read_all().worked, 3);
}
END_TEST

START_TEST(a_caller_that_knows_fewer_counts_gets_those)
{
	uint64_t two[2] = { 9, 9 };

	mpg_stats_count(waits);
	ck_assert_int_eq(mpgreen_stats_read((mpgreen_stats *)two, sizeof(two[0])), 0);
	ck_assert_uint_eq(two[0], 1);
	ck_assert_uint_eq(two[1], 9);
}
END_TEST

START_TEST(a_caller_that_knows_more_counts_gets_zeros_for_them)
{
	struct {
		mpgreen_stats known;
		uint64_t unknown;
	} stats = { .unknown = 9 };

	ck_assert_int_eq(mpgreen_stats_read(&stats.known, sizeof(stats)), 0);
	ck_assert_uint_eq(stats.unknown, 0);
}
END_TEST

START_TEST(no_place_to_put_the_counts_is_refused)
{
	errno = ENOANO;
	ck_assert_int_eq(mpgreen_stats_read(NULL, sizeof(mpgreen_stats)), -EINVAL);
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

static int waits_of_child(void *unused)
{
	(void)unused;
	return (int)read_all().waits;
}

START_TEST(a_fork_child_counts_from_zero)
{
	mpg_stats_count(waits);
	ck_assert_int_eq(in_child(waits_of_child, NULL), 0);
	ck_assert_uint_eq(read_all().waits, 1);
}
END_TEST

SUITE_OF(stats, { each_verdict_counts_as_what_it_is, 4 },
	 { a_verdict_that_is_none_counts_as_native, 0 },
	 { the_other_counts_are_handed_out_in_their_places, 0 },
	 { a_caller_that_knows_fewer_counts_gets_those, 0 },
	 { a_caller_that_knows_more_counts_gets_zeros_for_them, 0 },
	 { no_place_to_put_the_counts_is_refused, 0 }, { a_fork_child_counts_from_zero, 0 })
