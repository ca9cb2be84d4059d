/* SPDX-License-Identifier: MIT */
/*
 * res_query and its relatives: the answer of the name server as it is.
 */
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <string.h>

#include "fibers.h"
#include "mpgreen.h"
#include "nameserver.h"
#include "suites.h"
#include "way.h"

/* Older headers call them by these names, newer ones have no word of them. */
#undef res_query
#undef res_search
#undef res_querydomain
#undef res_send
#undef res_nquery
#undef res_nsearch
#undef res_nquerydomain
#undef res_nsend
#define DECLARE_QUERY(name) int name(const char *, int, int, unsigned char *, int)
#define DECLARE_QUERYDOMAIN(name) \
	int name(const char *, const char *, int, int, unsigned char *, int)
#define DECLARE_SEND(name) int name(const unsigned char *, int, unsigned char *, int)
#define DECLARE_NQUERY(name) int name(res_state, const char *, int, int, unsigned char *, int)
#define DECLARE_NQUERYDOMAIN(name) \
	int name(res_state, const char *, const char *, int, int, unsigned char *, int)
#define DECLARE_NSEND(name) int name(res_state, const unsigned char *, int, unsigned char *, int)
DECLARE_QUERY(res_query);
DECLARE_QUERY(__res_query);
DECLARE_QUERY(res_search);
DECLARE_QUERY(__res_search);
DECLARE_QUERYDOMAIN(res_querydomain);
DECLARE_QUERYDOMAIN(__res_querydomain);
DECLARE_SEND(res_send);
DECLARE_SEND(__res_send);
DECLARE_NQUERY(res_nquery);
DECLARE_NQUERY(__res_nquery);
DECLARE_NQUERY(res_nsearch);
DECLARE_NQUERY(__res_nsearch);
DECLARE_NQUERYDOMAIN(res_nquerydomain);
DECLARE_NQUERYDOMAIN(__res_nquerydomain);
DECLARE_NSEND(res_nsend);
DECLARE_NSEND(__res_nsend);

enum { TEXT = ns_t_txt, IN = ns_c_in };

static unsigned char answer[512], packet[512];
static struct __res_state state;
static int packet_len;

/* Each asks the same; those with a state ask whom it names. */
#define FORM(name, ...) \
	static int by_##name(int size) \
	{ \
		return name(__VA_ARGS__, answer, size); \
	}
FORM(res_query, "late.test", IN, TEXT)
FORM(__res_query, "late.test", IN, TEXT)
FORM(res_search, "late.test", IN, TEXT)
FORM(__res_search, "late.test", IN, TEXT)
FORM(res_querydomain, "late", "test", IN, TEXT)
FORM(__res_querydomain, "late", "test", IN, TEXT)
FORM(res_send, packet, packet_len)
FORM(__res_send, packet, packet_len)
FORM(res_nquery, &state, "late.test", IN, TEXT)
FORM(__res_nquery, &state, "late.test", IN, TEXT)
FORM(res_nsearch, &state, "late.test", IN, TEXT)
FORM(__res_nsearch, &state, "late.test", IN, TEXT)
FORM(res_nquerydomain, &state, "late", "test", IN, TEXT)
FORM(__res_nquerydomain, &state, "late", "test", IN, TEXT)
FORM(res_nsend, &state, packet, packet_len)
FORM(__res_nsend, &state, packet, packet_len)

enum { OWN = 8, FORMS = 16 };

static int (*const forms[FORMS])(int size) = {
	/* By `_res`; */
	by_res_query, by___res_query, by_res_search, by___res_search, by_res_querydomain,
	by___res_querydomain, by_res_send, by___res_send,
	/* by a state of the caller's. */
	by_res_nquery, by___res_nquery, by_res_nsearch, by___res_nsearch, by_res_nquerydomain,
	by___res_nquerydomain, by_res_nsend, by___res_nsend
};

static void begin_with_server(int form)
{
	name_server_start();
	packet_len =
		res_mkquery(QUERY, "late.test", IN, TEXT, NULL, 0, NULL, packet, sizeof(packet));
	ck_assert_int_gt(packet_len, 0);
	if (form < OWN)
		return;
	ck_assert_int_eq(res_ninit(&state), 0);
	state.nscount = 1;
	state.nsaddr_list[0] = _res.nsaddr_list[0];
	state.retrans = 60;
	_res.nscount = 0;
}

static void assert_answered(int len)
{
	ns_msg message;
	ns_rr record;

	ck_assert_int_gt(len, NS_HFIXEDSZ);
	ck_assert_int_eq(ns_initparse(answer, len, &message), 0);
	ck_assert_int_eq(ns_msg_count(message, ns_s_an), 1);
	ck_assert_int_eq(ns_parserr(&message, ns_s_an, 0, &record), 0);
	ck_assert_str_eq(ns_rr_name(record), "late.test");
	ck_assert_int_eq(ns_rr_type(record), TEXT);
	ck_assert_mem_eq(ns_rr_rdata(record), "\4text", 5);
}

START_TEST(each_waits_for_a_late_answer)
{
	int form = _i / other_sides();

	begin_with_server(form);
	answer[sizeof(answer) - 1] = 'x';
	other_side(_i, answer_a_question);
	assert_answered(forms[form](sizeof(answer)));
	ck_assert_uint_eq(answer[sizeof(answer) - 1], 'x');
	assert_waited();
	if (form >= OWN)
		res_nclose(&state);
}
END_TEST

START_TEST(what_has_no_answer_is_told_by_h_errno)
{
	begin_with_server(OWN);
	_res.nscount = 1;
	other_side(_i, answer_a_question);
	h_errno = 0;
	ck_assert_int_eq(res_query("nowhere.test", IN, TEXT, answer, sizeof(answer)), -1);
	ck_assert_int_eq(h_errno, HOST_NOT_FOUND);
	ck_assert_int_eq(_res.res_h_errno, HOST_NOT_FOUND);
	other_side_join();
	other_side(_i, answer_a_question);
	ck_assert_int_eq(res_nquery(&state, "empty.test", IN, TEXT, answer, sizeof(answer)), -1);
	ck_assert_int_eq(h_errno, NO_DATA);
	ck_assert_int_eq(state.res_h_errno, NO_DATA);
	/* And the answer is there all the same. */
	ck_assert_int_eq(((HEADER *)answer)->rcode, NOERROR);
	ck_assert_int_eq(((HEADER *)answer)->qr, 1);
	res_nclose(&state);
}
END_TEST

START_TEST(an_answer_that_does_not_fit_is_cut)
{
	unsigned char guard = answer[20];

	begin_with_server(0);
	other_side(_i, answer_a_question);
	ck_assert_int_lt(res_send(packet, packet_len, answer, 20), 512);
	ck_assert_uint_eq(answer[20], guard);
}
END_TEST

START_TEST(one_that_is_given_up_tells_by_errno)
{
	if (way != FIBERS)
		return;
	begin_with_server(0);
	fibers_answer(MPGREEN_CANCELLED, EINTR);
	FAILS(EINTR, res_query("late.test", IN, TEXT, answer, sizeof(answer)));
	ck_assert_int_eq(h_errno, NETDB_INTERNAL);
	fibers_answer(0, 0);
}
END_TEST

Suite *query_suite(void)
{
	Suite *suite = suite_create("query");
	TCase *tcase = way_case(suite, "query");

	each_row(tcase, each_waits_for_a_late_answer, FORMS);
	each_side(tcase, what_has_no_answer_is_told_by_h_errno);
	each_side(tcase, an_answer_that_does_not_fit_is_cut);
	tcase_add_test(tcase, one_that_is_given_up_tells_by_errno);
	return suite;
}
