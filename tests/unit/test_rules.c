/* SPDX-License-Identifier: MIT */
/* src/rules/rules.c: what a file of rules says, and where it is wrong. */
#include "rules/rules.h"
#include "real.h"
#include "settings.h"
#include "support.h"

static char path[PATH_MAX];

static void write_file(const char *text, size_t len)
{
	int fd;

	snprintf(path, sizeof(path), "%s/r", scratch_folder());
	fd = REAL(open)(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(REAL(write)(fd, text, len), len);
	REAL(close)(fd);
}

static void remove_file(void)
{
	ck_assert_int_eq(remove(path), 0);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(rmdir(path), 0);
}

static void read_rules(const char *text)
{
	write_file(text, strlen(text));
	capture_stderr();
	mpg_rules_read(path);
	remove_file();
}

static void assert_rule(size_t i, const char *library, const char *name)
{
	ck_assert_uint_lt(i, mpg_rules_n);
	ck_assert_str_eq(mpg_rules[i].library, library);
	ck_assert_str_eq(mpg_rules[i].signature->name, name);
}

START_TEST(rules_are_read_in_their_order)
{
	read_rules("# what is slow\n"
		   "libcrypt.so.1: ptr crypt(str, str)\n"
		   "\n"
		   " \t \n"
		   "  libvendor*.so :int   wait_for_it ( int )  # a comment\r\n"
		   "*: void anyone()");
	ck_assert_str_eq(captured_stderr(), "");
	ck_assert(!mpg_settings.refused);
	ck_assert_uint_eq(mpg_rules_n, 3);
	assert_rule(0, "libcrypt.so.1", "crypt");
	assert_rule(1, "libvendor*.so", "wait_for_it");
	assert_rule(2, "*", "anyone");
}
END_TEST

static const char *const empty[] = { "", "\n", "#", "# nothing\n\n \t# at all" };
enum { N_EMPTY = sizeof(empty) / sizeof(empty[0]) };

START_TEST(a_file_without_rules_is_no_fault)
{
	read_rules(empty[_i]);
	ck_assert_str_eq(captured_stderr(), "");
	ck_assert(!mpg_settings.refused);
	ck_assert_uint_eq(mpg_rules_n, 0);
}
END_TEST

static const struct {
	const char *text, *where, *why;
} wrong[] = {
	{ "libx.so: ptr crypt(strr, str)", "1:20", "'strr' is no type" },
	{ "a: int f()\n\n\tb: int f(,)\n", "3:11", "a type is expected" },
	{ "libx.so", "1:8", "':' is expected, and a function" },
	{ "libx.so  # int f()", "1:8", "':' is expected, and a function" },
	{ ": int f()", "1:1", "the name of a library is expected" },
	{ "   : int f()", "1:4", "the name of a library is expected" },
	{ "lib/libx.so: int f()", "1:4", "a library has its name here, not its path" },
	{ "libx.so:", "1:9", "a type is expected" },
	{ "libx.so: int", "1:13", "the name of the function is expected" },
	{ "libx.so: int f() g", "1:18", "'else' or the end is expected" },
};
enum { N_WRONG = sizeof(wrong) / sizeof(wrong[0]) };

START_TEST(a_wrong_rule_is_refused_with_file_line_and_column)
{
	char line[256];

	write_file(wrong[_i].text, strlen(wrong[_i].text));
	capture_stderr();
	mpg_rules_read(path);
	snprintf(line, sizeof(line), "libmpgreen: %.60s:%s: %s; going on without the library\n",
		 path, wrong[_i].where, wrong[_i].why);
	remove_file();
	ck_assert_str_eq(captured_stderr(), line);
	ck_assert(mpg_settings.refused);
	ck_assert_uint_eq(mpg_rules_n, 0);
}
END_TEST

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

START_TEST(each_wrong_rule_has_its_line_until_it_is_enough)
{
	read_rules("a\nb: int f()\nc\n");
	ck_assert_uint_eq(count(captured_stderr(), "\n"), 2);
	read_rules("x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n");
	ck_assert_uint_eq(count(captured_stderr(), "\n"), 10);
}
END_TEST

START_TEST(too_many_rules_are_refused)
{
	static char text[(MPG_RULES + 1) * 16];

	for (int i = 0; i < MPG_RULES + 1; i++)
		sprintf(text + strlen(text), "a: int f%d()\n", i);
	read_rules(text);
	ck_assert_ptr_nonnull(strstr(captured_stderr(), ":257:1: there are too many rules;"));
	ck_assert_uint_eq(mpg_rules_n, 0);
}
END_TEST

static void assert_refused(const char *file, const char *why)
{
	char line[PATH_MAX + 128];

	capture_stderr();
	mpg_rules_read(file);
	snprintf(line, sizeof(line),
		 "libmpgreen: MPGREEN_RULES=%s: %s; going on without the library\n", file, why);
	ck_assert_str_eq(captured_stderr(), line);
	ck_assert(mpg_settings.refused);
	ck_assert_uint_eq(mpg_rules_n, 0);
}

START_TEST(what_cannot_be_read_is_refused)
{
	assert_refused("/nowhere/rules", "No such file or directory");
	assert_refused("", "No such file or directory");
	assert_refused("/", "not a regular file");
	assert_refused("/dev/null", "not a regular file");
	assert_refused("/proc/self/exe", "the file is too long");
}
END_TEST

START_TEST(a_fifo_does_not_hold_up_the_start)
{
	snprintf(path, sizeof(path), "%s/r", scratch_folder());
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	assert_refused(path, "not a regular file");
	remove_file();
}
END_TEST

START_TEST(a_file_that_everybody_may_write_to_is_refused)
{
	write_file("a: int f()\n", 11);
	ck_assert_int_eq(chmod(path, 0646), 0);
	assert_refused(path, "everybody may write to it");
	ck_assert_int_eq(chmod(path, 0664), 0);
	mpg_rules_read(path);
	ck_assert_uint_eq(mpg_rules_n, 1);
	remove_file();
}
END_TEST

START_TEST(a_NUL_is_no_text)
{
	write_file("a: int f()\n\0b", 13);
	assert_refused(path, "not a text");
	remove_file();
}
END_TEST

SUITE_OF(rules, { rules_are_read_in_their_order, 0 }, { a_file_without_rules_is_no_fault, N_EMPTY },
	 { a_wrong_rule_is_refused_with_file_line_and_column, N_WRONG },
	 { each_wrong_rule_has_its_line_until_it_is_enough, 0 }, { too_many_rules_are_refused, 0 },
	 { what_cannot_be_read_is_refused, 0 }, { a_fifo_does_not_hold_up_the_start, 0 },
	 { a_file_that_everybody_may_write_to_is_refused, 0 }, { a_NUL_is_no_text, 0 })
