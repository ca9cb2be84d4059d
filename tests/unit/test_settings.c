/* SPDX-License-Identifier: MIT */
/* src/settings.c: every variable, its bounds, and what is said about wrong ones. */
#include "settings.h"
#include "support.h"

static void read_from(const char *assignment)
{
	static char *only[2];

	only[0] = (char *)assignment;
	environ = only;
	capture_stderr();
	mpg_settings_read();
}

static const struct {
	const char *assignment;
	int *value, expected;
} accepted[] = {
	{ "MPGREEN_ACCEPT=auto", &mpg_settings.accept, MPG_ACCEPT_AUTO },
	{ "MPGREEN_ACCEPT=uring", &mpg_settings.accept, MPG_ACCEPT_URING },
	{ "MPGREEN_ACCEPT=worker", &mpg_settings.accept, MPG_ACCEPT_WORKER },
	{ "MPGREEN_FDS=all", &mpg_settings.fds, MPG_FDS_ALL },
	{ "MPGREEN_FDS=marked", &mpg_settings.fds, MPG_FDS_MARKED },
	{ "MPGREEN_PYTHON=off", &mpg_settings.python, MPG_OFF },
	{ "MPGREEN_PYTHON=on", &mpg_settings.python, MPG_ON },
	{ "MPGREEN_SCHEDULER=none", &mpg_settings.scheduler, MPG_SCHEDULER_NONE },
	{ "MPGREEN_SCHEDULER=poll", &mpg_settings.scheduler, MPG_SCHEDULER_POLL },
	{ "MPGREEN_SEM=auto", &mpg_settings.sem, MPG_SEM_AUTO },
	{ "MPGREEN_SEM=uring", &mpg_settings.sem, MPG_SEM_URING },
	{ "MPGREEN_SEM=waitv", &mpg_settings.sem, MPG_SEM_WAITV },
	{ "MPGREEN_SEM=worker", &mpg_settings.sem, MPG_SEM_WORKER },
	{ "MPGREEN_STDIO=native", &mpg_settings.stdio, MPG_STDIO_NATIVE },
	{ "MPGREEN_STDIO=green", &mpg_settings.stdio, MPG_STDIO_GREEN },
	{ "MPGREEN_TURN_MS=0", &mpg_settings.turn_ms, 0 },
	{ "MPGREEN_TURN_MS=7", &mpg_settings.turn_ms, 7 },
	{ "MPGREEN_TURN_MS=60000", &mpg_settings.turn_ms, 60000 },
	{ "MPGREEN_TURN_MS=00012", &mpg_settings.turn_ms, 12 },
	{ "MPGREEN_WORKERS=0", &mpg_settings.workers, 0 },
	{ "MPGREEN_WORKERS=256", &mpg_settings.workers, 256 },
};
enum { N_ACCEPTED = sizeof(accepted) / sizeof(accepted[0]) };

START_TEST(every_allowed_value_is_taken_in_silence)
{
	*accepted[_i].value = -1;
	read_from(accepted[_i].assignment);
	ck_assert_int_eq(*accepted[_i].value, accepted[_i].expected);
	ck_assert(!mpg_settings.refused);
	ck_assert_str_eq(captured_stderr(), "");
}
END_TEST

static const struct {
	const char *assignment, *allowed;
} refused[] = {
	{ "MPGREEN_ACCEPT=epoll", "auto or uring or worker" },
	{ "MPGREEN_ACCEPT=", "auto or uring or worker" },
	{ "MPGREEN_FDS=ALL", "all or marked" },
	{ "MPGREEN_PYTHON=1", "off or on" },
	{ "MPGREEN_SCHEDULER=polling", "none or poll" },
	{ "MPGREEN_SCHEDULER=pol", "none or poll" },
	{ "MPGREEN_SEM=thread", "auto or uring or waitv or worker" },
	{ "MPGREEN_STDIO= green", "native or green" },
	{ "MPGREEN_TURN_MS=", "0 to 60000" },
	{ "MPGREEN_TURN_MS=-1", "0 to 60000" },
	{ "MPGREEN_TURN_MS=60001", "0 to 60000" },
	{ "MPGREEN_TURN_MS=10ms", "0 to 60000" },
	{ "MPGREEN_TURN_MS=99999999999999999999999", "0 to 60000" },
	{ "MPGREEN_WORKERS=257", "0 to 256" },
	{ "MPGREEN_WORKERS=many", "0 to 256" },
};
enum { N_REFUSED = sizeof(refused) / sizeof(refused[0]) };

START_TEST(a_wrong_value_is_refused_in_one_line_with_what_is_allowed)
{
	const struct mpg_settings before = mpg_settings;
	char line[256];

	read_from(refused[_i].assignment);
	snprintf(line, sizeof(line),
		 "libmpgreen: %s: allowed is %s; going on without the library\n",
		 refused[_i].assignment, refused[_i].allowed);
	ck_assert_str_eq(captured_stderr(), line);
	ck_assert(mpg_settings.refused);
	ck_assert_int_eq(mpg_settings.turn_ms, before.turn_ms);
	ck_assert_int_eq(mpg_settings.scheduler, before.scheduler);
}
END_TEST

static const char *const unknown[] = {
	"MPGREEN_SCHEDULERS=poll",
	"MPGREEN_FD=all",
	"MPGREEN_=1",
	"MPGREEN_turn_ms=1",
};
enum { N_UNKNOWN = sizeof(unknown) / sizeof(unknown[0]) };

START_TEST(an_unknown_variable_is_refused_with_the_names_that_there_are)
{
	const char *line;

	read_from(unknown[_i]);
	line = captured_stderr();
	ck_assert_ptr_nonnull(strstr(line, unknown[_i]));
	ck_assert_ptr_nonnull(strstr(line,
				     "MPGREEN_ACCEPT, MPGREEN_FDS, MPGREEN_PYTHON, "
				     "MPGREEN_SCHEDULER, MPGREEN_SEM, MPGREEN_STDIO, "
				     "MPGREEN_TURN_MS, MPGREEN_WORKERS"));
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	ck_assert(mpg_settings.refused);
}
END_TEST

START_TEST(a_very_long_wrong_value_still_makes_one_whole_line)
{
	static char assignment[8192];
	const char *line;

	memset(assignment, 'x', sizeof(assignment) - 1);
	memcpy(assignment, "MPGREEN_FDS=", 12);
	read_from(assignment);
	line = captured_stderr();
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	ck_assert_ptr_nonnull(strstr(line, "allowed is all or marked"));
}
END_TEST

static const char *const foreign[] = {
	"MPGREEN", "MPGREENER=1", "mpgreen_fds=x", "HOME=/", "MPGREEN_X",
};
enum { N_FOREIGN = sizeof(foreign) / sizeof(foreign[0]) };

START_TEST(what_is_not_one_of_our_variables_is_not_looked_at)
{
	read_from(foreign[_i]);
	ck_assert(!mpg_settings.refused);
	ck_assert_str_eq(captured_stderr(), "");
}
END_TEST

START_TEST(each_wrong_variable_gets_its_own_line)
{
	static const char *const three[] = {
		"MPGREEN_FDS=some",
		"MPGREEN_TURN_MS=3",
		"MPGREEN_STDIO=red",
		NULL,
	};
	const char *text;

	environ = (char **)three;
	capture_stderr();
	mpg_settings_read();
	text = captured_stderr();
	ck_assert_ptr_nonnull(strstr(text, "libmpgreen: MPGREEN_FDS=some"));
	ck_assert_ptr_nonnull(strstr(text, "\nlibmpgreen: MPGREEN_STDIO=red"));
	ck_assert_int_eq(mpg_settings.turn_ms, 3);
}
END_TEST

START_TEST(a_set_uid_process_reads_nothing)
{
	fake_set_uid = true;
	read_from("MPGREEN_FDS=nonsense");
	ck_assert(!mpg_settings.refused);
	ck_assert_str_eq(captured_stderr(), "");
}
END_TEST

START_TEST(a_program_without_an_environment_has_the_defaults)
{
	environ = NULL;
	mpg_settings_read();
	ck_assert_int_eq(mpg_settings.scheduler, MPG_SCHEDULER_NONE);
	ck_assert_int_eq(mpg_settings.fds, MPG_FDS_ALL);
	ck_assert_int_eq(mpg_settings.python, MPG_ON);
	ck_assert_int_eq(mpg_settings.turn_ms, 10);
}
END_TEST

START_TEST(after_a_refused_value_no_scheduler_can_be_attached)
{
	read_from("MPGREEN_SCHEDULER=libev");
	ck_assert_int_eq(mpgreen_attach(&scripted, NULL), -ENOTSUP);
	ck_assert(!mpg_fds_are_active());
}
END_TEST

SUITE_OF(settings, { every_allowed_value_is_taken_in_silence, N_ACCEPTED },
	 { a_wrong_value_is_refused_in_one_line_with_what_is_allowed, N_REFUSED },
	 { an_unknown_variable_is_refused_with_the_names_that_there_are, N_UNKNOWN },
	 { a_very_long_wrong_value_still_makes_one_whole_line, 0 },
	 { what_is_not_one_of_our_variables_is_not_looked_at, N_FOREIGN },
	 { each_wrong_variable_gets_its_own_line, 0 }, { a_set_uid_process_reads_nothing, 0 },
	 { a_program_without_an_environment_has_the_defaults, 0 },
	 { after_a_refused_value_no_scheduler_can_be_attached, 0 })
