/* SPDX-License-Identifier: MIT */
/*
 * Locks on files: flock(), lockf(), and fcntl() for the locks of the process and of the open file
 * description. What is waited for, and what a lock is worth that has been waited for.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "locks.h"
#include "signals.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static const struct flock whole = { .l_type = F_WRLCK };

/* What another process is told of the lock that keeps it from locking all of the file. */
static struct flock seen_by_others(void)
{
	static struct flock *lock;
	pid_t pid;

	lock = mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*lock = whole;
	pid = fork();
	if (pid == 0)
		_exit((int)syscall(SYS_fcntl, native_file(), F_GETLK, lock));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return *lock;
}

START_TEST(a_call_waits_until_the_lock_is_free)
{
	const struct lock_row *row = &lock_rows[_i / other_sides()];

	if (is_stuck(row))
		return;
	start_holder(hold, row->kind);
	other_side(_i, let_go);
	OK(0, row->lock(file));
	assert_waited();
	ck_assert(!is_free(row->kind));
	end_holder();
	ck_assert_int_eq(close(file), 0);
	ck_assert(is_free(row->kind));
}
END_TEST

START_TEST(a_lock_is_free_when_its_holder_has_died)
{
	const struct lock_row *row = &lock_rows[_i / other_sides()];

	if (is_stuck(row))
		return;
	start_holder(hold, row->kind);
	other_side(_i, kill_holder);
	OK(0, row->lock(file));
	assert_waited();
	end_holder();
	ck_assert(!is_free(row->kind));
}
END_TEST

START_TEST(nobody_waits_without_need)
{
	struct flock lock = whole;

	for (int i = 0; i < LOCK_ROWS; i++) {
		OK(0, lock_rows[i].lock(file));
		OK(0, lock_rows[i].lock(file));
		native_unlock(lock_rows[i].kind, file);
		lock = (struct flock){ .l_type = F_UNLCK };
		OK(0, fcntl(file, F_OFD_SETLK, &lock));
	}
	OK(0, flock(file, LOCK_SH));
	OK(0, flock(same, LOCK_SH));
	FAILS(EWOULDBLOCK, flock(file, LOCK_EX | LOCK_NB));
	OK(0, flock(same, LOCK_UN));
	start_holder(hold, RECORD);
	lock = whole;
	FAILS(EAGAIN, fcntl(file, F_SETLK, &lock));
	FAILS(EAGAIN, fcntl(file, F_OFD_SETLK, &lock));
	FAILS(EAGAIN, lockf(file, F_TLOCK, 0));
	FAILS(EACCES, lockf(file, F_TEST, 0));
	OK(0, lockf(file, F_ULOCK, 0));
	lock.l_type = F_UNLCK;
	OK(0, fcntl(file, F_SETLKW, &lock));
	ck_assert_uint_eq(waits(), 0);
	end_holder();
}
END_TEST

START_TEST(errors_are_the_kernel_s)
{
	struct flock wrong = whole;
	int ends[2];

	start_holder(hold, RECORD);
	for (int i = 0; i < LOCK_ROWS; i++)
		FAILS(EBADF, lock_rows[i].lock(minus_one));
	FAILS(EINVAL, flock(file, 0));
	FAILS(EINVAL, lockf(file, 77, 0));
	if (!is_emulated())
		FAILS(EFAULT, fcntl(file, F_SETLKW, nowhere));
	wrong.l_type = 77;
	FAILS(EINVAL, fcntl(file, F_SETLKW, &wrong));
	wrong = whole;
	wrong.l_start = -1;
	FAILS(EINVAL, fcntl(file, F_SETLKW, &wrong));
	wrong = whole;
	wrong.l_pid = 1;
	FAILS(EINVAL, fcntl(file, F_OFD_SETLKW, &wrong));
	open_pipe(ends);
	wrong = whole;
	FAILS(EBADF, fcntl(ends[0], F_SETLKW, &wrong));
	ck_assert_uint_eq(waits(), 0);
	end_holder();
}
END_TEST

static const struct lock_row *current_row;

static void free_ours(void)
{
	struct flock lock = { .l_type = F_UNLCK };

	if (current_row->kind == FLOCK)
		ck_assert_int_eq(flock(same, LOCK_UN), 0);
	else
		ck_assert_int_eq(fcntl(same, F_OFD_SETLKW, &lock), 0);
}

START_TEST(descriptions_of_one_process_wait_for_each_other)
{
	current_row = &lock_rows[_i / other_sides()];
	if (is_stuck(current_row))
		return;
	OK(0, current_row->lock(same));
	other_side(_i, free_ours);
	OK(0, current_row->lock(file));
	assert_waited();
}
END_TEST

START_TEST(locks_of_one_process_do_not_conflict)
{
	OK(0, lock_by_fcntl(same));
	OK(0, lock_by_fcntl(file));
	OK(0, lock_by_lockf(file));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

enum { WAITERS = 5 };

static int inside, entered;

static void give_turn(void)
{
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
}

/* Others have their turn while it is locked. */
static void lock_and_unlock(void)
{
	int f = native_file();
	char byte;

	ck_assert_int_eq(current_row->lock(f), 0);
	ck_assert_int_eq(inside++, 0);
	entered++;
	fibers_spawn(give_turn);
	ck_assert_int_eq(read(fd[0], &byte, 1), 1);
	inside--;
	close(f);
}

START_TEST(fibers_get_a_lock_one_after_the_other)
{
	current_row = &lock_rows[_i];
	if (way != FIBERS || is_stuck(current_row))
		return;
	open_pipe(fd);
	for (int i = 0; i < WAITERS; i++)
		fibers_spawn(lock_and_unlock);
	fibers_join();
	ck_assert_int_eq(entered, WAITERS);
}
END_TEST

static void hold_a_part_and_want_another(int kind)
{
	int f = native_file();

	(void)kind;
	if (native_record(f, F_SETLK, F_WRLCK, 1, 1) < 0)
		_exit(1);
	say();
	await_word();
	_exit(native_record(f, F_SETLKW, F_WRLCK, 0, 1) < 0 && errno == EDEADLK ? 35 : 0);
}

static int wait_for_part(off_t start, off_t len)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = start, .l_len = len };

	return fcntl(file, F_SETLKW, &lock);
}

START_TEST(a_dead_lock_is_an_error)
{
	ck_assert_int_eq(native_record(file, F_SETLK, F_WRLCK, 0, 1), 0);
	start_holder(hold_a_part_and_want_another, RECORD);
	let_go();
	UNTIL(is_blocked(holder));
	FAILS(EDEADLK, wait_for_part(1, 1));
	close(file);
	end_holder();
}
END_TEST

/* The kernel's list marks who waits by an arrow, and names the file by its inode. */
static bool is_waited_for(void)
{
	char line[256], inode[32];
	bool found = false;
	struct stat st;
	FILE *locks;

	ck_assert_int_eq(fstat(file, &st), 0);
	snprintf(inode, sizeof(inode), ":%lu ", (unsigned long)st.st_ino);
	locks = fopen("/proc/locks", "r");
	ck_assert_ptr_nonnull(locks);
	while (!found && fgets(line, sizeof(line), locks))
		found = strstr(line, "->") && strstr(line, inode);
	fclose(locks);
	return found;
}

static void let_go_when_waited_for(void)
{
	UNTIL(is_waited_for());
	let_go();
}

/* Our wait is known to the kernel as one of this process. */
START_TEST(a_dead_lock_with_a_waiting_fiber_is_an_error_of_the_other)
{
	int status;

	ck_assert_int_eq(native_record(file, F_SETLK, F_WRLCK, 0, 1), 0);
	start_holder(hold_a_part_and_want_another, RECORD);
	other_side(_i, let_go_when_waited_for);
	OK(0, wait_for_part(1, 1));
	assert_waited();
	ck_assert_int_eq(waitpid(holder, &status, 0), holder);
	holder = 0;
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 35);
}
END_TEST

START_TEST(locks_of_a_process_merge)
{
	struct flock seen;

	ck_assert_int_eq(native_record(file, F_SETLK, F_WRLCK, 0, 1), 0);
	ck_assert_int_eq(native_record(file, F_SETLK, F_WRLCK, 5, 5), 0);
	start_holder(hold_a_part_and_want_another, RECORD);
	other_side(_i, kill_holder);
	OK(0, wait_for_part(1, 5));
	assert_waited();
	seen = seen_by_others();
	ck_assert(seen.l_type == F_WRLCK && seen.l_start == 0 && seen.l_len == 10);
	ck_assert_int_eq(seen.l_pid, getpid());
	end_holder();
}
END_TEST

static void share(int kind)
{
	int f = native_file();

	(void)kind;
	if (native_record(f, F_SETLK, F_RDLCK, 0, 0) < 0)
		_exit(1);
	say();
	await_word();
	native_record(f, F_SETLK, F_UNLCK, 0, 0);
	await_word();
}

START_TEST(what_is_held_stays_until_it_is_converted)
{
	ck_assert_int_eq(native_record(file, F_SETLK, F_RDLCK, 0, 100), 0);
	start_holder(share, RECORD);
	catch_with(0);
	other_side(0, raise_it);
	FAILS(EINTR, wait_for_part(0, 100));
	end_holder();
	ck_assert_int_eq(seen_by_others().l_type, F_RDLCK);
	ck_assert_int_eq(seen_by_others().l_len, 100);
}
END_TEST

START_TEST(what_is_held_is_converted)
{
	ck_assert_int_eq(native_record(file, F_SETLK, F_RDLCK, 0, 100), 0);
	start_holder(share, RECORD);
	other_side(_i, let_go);
	OK(0, wait_for_part(0, 100));
	assert_waited();
	ck_assert_int_eq(seen_by_others().l_type, F_WRLCK);
	ck_assert_int_eq(seen_by_others().l_len, 100);
	end_holder();
}
END_TEST

static void move_and_let_go(void)
{
	ck_assert_int_eq(lseek(file, 700, SEEK_SET), 700);
	ck_assert_int_eq(ftruncate(file, 2000), 0);
	let_go();
}

static int from_here(void)
{
	return lockf(file, F_LOCK, 10);
}

static int from_before_here(void)
{
	struct flock lock = { F_WRLCK, SEEK_CUR, 5, -5, 0 };

	return fcntl(file, F_SETLKW, &lock);
}

static int from_the_end(void)
{
	struct flock lock = { F_WRLCK, SEEK_END, -10, 10, 0 };

	return fcntl(file, F_SETLKW, &lock);
}

static const struct relative {
	int (*lock)(void);
	off_t start, len;
} relatives[] = {
	{ from_here, 300, 10 },
	{ from_before_here, 300, 5 },
	{ from_the_end, 990, 10 },
};
enum { RELATIVES = sizeof(relatives) / sizeof(relatives[0]) };

START_TEST(a_place_is_as_it_was_when_the_call_began)
{
	const struct relative *relative = &relatives[_i / other_sides()];
	struct flock seen;

	ck_assert_int_eq(lseek(file, 300, SEEK_SET), 300);
	start_holder(hold, RECORD);
	other_side(_i, move_and_let_go);
	OK(0, relative->lock());
	assert_waited();
	await_told();
	seen = seen_by_others();
	ck_assert_int_eq(seen.l_start, relative->start);
	ck_assert_int_eq(seen.l_len, relative->len);
	end_holder();
}
END_TEST

Suite *lock_suite(void)
{
	Suite *suite = suite_create("lock");
	TCase *tcase = way_case(suite, "lock");

	tcase_add_checked_fixture(tcase, make_lock_file, remove_lock_file);
	each_row(tcase, a_call_waits_until_the_lock_is_free, LOCK_ROWS);
	each_row(tcase, a_lock_is_free_when_its_holder_has_died, LOCK_ROWS);
	each_row(tcase, descriptions_of_one_process_wait_for_each_other, LOCKS_OF_DESCRIPTIONS);
	each_row(tcase, a_place_is_as_it_was_when_the_call_began, RELATIVES);
	each_side(tcase, a_dead_lock_with_a_waiting_fiber_is_an_error_of_the_other);
	each_side(tcase, locks_of_a_process_merge);
	each_side(tcase, what_is_held_is_converted);
	tcase_add_test(tcase, what_is_held_stays_until_it_is_converted);
	tcase_add_test(tcase, nobody_waits_without_need);
	tcase_add_test(tcase, errors_are_the_kernel_s);
	tcase_add_test(tcase, locks_of_one_process_do_not_conflict);
	tcase_add_test(tcase, a_dead_lock_is_an_error);
	tcase_add_loop_test(tcase, fibers_get_a_lock_one_after_the_other, 0, LOCKS_OF_DESCRIPTIONS);
	return suite;
}
