/* SPDX-License-Identifier: MIT */
/*
 * mpgreen.h: what each function answers, to bad input above all. In the green ways a scheduler is
 * attached already, and the scripted one of these tests nests in it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static char buf[16];
static int answer, answer_errno, asked, silent;
static mpgreen_wait last;

static void say_hello(void)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
}

static int give_answer(void *self, const mpgreen_wait *what)
{
	ck_assert_ptr_eq(self, buf);
	last = *what;
	asked++;
	errno = answer_errno;
	if (answer == MPGREEN_READY && silent-- <= 0)
		say_hello();
	return answer;
}

static const mpgreen_scheduler scripted = { .abi = MPGREEN_ABI, .wait = give_answer };

/* The return value comes back and errno is left alone. */
#define RETURNS(expected, call) OK(expected, call)

START_TEST(attach_refuses_what_is_no_scheduler)
{
	mpgreen_scheduler bad = scripted;

	RETURNS(-EINVAL, mpgreen_attach(NULL, NULL));
	bad.abi = 0;
	RETURNS(-EINVAL, mpgreen_attach(&bad, buf));
	bad.abi = MPGREEN_ABI + 1;
	RETURNS(-EPROTONOSUPPORT, mpgreen_attach(&bad, buf));
	bad.abi = UINT32_MAX;
	RETURNS(-EPROTONOSUPPORT, mpgreen_attach(&bad, buf));
	bad.abi = MPGREEN_ABI;
	bad.wait = NULL;
	RETURNS(-EINVAL, mpgreen_attach(&bad, buf));
}
END_TEST

START_TEST(attaching_twice_is_refused)
{
	RETURNS(0, mpgreen_attach(&scripted, buf));
	RETURNS(-EALREADY, mpgreen_attach(&scripted, buf));
	RETURNS(0, mpgreen_detach());
	RETURNS(0, mpgreen_attach(&scripted, buf));
	RETURNS(0, mpgreen_detach());
}
END_TEST

START_TEST(attaching_nests_eight_deep)
{
	int n = 0;

	while (n < 20 && mpgreen_attach(&scripted, &buf[n]) == 0)
		n++;
	ck_assert_int_ge(n, 7);
	ck_assert_int_le(n, 8);
	RETURNS(-ENOBUFS, mpgreen_attach(&scripted, &buf[15]));
	while (n-- > 0)
		RETURNS(0, mpgreen_detach());
}
END_TEST

START_TEST(detach_without_attach_is_refused)
{
	RETURNS(-ENOENT, mpgreen_detach());
}
END_TEST

START_TEST(the_structure_is_copied)
{
	mpgreen_scheduler copy = scripted;

	open_pipe(fd);
	RETURNS(0, mpgreen_attach(&copy, buf));
	memset(&copy, 0, sizeof(copy));
	answer = MPGREEN_READY;
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_eq(asked, 1);
	RETURNS(0, mpgreen_detach());
}
END_TEST

START_TEST(wait_is_told_what_is_waited_for)
{
	open_unix(fd);
	set_timeout(fd[0], SO_RCVTIMEO, 5000);
	RETURNS(0, mpgreen_attach(&scripted, buf));
	answer = MPGREEN_READY;
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
	ck_assert_int_eq(last.fd, fd[0]);
	ck_assert_int_eq(last.events, 1);
	ck_assert_int_eq(last.attempt, 0);
	ck_assert_str_eq(last.call, "recv");
	ck_assert_double_gt(last.deadline_ns / 1e6, now_ms() + 4000);
	ck_assert_double_lt(last.deadline_ns / 1e6, now_ms() + 5100);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_str_eq(last.call, "read");
	set_timeout(fd[0], SO_RCVTIMEO, 0);
	OK(5, recv(fd[0], buf, sizeof(buf), 0));
	ck_assert_int_eq(last.deadline_ns, MPGREEN_FOREVER);
	answer = MPGREEN_TIMEOUT;
	OK(0, usleep(1000));
	ck_assert_int_eq(last.fd, -1);
	ck_assert_int_eq(last.events, 0);
	RETURNS(0, mpgreen_detach());
}
END_TEST

START_TEST(a_cancelled_call_fails_with_the_scheduler_s_errno)
{
	open_kind(_i);
	RETURNS(0, mpgreen_attach(&scripted, buf));
	answer = MPGREEN_CANCELLED;
	answer_errno = ECANCELED;
	FAILS(ECANCELED, read(fd[0], buf, sizeof(buf)));
	answer_errno = EINTR;
	FAILS(EINTR, read(fd[0], buf, sizeof(buf)));
	FAILS(EINTR, usleep(1000000));
	ck_assert_int_eq(asked, 3);
	RETURNS(0, mpgreen_detach());
}
END_TEST

static void assert_native(void)
{
	int before = asked;

	other_side(0, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_eq(asked, before + 1);
	other_side_join();
}

START_TEST(NATIVE_and_an_unknown_answer_block_the_thread)
{
	open_kind(_i);
	RETURNS(0, mpgreen_attach(&scripted, buf));
	answer = MPGREEN_NATIVE;
	assert_native();
	answer = 4711;
	assert_native();
	answer = -4711;
	assert_native();
	RETURNS(0, mpgreen_detach());
}
END_TEST

START_TEST(a_spurious_READY_does_no_harm)
{
	open_kind(_i);
	answer = MPGREEN_READY;
	silent = 1000;
	RETURNS(0, mpgreen_attach(&scripted, buf));
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_eq(asked, 1001);
	ck_assert_int_gt(last.attempt, 0);
	RETURNS(0, mpgreen_detach());
}
END_TEST

START_TEST(a_native_section_blocks_the_thread)
{
	int outer, inner;

	open_kind(_i);
	RETURNS(0, mpgreen_attach(&scripted, buf));
	outer = mpgreen_native_enter();
	inner = mpgreen_native_enter();
	ck_assert(outer >= 0 && inner >= 0);
	mpgreen_native_leave(inner);
	other_side(0, say_hello);
	OK(5, read(fd[0], buf, sizeof(buf)));
	OK(0, usleep(100));
	ck_assert_int_eq(asked, 0);
	mpgreen_native_leave(outer);
	answer = MPGREEN_READY;
	OK(5, read(fd[0], buf, sizeof(buf)));
	ck_assert_int_eq(asked, 1);
	RETURNS(0, mpgreen_detach());
}
END_TEST

START_TEST(a_closed_or_impossible_fd_is_refused)
{
	static const int impossible[] = { -1, -4711, 1 << 30, INT32_MAX };

	open_pipe(fd);
	close(fd[0]);
	for (int i = 0; i < 5; i++) {
		int bad = i < 4 ? impossible[i] : fd[0];

		RETURNS(-EBADF, mpgreen_mark(bad, 0));
		RETURNS(-EBADF, mpgreen_unmark(bad));
		RETURNS(-EBADF, mpgreen_marks(bad));
	}
	RETURNS(-EBADF, mpgreen_wake(-1, EIO));
	RETURNS(-EINVAL, mpgreen_wake(fd[1], 0));
	RETURNS(-EINVAL, mpgreen_wake(fd[1], -5));
	RETURNS(0, mpgreen_wake(fd[1], EIO));
	RETURNS(-EINVAL, mpgreen_mark(fd[1], 64));
	RETURNS(-EPERM, mpgreen_mark(open("/proc/self/exe", O_RDONLY), 0));
}
END_TEST

START_TEST(statistics_fit_what_is_asked_for)
{
	mpgreen_stats stats;
	struct {
		mpgreen_stats known;
		uint64_t unknown;
	} more;

	RETURNS(-EINVAL, mpgreen_stats_read(NULL, sizeof(stats)));
	memset(&stats, 0x55, sizeof(stats));
	RETURNS(0, mpgreen_stats_read(&stats, 8));
	ck_assert_uint_eq(stats.ready, 0x5555555555555555);
	memset(&more, 0x55, sizeof(more));
	RETURNS(0, mpgreen_stats_read((mpgreen_stats *)&more, sizeof(more)));
	ck_assert_uint_eq(more.unknown, 0);
	RETURNS(0, mpgreen_stats_read(&stats, 0));
}
END_TEST

START_TEST(statistics_count_each_answer)
{
	mpgreen_stats before, after;

	open_pipe(fd);
	RETURNS(0, mpgreen_attach(&scripted, buf));
	mpgreen_stats_read(&before, sizeof(before));
	answer = MPGREEN_READY;
	OK(5, read(fd[0], buf, sizeof(buf)));
	answer = MPGREEN_CANCELLED;
	answer_errno = EINTR;
	FAILS(EINTR, read(fd[0], buf, sizeof(buf)));
	answer = MPGREEN_NATIVE;
	assert_native();
	mpgreen_stats_read(&after, sizeof(after));
	ck_assert_uint_eq(after.waits, before.waits + 3);
	ck_assert_uint_eq(after.ready, before.ready + 1);
	ck_assert_uint_eq(after.cancelled, before.cancelled + 1);
	ck_assert_uint_eq(after.native, before.native + 1);
	RETURNS(0, mpgreen_detach());
}
END_TEST

START_TEST(the_version_is_the_one_that_was_built)
{
	ck_assert_str_eq(mpgreen_version(), LIBRARY_VERSION);
}
END_TEST

Suite *api_suite(void)
{
	Suite *suite = suite_create("api");
	TCase *tcase = way_case(suite, "api");

	tcase_add_test(tcase, attach_refuses_what_is_no_scheduler);
	tcase_add_test(tcase, attaching_twice_is_refused);
	tcase_add_test(tcase, attaching_nests_eight_deep);
	tcase_add_test(tcase, a_closed_or_impossible_fd_is_refused);
	tcase_add_test(tcase, statistics_fit_what_is_asked_for);
	tcase_add_test(tcase, the_version_is_the_one_that_was_built);
	if (!green()) {
		tcase_add_test(tcase, detach_without_attach_is_refused);
		return suite;
	}
	tcase_add_test(tcase, the_structure_is_copied);
	tcase_add_test(tcase, wait_is_told_what_is_waited_for);
	tcase_add_test(tcase, statistics_count_each_answer);
	each_kind(tcase, a_cancelled_call_fails_with_the_scheduler_s_errno, 0);
	each_kind(tcase, NATIVE_and_an_unknown_answer_block_the_thread, 0);
	each_kind(tcase, a_spurious_READY_does_no_harm, 0);
	each_kind(tcase, a_native_section_blocks_the_thread, 0);
	return suite;
}
