/* SPDX-License-Identifier: MIT */
/*
 * Users, groups and services, by name and by number, and the forms that are given a buffer.
 */
#include <arpa/inet.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <shadow.h>
#include <string.h>
#include <unistd.h>

#include "mpgreen.h"
#include "suites.h"
#include "way.h"

static char buf[65536];

static uint64_t worked(void)
{
	mpgreen_stats stats = { 0 };

	ck_assert_int_eq(mpgreen_stats_read(&stats, sizeof(stats)), 0);
	return stats.worked;
}

static void assert_worked(void)
{
	ck_assert_int_eq(worked() > 0, green());
}

static void assert_is_root(const struct passwd *user)
{
	ck_assert_ptr_nonnull(user);
	ck_assert_str_eq(user->pw_name, "root");
	ck_assert_uint_eq(user->pw_uid, 0);
	ck_assert_uint_eq(user->pw_gid, 0);
	ck_assert_int_eq(user->pw_dir[0], '/');
	ck_assert_ptr_nonnull(user->pw_passwd);
	ck_assert_ptr_nonnull(user->pw_gecos);
	ck_assert_ptr_nonnull(user->pw_shell);
}

static void assert_is_group_0(const struct group *group, const struct group *as)
{
	ck_assert_ptr_nonnull(group);
	ck_assert_uint_eq(group->gr_gid, 0);
	ck_assert_str_eq(group->gr_name, as->gr_name);
	ck_assert_ptr_nonnull(group->gr_passwd);
	for (int i = 0; as->gr_mem[i]; i++)
		ck_assert_str_eq(group->gr_mem[i], as->gr_mem[i]);
}

START_TEST(a_user_is_found_by_name_and_by_number)
{
	struct passwd *by_name = getpwnam("root");

	assert_is_root(by_name);
	assert_worked();
	assert_is_root(getpwuid(0));
	ck_assert_str_eq(by_name->pw_name, "root");
}
END_TEST

START_TEST(a_group_is_found_by_name_and_by_number)
{
	struct group *by_number = getgrgid(0);

	ck_assert_ptr_nonnull(by_number);
	assert_worked();
	assert_is_group_0(getgrnam(by_number->gr_name), by_number);
}
END_TEST

static bool lies_in_buf(const void *at)
{
	return (const char *)at >= buf && (const char *)at < buf + sizeof(buf);
}

START_TEST(a_user_lies_in_the_buffer)
{
	struct passwd record, *result = NULL;

	ck_assert_int_eq(getpwnam_r("root", &record, buf, sizeof(buf), &result), 0);
	assert_worked();
	ck_assert_ptr_eq(result, &record);
	assert_is_root(result);
	ck_assert(lies_in_buf(record.pw_name) && lies_in_buf(record.pw_dir));
	memset(&record, 0, sizeof(record));
	ck_assert_int_eq(getpwuid_r(0, &record, buf, sizeof(buf), &result), 0);
	assert_is_root(result);
	ck_assert(lies_in_buf(record.pw_passwd) && lies_in_buf(record.pw_shell));
}
END_TEST

START_TEST(a_group_lies_in_the_buffer)
{
	struct group record, *result = NULL, *as = getgrgid(0);

	ck_assert_int_eq(getgrgid_r(0, &record, buf, sizeof(buf), &result), 0);
	ck_assert_ptr_eq(result, &record);
	assert_is_group_0(result, as);
	ck_assert(lies_in_buf(record.gr_name) && lies_in_buf(record.gr_mem));
	memset(&record, 0, sizeof(record));
	ck_assert_int_eq(getgrnam_r(as->gr_name, &record, buf, sizeof(buf), &result), 0);
	assert_is_group_0(result, as);
}
END_TEST

START_TEST(the_groups_of_a_user_are_listed)
{
	gid_t groups[64] = { 0 }, guard = groups[1] = 4711;
	int n = 0;

	ck_assert_int_eq(getgrouplist("no such user", 5, groups, &n), -1);
	ck_assert_int_eq(n, 1);
	ck_assert_uint_eq(groups[0], 0);
	ck_assert_int_eq(getgrouplist("no such user", 5, groups, &n), 1);
	assert_worked();
	ck_assert_uint_eq(groups[0], 5);
	ck_assert_uint_eq(groups[1], guard);
	n = 64;
	ck_assert_int_ge(getgrouplist("root", 0, groups, &n), 1);
	ck_assert_uint_eq(groups[0], 0);
}
END_TEST

/* Only root may read these. */
START_TEST(a_shadow_entry_is_found)
{
	struct spwd record, *result = NULL;

	if (access("/etc/shadow", R_OK) != 0)
		return;
	ck_assert_str_eq(getspnam("root")->sp_namp, "root");
	ck_assert_ptr_nonnull(getspnam("root")->sp_pwdp);
	ck_assert_int_eq(getspnam_r("root", &record, buf, sizeof(buf), &result), 0);
	ck_assert_ptr_eq(result, &record);
	ck_assert_str_eq(record.sp_namp, "root");
	ck_assert(lies_in_buf(record.sp_namp) && lies_in_buf(record.sp_pwdp));
	ck_assert_ptr_null(getspnam("no such user"));
}
END_TEST

static void assert_is_http(const struct servent *service)
{
	ck_assert_ptr_nonnull(service);
	ck_assert_str_eq(service->s_name, "http");
	ck_assert_str_eq(service->s_proto, "tcp");
	ck_assert_int_eq(ntohs((uint16_t)service->s_port), 80);
	ck_assert_ptr_nonnull(service->s_aliases);
}

START_TEST(a_service_is_found_by_name_and_by_port)
{
	struct servent record, *result = &record;

	ck_assert_ptr_null(getservbyname("no such service", NULL));
	assert_worked();
	ck_assert_int_eq(
		getservbyname_r("no such service", "tcp", &record, buf, sizeof(buf), &result), 0);
	ck_assert_ptr_null(result);
	/* Machines without the file have no services. */
	if (access("/etc/services", R_OK) != 0)
		return;
	assert_is_http(getservbyname("http", "tcp"));
	assert_is_http(getservbyname("http", NULL));
	assert_is_http(getservbyport(htons(80), "tcp"));
	ck_assert_int_eq(getservbyname_r("http", "tcp", &record, buf, sizeof(buf), &result), 0);
	assert_is_http(result);
	ck_assert(lies_in_buf(record.s_name) && lies_in_buf(record.s_aliases));
	memset(&record, 0, sizeof(record));
	ck_assert_int_eq(getservbyport_r(htons(80), "tcp", &record, buf, sizeof(buf), &result), 0);
	assert_is_http(result);
	ck_assert_int_eq(getservbyport_r(htons(80), "tcp", &record, buf, 8, &result), ERANGE);
}
END_TEST

START_TEST(nobody_of_that_name_is_no_error)
{
	struct passwd user, *no_user = &user;
	struct group group, *no_group = &group;

	ck_assert_ptr_null(getpwnam("no such user"));
	ck_assert_ptr_null(getgrnam("no such group"));
	ck_assert_int_eq(getpwnam_r("no such user", &user, buf, sizeof(buf), &no_user), 0);
	ck_assert_ptr_null(no_user);
	ck_assert_int_eq(getgrgid_r((gid_t)-2, &group, buf, sizeof(buf), &no_group), 0);
	ck_assert_ptr_null(no_group);
}
END_TEST

START_TEST(a_buffer_that_is_too_small_is_ERANGE)
{
	struct passwd user, *no_user = &user;
	struct group group, *no_group = &group;

	buf[8] = 'x';
	ck_assert_int_eq(getpwuid_r(0, &user, buf, 8, &no_user), ERANGE);
	ck_assert_ptr_null(no_user);
	ck_assert_int_eq(getgrgid_r(0, &group, buf, 8, &no_group), ERANGE);
	ck_assert_ptr_null(no_group);
	ck_assert_int_eq(buf[8], 'x');
}
END_TEST

Suite *accounts_suite(void)
{
	Suite *suite = suite_create("accounts");
	TCase *tcase = way_case(suite, "accounts");

	tcase_add_test(tcase, a_user_is_found_by_name_and_by_number);
	tcase_add_test(tcase, a_group_is_found_by_name_and_by_number);
	tcase_add_test(tcase, a_user_lies_in_the_buffer);
	tcase_add_test(tcase, a_group_lies_in_the_buffer);
	tcase_add_test(tcase, the_groups_of_a_user_are_listed);
	tcase_add_test(tcase, a_shadow_entry_is_found);
	tcase_add_test(tcase, a_service_is_found_by_name_and_by_port);
	tcase_add_test(tcase, nobody_of_that_name_is_no_error);
	tcase_add_test(tcase, a_buffer_that_is_too_small_is_ERANGE);
	return suite;
}
