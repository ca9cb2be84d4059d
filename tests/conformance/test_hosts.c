/* SPDX-License-Identifier: MIT */
/*
 * gethostbyname, gethostbyname2, gethostbyaddr, and their forms that are given a buffer.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

#include "fibers.h"
#include "mpgreen.h"
#include "nameserver.h"
#include "suites.h"
#include "way.h"

static struct hostent record, *result;
static char buf[1024];
static struct in_addr address;
static int h_error;

static void begin_with_server(void)
{
	name_server_start();
	inet_pton(AF_INET, SERVER_ADDRESS, &address);
	h_error = -5;
}

static struct hostent *by_name(const char *name)
{
	return gethostbyname(name);
}

static struct hostent *by_name2(const char *name)
{
	return gethostbyname2(name, AF_INET);
}

static struct hostent *by_address(const char *name)
{
	(void)name;
	return gethostbyaddr(&address, sizeof(address), AF_INET);
}

static int by_name_r(const char *name, size_t size)
{
	return gethostbyname_r(name, &record, buf, size, &result, &h_error);
}

static int by_name2_r(const char *name, size_t size)
{
	return gethostbyname2_r(name, AF_INET, &record, buf, size, &result, &h_error);
}

static int by_address_r(const char *name, size_t size)
{
	(void)name;
	return gethostbyaddr_r(&address, sizeof(address), AF_INET, &record, buf, size, &result,
			       &h_error);
}

static const struct {
	struct hostent *(*get)(const char *name);
	int (*get_r)(const char *name, size_t size);
} forms[] = {
	{ by_name, by_name_r },
	{ by_name2, by_name2_r },
	{ by_address, by_address_r },
};

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static void assert_found(const struct hostent *host)
{
	ck_assert_ptr_nonnull(host);
	ck_assert_str_eq(host->h_name, SERVER_NAME);
	ck_assert_ptr_null(host->h_aliases[0]);
	ck_assert_int_eq(host->h_addrtype, AF_INET);
	ck_assert_int_eq(host->h_length, sizeof(address));
	ck_assert_mem_eq(host->h_addr_list[0], &address, sizeof(address));
	ck_assert_ptr_null(host->h_addr_list[1]);
}

START_TEST(each_waits_for_a_late_answer)
{
	begin_with_server();
	other_side(_i, answer_a_question);
	assert_found(forms[_i / other_sides()].get(SERVER_NAME));
	assert_waited();
}
END_TEST

static bool lies_in_buf(const void *at)
{
	return (const char *)at >= buf && (const char *)at < buf + sizeof(buf);
}

START_TEST(each_fills_the_buffer_that_it_is_given)
{
	begin_with_server();
	other_side(_i, answer_a_question);
	ck_assert_int_eq(forms[_i / other_sides()].get_r(SERVER_NAME, sizeof(buf)), 0);
	assert_waited();
	ck_assert_ptr_eq(result, &record);
	assert_found(result);
	ck_assert(lies_in_buf(record.h_name));
	ck_assert(lies_in_buf(record.h_aliases));
	ck_assert(lies_in_buf(record.h_addr_list));
	ck_assert(lies_in_buf(record.h_addr_list[0]));
}
END_TEST

START_TEST(a_buffer_that_is_too_small_is_ERANGE)
{
	begin_with_server();
	memset(buf, 'x', sizeof(buf));
	other_side(_i, answer_a_question);
	errno = 0;
	ck_assert_int_eq(forms[_i / other_sides()].get_r(SERVER_NAME, 24), ERANGE);
	ck_assert_int_eq(h_error, NETDB_INTERNAL);
	ck_assert_ptr_null(result);
	ck_assert_int_eq(buf[24], 'x');
	/* libc may have said so before it asked. */
	if (questions == 0)
		gethostbyname(SERVER_NAME);
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_told_by_h_errno)
{
	begin_with_server();
	other_side(_i, answer_a_question);
	h_errno = 0;
	ck_assert_ptr_null(gethostbyname("nowhere.test"));
	ck_assert_int_eq(h_errno, HOST_NOT_FOUND);
	other_side_join();
	other_side(_i, answer_a_question);
	ck_assert_int_eq(by_name_r("nowhere.test", sizeof(buf)), 0);
	ck_assert_ptr_null(result);
	ck_assert_int_eq(h_error, HOST_NOT_FOUND);
	other_side_join();
	other_side(_i, answer_a_question);
	ck_assert_ptr_null(gethostbyname2("empty.test", AF_INET));
	ck_assert_int_eq(h_errno, NO_DATA);
}
END_TEST

static void answer_three_times(void)
{
	for (int i = 0; i < 3; i++)
		answer_a_question();
}

START_TEST(a_record_stands_until_the_next_call_of_its_thread)
{
	struct hostent *first;

	begin_with_server();
	other_side(_i, answer_three_times);
	first = gethostbyname(SERVER_NAME);
	assert_found(first);
	ck_assert_int_eq(by_name_r("other.test", sizeof(buf)), 0);
	assert_found(first);
	ck_assert_ptr_eq(gethostbyname("other.test"), first);
	ck_assert_str_eq(first->h_name, "other.test");
}
END_TEST

START_TEST(an_address_in_digits_is_answered_at_once)
{
	begin_with_server();
	ck_assert_mem_eq(gethostbyname(SERVER_ADDRESS)->h_addr_list[0], &address, sizeof(address));
	ck_assert_ptr_nonnull(gethostbyname2("::1", AF_INET6));
	ck_assert_int_eq(by_name_r(SERVER_ADDRESS, sizeof(buf)), 0);
	ck_assert_mem_eq(record.h_addr_list[0], &address, sizeof(address));
	ck_assert_int_eq(by_name2_r(SERVER_ADDRESS, sizeof(buf)), 0);
	ck_assert_ptr_null(gethostbyaddr(&address, 3, AF_INET));
	ck_assert_int_eq(waits(), 0);
	ck_assert_uint_eq(questions, 0);
}
END_TEST

START_TEST(one_that_is_given_up_tells_by_errno)
{
	if (way != FIBERS)
		return;
	begin_with_server();
	fibers_answer(MPGREEN_CANCELLED, EINTR);
	errno = h_errno = 0;
	ck_assert_ptr_null(gethostbyname(SERVER_NAME));
	ck_assert_int_eq(errno, EINTR);
	ck_assert_int_eq(h_errno, NETDB_INTERNAL);
	ck_assert_int_eq(by_name_r(SERVER_NAME, sizeof(buf)), EINTR);
	ck_assert_ptr_null(result);
	ck_assert_int_eq(h_error, NETDB_INTERNAL);
	fibers_answer(0, 0);
}
END_TEST

Suite *hosts_suite(void)
{
	Suite *suite = suite_create("hosts");
	TCase *tcase = way_case(suite, "hosts");

	each_row(tcase, each_waits_for_a_late_answer, FORMS);
	each_row(tcase, each_fills_the_buffer_that_it_is_given, FORMS);
	each_row(tcase, a_buffer_that_is_too_small_is_ERANGE, FORMS);
	each_side(tcase, a_name_that_does_not_exist_is_told_by_h_errno);
	each_side(tcase, a_record_stands_until_the_next_call_of_its_thread);
	tcase_add_test(tcase, an_address_in_digits_is_answered_at_once);
	tcase_add_test(tcase, one_that_is_given_up_tells_by_errno);
	return suite;
}
