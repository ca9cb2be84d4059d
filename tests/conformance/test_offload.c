/* SPDX-License-Identifier: MIT */
/* mpgreen_offload(): on plain threads a call, in the green ways one that lets others run. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

#define OFFLOAD(signature, function, result, ...) \
	mpgreen_offload(signature, (void (*)(void))(function), result, (void *[]){ __VA_ARGS__ }, 0)

static bool available(void)
{
	return mpgreen_offload("int getpid()", (void (*)(void))getpid, NULL, NULL, 0) != -ENOSYS;
}

static size_t await_and_copy(char *to, const char *from, size_t size)
{
	char byte;

	ck_assert_int_eq(read(fd[0], &byte, 1), 1);
	strncpy(to, from, size);
	return strlen(from);
}

static void let_end(void)
{
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
}

START_TEST(others_go_on_while_a_function_runs)
{
	char text[8] = "", *to = text;
	const char *from = "hallo";
	size_t length = 0, size = sizeof(text);

	if (!available())
		return;
	open_pipe(fd);
	count_waits_anew();
	other_side(_i, let_end);
	OK(0,
	   OFFLOAD("size_t f(out[n], str, size_t n)", await_and_copy, &length, &to, &from, &size));
	ck_assert_uint_eq(length, 5);
	ck_assert_str_eq(text, "hallo");
	assert_waited();
}
END_TEST

/* As crypt() does: what it returns lies in memory that the next call uses again. */
static const char *describe(int n)
{
	static char text[16];

	strcpy(text, "?");
	usleep(1000);
	text[0] = (char)('a' + n);
	return text;
}

static int described;

static void describe_often(void)
{
	for (int i = 0; i < 10; i++) {
		int n = described++ % 26;
		const char *text;

		OK(0, OFFLOAD("ptr describe(int)", describe, &text, &n));
		ck_assert(text[0] == 'a' + n && !text[1]);
	}
}

START_TEST(fibers_have_their_own_result_of_a_function_with_static_memory)
{
	if (!available())
		return;
	for (int i = 0; way == FIBERS && i < 3; i++)
		fibers_spawn(describe_often);
	describe_often();
	if (way == FIBERS)
		fibers_join();
}
END_TEST

START_TEST(errors_of_the_function_are_in_errno)
{
	ssize_t n = 0;
	int bad = minus_one;
	char byte, *to = &byte;
	size_t size = 1;

	if (!available())
		return;
	errno = 0;
	ck_assert_int_eq(OFFLOAD("ssize_t read(int, out[n], size_t n)", read, &n, &bad, &to, &size),
			 0);
	ck_assert_int_eq(n, -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(what_is_no_signature_is_refused)
{
	void (*function)(void) = (void (*)(void))getpid;

	if (!available())
		return;
	count_waits_anew();
	OK(-EINVAL, mpgreen_offload(NULL, function, NULL, NULL, 0));
	OK(-EINVAL, mpgreen_offload("int getpid(", function, NULL, NULL, 0));
	OK(-EINVAL, mpgreen_offload("int getpid()", NULL, NULL, NULL, 0));
	OK(-EINVAL, mpgreen_offload("int getpid(int)", function, NULL, NULL, 0));
	OK(-EINVAL, mpgreen_offload("int getpid()", function, NULL, NULL, 1));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

Suite *offload_suite(void)
{
	Suite *suite = suite_create("offload");
	TCase *tcase = way_case(suite, "offload");

	each_side(tcase, others_go_on_while_a_function_runs);
	tcase_add_test(tcase, fibers_have_their_own_result_of_a_function_with_static_memory);
	tcase_add_test(tcase, errors_of_the_function_are_in_errno);
	tcase_add_test(tcase, what_is_no_signature_is_refused);
	return suite;
}
