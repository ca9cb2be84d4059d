/* SPDX-License-Identifier: MIT */
/* src/python.c: a Python process finds the package, whichever tree the library lies in. */
#include "python.h"
#include "real.h"
#include "support.h"

#include <ftw.h>

static char root[PATH_MAX];

static void make_folder(const char *path)
{
	char whole[2 * PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(whole, 0700);
	}
	ck_assert(mkdir(whole, 0700) == 0 || errno == EEXIST);
}

static void copy(int from, const char *path)
{
	char whole[2 * PATH_MAX];
	struct stat st;
	int to;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	to = REAL(open)(whole, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	ck_assert(to >= 0 && fstat(from, &st) == 0);
	while (lseek(from, 0, SEEK_CUR) < st.st_size)
		ck_assert_int_gt(REAL(sendfile)(to, from, NULL, (size_t)st.st_size), 0);
	REAL(close)(to);
}

/* An empty tree with the program in a folder of it: it stands for the library. */
static void plant_program(const char *folder)
{
	char beside[PATH_MAX], path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", beside, sizeof(beside) - 32);
	int program;

	ck_assert_int_gt(n, 0);
	beside[n] = '\0';
	strcpy(strrchr(beside, '/'), "/fakepython");
	program = REAL(open)(beside, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(program, 0);
	ck_assert_ptr_nonnull(realpath(scratch_folder(), root));
	make_folder(folder);
	snprintf(path, sizeof(path), "%.100s/program", folder);
	copy(program, path);
}

static void plant_package(const char *folder)
{
	char path[PATH_MAX];
	int nothing = memfd_create("nothing", 0);

	snprintf(path, sizeof(path), "%.100s/mpgreen", folder);
	make_folder(path);
	snprintf(path, sizeof(path), "%.100s/mpgreen/__init__.py", folder);
	copy(nothing, path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

/* Runs the program with one variable set, and removes the tree. Returns the PYTHONPATH it had. */
static const char *path_seen_by(const char *program, const char *assignment)
{
	static char seen[PATH_MAX];
	char path[2 * PATH_MAX];
	int out[2], status;
	pid_t pid;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", root, program);
	open_pipe(out);
	pid = fork();
	if (pid == 0) {
		REAL(dup2)(out[1], STDOUT_FILENO);
		execle(path, path, NULL, (const char *[]){ assignment, NULL });
		_exit(127);
	}
	REAL(close)(out[1]);
	n = REAL(read)(out[0], seen, sizeof(seen) - 1);
	ck_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status));
	ck_assert_int_gt(n, 0);
	seen[n - 1] = '\0';
	ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	return seen;
}

static const char *in_root(const char *path)
{
	static char whole[2 * PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	return whole;
}

START_TEST(an_installed_package_is_found_beside_the_library)
{
	plant_program("lib");
	plant_package("lib/mpgreen/python");
	ck_assert_str_eq(path_seen_by("lib/program", NULL), in_root("lib/mpgreen/python"));
}
END_TEST

START_TEST(in_a_build_tree_it_is_found_above_the_library)
{
	plant_program(".libs");
	plant_package("python");
	ck_assert_str_eq(path_seen_by(".libs/program", NULL), in_root("python"));
}
END_TEST

START_TEST(an_installed_package_goes_before_any_other)
{
	plant_program("lib");
	plant_package("lib/mpgreen/python");
	plant_package("python");
	ck_assert_str_eq(path_seen_by("lib/program", NULL), in_root("lib/mpgreen/python"));
}
END_TEST

START_TEST(a_folder_without_the_package_is_not_taken)
{
	plant_program("lib");
	make_folder("lib/mpgreen/python/mpgreen");
	ck_assert_str_eq(path_seen_by("lib/program", NULL), "(unset)");
}
END_TEST

START_TEST(it_comes_last_on_a_path_that_there_is)
{
	char expected[3 * PATH_MAX];

	plant_program("lib");
	plant_package("lib/mpgreen/python");
	snprintf(expected, sizeof(expected), "/a:/b:%s", in_root("lib/mpgreen/python"));
	ck_assert_str_eq(path_seen_by("lib/program", "PYTHONPATH=/a:/b"), expected);
}
END_TEST

START_TEST(an_empty_path_becomes_it_alone)
{
	plant_program("lib");
	plant_package("lib/mpgreen/python");
	ck_assert_str_eq(path_seen_by("lib/program", "PYTHONPATH="), in_root("lib/mpgreen/python"));
}
END_TEST

/* Alone, first, in the middle, last: %s stands for the package. */
static const char *const paths_with_it[] = { "%s", "%s:/a", "/a:%s:/b", "/a:%s" };

START_TEST(it_is_not_added_twice)
{
	char path[3 * PATH_MAX], assignment[4 * PATH_MAX];

	plant_program("lib");
	plant_package("lib/mpgreen/python");
	snprintf(path, sizeof(path), paths_with_it[_i], in_root("lib/mpgreen/python"));
	snprintf(assignment, sizeof(assignment), "PYTHONPATH=%s", path);
	ck_assert_str_eq(path_seen_by("lib/program", assignment), path);
}
END_TEST

START_TEST(a_path_that_only_begins_alike_is_another)
{
	char assignment[3 * PATH_MAX], expected[5 * PATH_MAX];

	plant_program("lib");
	plant_package("lib/mpgreen/python");
	snprintf(assignment, sizeof(assignment), "PYTHONPATH=%s3", in_root("lib/mpgreen/python"));
	snprintf(expected, sizeof(expected), "%s:%s", strchr(assignment, '/'),
		 in_root("lib/mpgreen/python"));
	ck_assert_str_eq(path_seen_by("lib/program", assignment), expected);
}
END_TEST

static const char *const reasons_not_to[] = {
	"MPGREEN_PYTHON=off",
	"MPGREEN_PYTHON=never",
	"MPGREEN_FDS=none",
	"PLAY_SET_UID=1",
};

START_TEST(nothing_is_done_where_it_is_not_wanted)
{
	plant_program("lib");
	plant_package("lib/mpgreen/python");
	capture_stderr();
	ck_assert_str_eq(path_seen_by("lib/program", reasons_not_to[_i]), "(unset)");
}
END_TEST

START_TEST(a_program_that_is_not_python_is_left_alone)
{
	unsetenv("PYTHONPATH");
	mpg_python_prepare();
	ck_assert_ptr_null(getenv("PYTHONPATH"));
}
END_TEST

SUITE_OF(python, { an_installed_package_is_found_beside_the_library, 0 },
	 { in_a_build_tree_it_is_found_above_the_library, 0 },
	 { an_installed_package_goes_before_any_other, 0 },
	 { a_folder_without_the_package_is_not_taken, 0 },
	 { it_comes_last_on_a_path_that_there_is, 0 }, { an_empty_path_becomes_it_alone, 0 },
	 { it_is_not_added_twice, sizeof(paths_with_it) / sizeof(paths_with_it[0]) },
	 { a_path_that_only_begins_alike_is_another, 0 },
	 { nothing_is_done_where_it_is_not_wanted,
	   sizeof(reasons_not_to) / sizeof(reasons_not_to[0]) },
	 { a_program_that_is_not_python_is_left_alone, 0 })
