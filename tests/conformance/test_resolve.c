/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo, getnameinfo: a name server that answers late, and what needs none.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "nameserver.h"
#include "signals.h"
#include "suites.h"
#include "way.h"

static const struct addrinfo tcp4 = { .ai_family = AF_INET,
				      .ai_socktype = SOCK_STREAM,
				      .ai_flags = AI_CANONNAME };

static struct addrinfo *list;

static const char *address_of(const struct addrinfo *info)
{
	static char text[INET_ADDRSTRLEN];

	return inet_ntop(AF_INET, &((struct sockaddr_in *)info->ai_addr)->sin_addr, text,
			 sizeof(text));
}

static void assert_found(void)
{
	ck_assert_ptr_nonnull(list);
	ck_assert_int_eq(list->ai_family, AF_INET);
	ck_assert_int_eq(list->ai_socktype, SOCK_STREAM);
	ck_assert_int_eq(list->ai_protocol, IPPROTO_TCP);
	ck_assert_uint_eq(list->ai_addrlen, sizeof(struct sockaddr_in));
	ck_assert_str_eq(address_of(list), SERVER_ADDRESS);
	ck_assert_int_eq(ntohs(((struct sockaddr_in *)list->ai_addr)->sin_port), 80);
	ck_assert_ptr_null(list->ai_next);
	freeaddrinfo(list);
	list = NULL;
}

START_TEST(getaddrinfo_waits_for_a_late_answer)
{
	name_server_start();
	other_side(_i, answer_a_question);
	ck_assert_int_eq(getaddrinfo("www.test", "80", &tcp4, &list), 0);
	assert_waited();
	ck_assert_str_eq(asked.name, "www.test");
	ck_assert_str_eq(list->ai_canonname, "www.test");
	assert_found();
}
END_TEST

static void answer_two_questions(void)
{
	answer_a_question();
	answer_a_question();
}

START_TEST(without_hints_both_kinds_of_address_are_found)
{
	int of[2] = { 0, 0 };

	name_server_start();
	other_side(_i, answer_two_questions);
	ck_assert_int_eq(getaddrinfo("www.test", NULL, NULL, &list), 0);
	for (struct addrinfo *info = list; info; info = info->ai_next)
		of[info->ai_family == AF_INET6]++;
	ck_assert_int_gt(of[0], 0);
	ck_assert_int_eq(of[0], of[1]);
	freeaddrinfo(list);
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_an_error_and_gives_no_list)
{
	struct addrinfo untouched;

	name_server_start();
	list = &untouched;
	other_side(_i, answer_a_question);
	ck_assert_int_eq(getaddrinfo("nowhere.test", NULL, &tcp4, &list), EAI_NONAME);
	ck_assert_ptr_eq(list, &untouched);
	assert_waited();
	other_side_join();
	other_side(_i, answer_a_question);
	ck_assert_int_eq(getaddrinfo("empty.test", NULL, &tcp4, &list), EAI_NODATA);
}
END_TEST

static void assert_no_wait(void)
{
	ck_assert_uint_eq(waits(), 0);
	ck_assert_uint_eq(questions, 0);
}

START_TEST(what_is_no_name_is_answered_at_once)
{
	static const struct {
		const char *node, *service;
		int flags, family, result;
	} rows[] = {
		{ SERVER_ADDRESS, "80", 0, AF_INET, 0 },
		{ NULL, "80", AI_PASSIVE, AF_INET, 0 },
		{ "::1", "80", 0, AF_INET6, 0 },
		{ "fe80::1%lo", "80", 0, AF_INET6, 0 },
		{ "127.1", "80", 0, AF_INET, 0 },
		{ "late.test", "80", AI_NUMERICHOST, AF_INET, EAI_NONAME },
		{ SERVER_ADDRESS, "nothing", AI_NUMERICSERV, AF_INET, EAI_NONAME },
		{ NULL, NULL, 0, AF_INET, EAI_NONAME },
	};

	name_server_start();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addrinfo hints = { .ai_family = rows[i].family,
					  .ai_socktype = SOCK_STREAM,
					  .ai_flags = rows[i].flags };

		ck_assert_int_eq(getaddrinfo(rows[i].node, rows[i].service, &hints, &list),
				 rows[i].result);
		if (rows[i].result == 0)
			freeaddrinfo(list);
	}
	assert_no_wait();
}
END_TEST

START_TEST(wrong_arguments_are_refused_as_ever)
{
	struct addrinfo hints = { .ai_flags = -1 };

	name_server_start();
	ck_assert_int_eq(getaddrinfo("late.test", NULL, &hints, &list), EAI_BADFLAGS);
	hints = (struct addrinfo){ .ai_family = 12345 };
	ck_assert_int_eq(getaddrinfo("late.test", NULL, &hints, &list), EAI_FAMILY);
	hints = (struct addrinfo){ .ai_socktype = SOCK_STREAM };
	ck_assert_int_eq(getaddrinfo("late.test", "no such service", &hints, &list), EAI_SERVICE);
	ck_assert_uint_eq(questions, 0);
}
END_TEST

static void interrupt_and_answer(void)
{
	pthread_kill(test_thread(), SIGUSR1);
	UNTIL(signals > 0);
	answer_a_question();
}

START_TEST(a_signal_handler_does_not_end_it)
{
	name_server_start();
	catch_with(0);
	other_side(0, interrupt_and_answer);
	ck_assert_int_eq(getaddrinfo("www.test", "80", &tcp4, &list), 0);
	ck_assert_int_eq(signals, 1);
	assert_found();
}
END_TEST

static void answer_with_edns(void)
{
	answer_a_question();
	ck_assert_int_eq(asked.additional, 1);
}

START_TEST(the_options_of_the_thread_hold)
{
	name_server_start();
	_res.options |= RES_USE_EDNS0;
	other_side(_i, answer_with_edns);
	ck_assert_int_eq(getaddrinfo("www.test", "80", &tcp4, &list), 0);
	assert_found();
	other_side_join();
	/* The next one has them anew. */
	_res.options &= ~RES_USE_EDNS0;
	other_side(_i, answer_a_question);
	ck_assert_int_eq(getaddrinfo("www.test", "80", &tcp4, &list), 0);
	other_side_join();
	ck_assert_int_eq(asked.additional, 0);
	assert_found();
}
END_TEST

START_TEST(the_domains_of_the_thread_are_searched)
{
	static char domain[] = "set-by.test";

	name_server_start();
	_res.dnsrch[0] = domain;
	_res.dnsrch[1] = NULL;
	other_side(_i, answer_a_question);
	ck_assert_int_eq(getaddrinfo("www", "80", &tcp4, &list), 0);
	ck_assert_str_eq(asked.name, "www.set-by.test");
	assert_found();
}
END_TEST

START_TEST(a_thread_that_has_not_looked_up_anything_has_no_state_of_another)
{
	struct __res_state before;

	name_server_start();
	other_side(_i, answer_a_question);
	ck_assert_int_eq(getaddrinfo("www.test", "80", &tcp4, &list), 0);
	before = _res;
	assert_found();
	ck_assert_int_eq(_res.nscount, 1);
	ck_assert_uint_ne(_res.nsaddr_list[0].sin_port, htons(53));
	ck_assert_mem_eq(&_res.nsaddr_list, &before.nsaddr_list, sizeof(before.nsaddr_list));
}
END_TEST

enum { MANY = 4 };

static unsigned found;

static void look_up(void)
{
	struct addrinfo *mine;

	ck_assert_int_eq(getaddrinfo("www.test", "80", &tcp4, &mine), 0);
	ck_assert_str_eq(address_of(mine), SERVER_ADDRESS);
	freeaddrinfo(mine);
	found++;
}

/* Nobody is answered before all have asked. */
static void answer_many(void)
{
	struct name_question question[MANY];

	for (int i = 0; i < MANY; i++)
		name_server_take(&question[i]);
	for (int i = MANY - 1; i >= 0; i--)
		name_server_answer(&question[i]);
}

START_TEST(many_fibers_look_up_at_once)
{
	if (way != FIBERS)
		return;
	name_server_start();
	for (int i = 0; i < MANY; i++)
		fibers_spawn(look_up);
	fibers_spawn(answer_many);
	other_side_join();
	ck_assert_uint_eq(found, MANY);
}
END_TEST

/* The worker of the other one may not have begun, and does not, then. */
static void answer_until_it_is_www(void)
{
	do
		answer_a_question();
	while (strcmp(asked.name, "www.test") != 0);
}

START_TEST(one_that_is_given_up_ends_as_a_failed_call_does)
{
	struct addrinfo untouched;

	if (way != FIBERS)
		return;
	name_server_start();
	list = &untouched;
	fibers_answer(MPGREEN_CANCELLED, EINTR);
	errno = 0;
	ck_assert_int_eq(getaddrinfo("given-up.test", "80", &tcp4, &list), EAI_SYSTEM);
	ck_assert_int_eq(errno, EINTR);
	ck_assert_ptr_eq(list, &untouched);
	fibers_answer(0, 0);
	other_side(0, answer_until_it_is_www);
	ck_assert_int_eq(getaddrinfo("www.test", "80", &tcp4, &list), 0);
	assert_found();
}
END_TEST

static pid_t child;

static void fork_and_answer(void)
{
	child = fork();
	if (child == 0) {
		/* No fiber, no scheduler, and a resolver that works. */
		int status = getaddrinfo("child.test", "80", &tcp4, &list);

		_exit(status == 0 && strcmp(address_of(list), SERVER_ADDRESS) == 0 ? 0 : 1);
	}
	answer_two_questions();
}

START_TEST(a_fork_child_looks_up_while_its_parent_does)
{
	int status;

	if (way != FIBERS)
		return;
	name_server_start();
	fibers_spawn(fork_and_answer);
	ck_assert_int_eq(getaddrinfo("www.test", "80", &tcp4, &list), 0);
	assert_found();
	other_side_join();
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

static struct sockaddr_in address_80(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(80) };

	inet_pton(AF_INET, SERVER_ADDRESS, &address.sin_addr);
	return address;
}

START_TEST(getnameinfo_waits_for_a_late_answer)
{
	struct sockaddr_in address = address_80();
	char host[64], service[16];

	name_server_start();
	other_side(_i, answer_a_question);
	ck_assert_int_eq(getnameinfo((struct sockaddr *)&address, sizeof(address), host,
				     sizeof(host), service, sizeof(service), NI_NUMERICSERV),
			 0);
	assert_waited();
	ck_assert_str_eq(asked.name, "1.2.0.192.in-addr.arpa");
	ck_assert_str_eq(host, SERVER_NAME);
	ck_assert_str_eq(service, "80");
}
END_TEST

START_TEST(getnameinfo_writes_no_more_than_fits)
{
	struct sockaddr_in address = address_80();
	char host[] = "12345678";

	name_server_start();
	other_side(_i, answer_a_question);
	ck_assert_int_eq(
		getnameinfo((struct sockaddr *)&address, sizeof(address), host, 5, NULL, 0, 0),
		EAI_OVERFLOW);
	ck_assert_str_eq(host, "12345678");
}
END_TEST

START_TEST(getnameinfo_asks_nobody_for_numbers)
{
	struct sockaddr_in address = address_80();
	struct sockaddr_un path = { .sun_family = AF_UNIX, .sun_path = "/path" };
	char host[256], service[256];

	name_server_start();
	ck_assert_int_eq(getnameinfo((struct sockaddr *)&address, sizeof(address), host,
				     sizeof(host), service, sizeof(service),
				     NI_NUMERICHOST | NI_NUMERICSERV),
			 0);
	ck_assert_str_eq(host, SERVER_ADDRESS);
	ck_assert_int_eq(getnameinfo((struct sockaddr *)&path, sizeof(path), NULL, 0, service,
				     sizeof(service), 0),
			 0);
	ck_assert_str_eq(service, "/path");
	ck_assert_int_eq(
		getnameinfo((struct sockaddr *)&address, 1, host, sizeof(host), NULL, 0, 0),
		EAI_FAMILY);
	assert_no_wait();
}
END_TEST

Suite *resolve_suite(void)
{
	Suite *suite = suite_create("resolve");
	TCase *tcase = way_case(suite, "getaddrinfo");
	TCase *names = way_case(suite, "getnameinfo");

	each_side(tcase, getaddrinfo_waits_for_a_late_answer);
	each_side(tcase, without_hints_both_kinds_of_address_are_found);
	each_side(tcase, a_name_that_does_not_exist_is_an_error_and_gives_no_list);
	tcase_add_test(tcase, what_is_no_name_is_answered_at_once);
	tcase_add_test(tcase, wrong_arguments_are_refused_as_ever);
	tcase_add_test(tcase, a_signal_handler_does_not_end_it);
	each_side(tcase, the_options_of_the_thread_hold);
	each_side(tcase, the_domains_of_the_thread_are_searched);
	each_side(tcase, a_thread_that_has_not_looked_up_anything_has_no_state_of_another);
	tcase_add_test(tcase, many_fibers_look_up_at_once);
	tcase_add_test(tcase, one_that_is_given_up_ends_as_a_failed_call_does);
	tcase_add_test(tcase, a_fork_child_looks_up_while_its_parent_does);
	each_side(names, getnameinfo_waits_for_a_late_answer);
	each_side(names, getnameinfo_writes_no_more_than_fits);
	tcase_add_test(names, getnameinfo_asks_nobody_for_numbers);
	return suite;
}
