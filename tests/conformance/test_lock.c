/* SPDX-License-Identifier: MIT */
/*
 * Locks on files: flock(), lockf(), and fcntl() for the locks of the process and of the open file
 * description. What is waited for, what a lock that is won is worth, what ends a wait.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "signals.h"
#include "suites.h"
#include "way.h"

int __fcntl(int end, int command, ...);

static const struct flock whole = { .l_type = F_WRLCK };
static char path[256];
static int file = -1, same = -1;	/* two descriptions of one file */
static int again = -1, told[2], word[2];
static pid_t holder;

static int by_flock(int f)
{
	return flock(f, LOCK_EX);
}

static int by_lockf(int f)
{
	return lockf(f, F_LOCK, 0);
}

static int by_lockf64(int f)
{
	return lockf64(f, F_LOCK, 0);
}

static int by_fcntl(int f)
{
	struct flock lock = whole;

	return fcntl(f, F_SETLKW, &lock);
}

static int by_fcntl64(int f)
{
	struct flock64 lock = { .l_type = F_WRLCK };

	return fcntl64(f, F_SETLKW64, &lock);
}

static int by_internal_fcntl(int f)
{
	struct flock lock = whole;

	return __fcntl(f, F_SETLKW, &lock);
}

static int by_description(int f)
{
	struct flock lock = whole;

	return fcntl(f, F_OFD_SETLKW, &lock);
}

enum { FLOCK, RECORD };

static const struct row {
	int (*lock)(int f);
	int kind;
	bool of_description;
} rows[] = {
	{ by_flock, FLOCK, true },	      { by_description, RECORD, true },
	{ by_lockf, RECORD, false },	      { by_lockf64, RECORD, false },
	{ by_fcntl, RECORD, false },	      { by_fcntl64, RECORD, false },
	{ by_internal_fcntl, RECORD, false },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]), OF_DESCRIPTIONS = 2 };

/* Past the library, as a process does that has not loaded it. */
static int native_open(void)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
}

static int native_record(int f, int command, short type, off_t start, off_t len)
{
	struct flock lock = { .l_type = type, .l_start = start, .l_len = len };

	return (int)syscall(SYS_fcntl, f, command, &lock);
}

static int native_lock(int kind, int f, bool waits)
{
	if (kind == FLOCK)
		return (int)syscall(SYS_flock, f, LOCK_EX | (waits ? 0 : LOCK_NB));
	return native_record(f, waits ? F_SETLKW : F_SETLK, F_WRLCK, 0, 0);
}

static void native_unlock(int kind, int f)
{
	if (kind == FLOCK)
		syscall(SYS_flock, f, LOCK_UN);
	else
		native_record(f, F_SETLK, F_UNLCK, 0, 0);
}

static void make_file(void)
{
	strcpy(path, scratch("lock"));
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(ftruncate(file, 1000), 0);
	same = native_open();
	open_pipe(told);
	open_pipe(word);
}

static void remove_file(void)
{
	if (holder > 0)
		kill(holder, SIGKILL);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

/* In the child. */
static void say(char what)
{
	syscall(SYS_write, told[1], &what, 1);
}

static void await_word(void)
{
	char what;

	if (syscall(SYS_read, word[0], &what, 1) != 1)
		_exit(9);
}

static void await_told(void)
{
	char what;

	ck_assert_int_eq(syscall(SYS_read, told[0], &what, 1), 1);
}

/* A process that runs act(), which says when it has locked. */
static void start_holder(void (*act)(int kind), int kind)
{
	holder = fork();
	ck_assert_int_ge(holder, 0);
	if (holder == 0) {
		alarm(20);
		close(word[1]);
		close(file);
		close(same);
		act(kind);
		_exit(0);
	}
	await_told();
	count_waits_anew();
}

static void hold(int kind)
{
	int f = native_open();

	if (native_lock(kind, f, false) < 0)
		_exit(1);
	say('l');
	await_word();
	native_unlock(kind, f);
	say('u');
	await_word();
}

static void let_go(void)
{
	ck_assert_int_eq(syscall(SYS_write, word[1], "x", 1), 1);
}

static void end_holder(void)
{
	int status;

	close(word[1]);
	ck_assert_int_eq(waitpid(holder, &status, 0), holder);
	holder = 0;
}

/* Can another process lock it now? */
static bool is_free(int kind)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(native_lock(kind, native_open(), false) < 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}

/* What another process is told of the lock that keeps it from locking all of the file. */
static struct flock seen_by_others(void)
{
	static struct flock *lock;
	pid_t pid;

	lock = mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*lock = whole;
	pid = fork();
	if (pid == 0)
		_exit((int)syscall(SYS_fcntl, native_open(), F_GETLK, lock));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return *lock;
}

START_TEST(a_call_waits_until_the_lock_is_free)
{
	const struct row *row = &rows[_i / other_sides()];

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

static void kill_holder(void)
{
	ck_assert_int_eq(kill(holder, SIGKILL), 0);
}

START_TEST(a_lock_is_free_when_its_holder_has_died)
{
	const struct row *row = &rows[_i / other_sides()];

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

	for (int i = 0; i < ROWS; i++) {
		OK(0, rows[i].lock(file));
		OK(0, rows[i].lock(file));
		native_unlock(rows[i].kind, file);
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
	for (int i = 0; i < ROWS; i++)
		FAILS(EBADF, rows[i].lock(minus_one));
	FAILS(EINVAL, flock(file, 0));
	FAILS(EINVAL, lockf(file, 77, 0));
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

START_TEST(a_handler_ends_a_wait)
{
	const struct row *row = &rows[_i];

	start_holder(hold, row->kind);
	catch_with(0);
	other_side(0, raise_it);
	FAILS(EINTR, row->lock(file));
	assert_waited();
	ck_assert_int_eq(signals, 1);
	let_go();
	await_told();
	ck_assert(is_free(row->kind));
	end_holder();
}
END_TEST

static void raise_and_let_go(void)
{
	raise_it();
	UNTIL(signals == 1);
	settle();
	let_go();
}

START_TEST(a_wait_goes_on_after_a_handler_with_SA_RESTART)
{
	const struct row *row = &rows[_i];

	start_holder(hold, row->kind);
	catch_with(SA_RESTART);
	other_side(0, raise_and_let_go);
	OK(0, row->lock(file));
	assert_waited();
	ck_assert_int_eq(signals, 1);
	ck_assert(!is_free(row->kind));
	end_holder();
}
END_TEST

static const struct row *current_row;

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
	current_row = &rows[_i / other_sides()];
	OK(0, current_row->lock(same));
	other_side(_i, free_ours);
	OK(0, current_row->lock(file));
	assert_waited();
}
END_TEST

START_TEST(locks_of_one_process_do_not_conflict)
{
	OK(0, by_fcntl(same));
	OK(0, by_fcntl(file));
	OK(0, by_lockf(file));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

enum { WAITERS = 5 };

static int inside, entered;

static void lock_enter_and_leave(void)
{
	int f = native_open(), ends[2];
	char byte;

	ck_assert_int_eq(current_row->lock(f), 0);
	ck_assert_int_eq(inside++, 0);
	entered++;
	/* Others have their turn, and find it locked. */
	open_pipe(ends);
	fibers_spawn(let_go);
	ck_assert_int_eq(read(word[0], &byte, 1), 1);
	inside--;
	close(f);
}

START_TEST(fibers_get_a_lock_one_after_the_other)
{
	current_row = &rows[_i];
	if (way != FIBERS)
		return;
	for (int i = 0; i < WAITERS; i++)
		fibers_spawn(lock_enter_and_leave);
	fibers_join();
	ck_assert_int_eq(entered, WAITERS);
}
END_TEST

static void hold_a_part_and_want_another(int kind)
{
	int f = native_open();

	(void)kind;
	if (native_record(f, F_SETLK, F_WRLCK, 1, 1) < 0)
		_exit(1);
	say('l');
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
	int f = native_open();

	(void)kind;
	if (native_record(f, F_SETLK, F_RDLCK, 0, 0) < 0)
		_exit(1);
	say('l');
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

static void close_it(void)
{
	ck_assert_int_eq(close(file), 0);
	if (!green())
		let_go();
}

static void close_and_reuse_it(void)
{
	close_it();
	again = open(scratch("other"), O_RDWR | O_CREAT, 0600);
	unlink(scratch("other"));
	ck_assert_int_eq(again, file);
}

static void (*const ends_of_a_file[])(void) = { close_it, close_and_reuse_it };

/* Linux lets flock() go on, on a file that no number leads to any more. */
START_TEST(a_wait_ends_when_its_file_is_closed)
{
	const struct row *row = &rows[_i / other_sides() / 2];
	struct flock lock = whole;

	start_holder(hold, row->kind);
	other_side(_i, ends_of_a_file[_i / other_sides() % 2]);
	if (green() || !row->of_description)
		FAILS(EBADF, row->lock(file));
	else
		OK(0, row->lock(file));
	assert_waited();
	if (green())
		let_go();
	await_told();
	ck_assert(is_free(row->kind));
	/* What has the number now is locked by nobody. */
	if (again >= 0) {
		strcpy(path, scratch("lock"));
		snprintf(path + 200, 50, "/proc/self/fd/%d", again);
		ck_assert_int_eq(fcntl(open(path + 200, O_RDWR), F_OFD_SETLK, &lock), 0);
	}
	end_holder();
}
END_TEST

static void wake_it(void)
{
	ck_assert_int_ge(mpgreen_wake(file, EIO), 0);
}

START_TEST(mpgreen_wake_ends_a_wait)
{
	const struct row *row = &rows[_i / other_sides()];

	if (!green())
		return;
	start_holder(hold, row->kind);
	other_side(_i, wake_it);
	FAILS(EIO, row->lock(file));
	let_go();
	await_told();
	ck_assert(is_free(row->kind));
	end_holder();
}
END_TEST

static int result_in_handler;

static void lock_in_handler(int sig)
{
	(void)sig;
	result_in_handler = current_row->lock(file);
}

START_TEST(a_signal_handler_waits_natively)
{
	current_row = &rows[_i];
	result_in_handler = -1;
	start_holder(hold, current_row->kind);
	signal(SIGUSR1, lock_in_handler);
	other_side(0, let_go);
	raise(SIGUSR1);
	ck_assert_int_eq(result_in_handler, 0);
	ck_assert_uint_eq(waits(), 0);
	end_holder();
}
END_TEST

enum { TURNS = 200 };

static struct {
	_Atomic int inside, turns;
} *shared;

static bool was_alone(void)
{
	bool alone = shared->inside++ == 0;
	struct timespec moment = { .tv_nsec = 100000 };

	syscall(SYS_nanosleep, &moment, NULL);
	shared->inside--;
	return alone;
}

static void lock_again_and_again(int kind)
{
	int f = native_open();

	say('l');
	while (shared->turns++ < TURNS) {
		if (native_lock(kind, f, true) < 0 || !was_alone())
			_exit(1);
		native_unlock(kind, f);
	}
}

static _Atomic bool over;

static void *disturb(void *unused)
{
	while (!over) {
		pthread_kill(test_thread(), SIGUSR1);
		breathe();
	}
	return unused;
}

/* A lock that is kept by one who has given up would keep the other from its end. */
START_TEST(no_lock_is_kept_or_lost_when_waiters_give_up)
{
	const struct row *row = &rows[_i];
	struct flock lock = { .l_type = F_UNLCK };
	pthread_t disturber;
	int status, won = 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	catch_with(0);
	start_holder(lock_again_and_again, row->kind);
	ck_assert_int_eq(pthread_create(&disturber, NULL, disturb, NULL), 0);
	while (waitpid(holder, &status, WNOHANG) == 0) {
		if (row->lock(file) < 0) {
			ck_assert_int_eq(errno, EINTR);
			continue;
		}
		won++;
		ck_assert(was_alone());
		native_unlock(row->kind, file);
		ck_assert_int_eq(syscall(SYS_fcntl, file, F_OFD_SETLK, &lock), 0);
	}
	over = true;
	pthread_join(disturber, NULL);
	ck_assert_int_eq(status, 0);
	ck_assert_int_gt(won, 0);
	holder = 0;
	ck_assert(is_free(row->kind));
}
END_TEST

/* What is cancelled is a fiber: nobody is left behind who wants the lock. */
START_TEST(a_cancelled_wait_leaves_no_lock)
{
	const struct row *row = &rows[_i];

	if (way != FIBERS)
		return;
	start_holder(hold, row->kind);
	fibers_answer(MPGREEN_CANCELLED, ECANCELED);
	FAILS(ECANCELED, row->lock(file));
	fibers_answer(0, 0);
	let_go();
	await_told();
	ck_assert(is_free(row->kind));
	OK(0, row->lock(file));
	end_holder();
}
END_TEST

Suite *lock_suite(void)
{
	Suite *suite = suite_create("lock");
	TCase *tcase = way_case(suite, "lock");

	tcase_add_checked_fixture(tcase, make_file, remove_file);
	each_row(tcase, a_call_waits_until_the_lock_is_free, ROWS);
	each_row(tcase, a_lock_is_free_when_its_holder_has_died, ROWS);
	each_row(tcase, descriptions_of_one_process_wait_for_each_other, OF_DESCRIPTIONS);
	each_row(tcase, a_place_is_as_it_was_when_the_call_began, RELATIVES);
	each_row(tcase, a_wait_ends_when_its_file_is_closed, 2 * ROWS);
	each_row(tcase, mpgreen_wake_ends_a_wait, ROWS);
	each_side(tcase, a_dead_lock_with_a_waiting_fiber_is_an_error_of_the_other);
	each_side(tcase, locks_of_a_process_merge);
	each_side(tcase, what_is_held_is_converted);
	tcase_add_test(tcase, what_is_held_stays_until_it_is_converted);
	tcase_add_test(tcase, nobody_waits_without_need);
	tcase_add_test(tcase, errors_are_the_kernel_s);
	tcase_add_test(tcase, locks_of_one_process_do_not_conflict);
	tcase_add_test(tcase, a_dead_lock_is_an_error);
	tcase_add_loop_test(tcase, fibers_get_a_lock_one_after_the_other, 0, OF_DESCRIPTIONS);
	tcase_add_loop_test(tcase, a_handler_ends_a_wait, 0, ROWS);
	tcase_add_loop_test(tcase, a_wait_goes_on_after_a_handler_with_SA_RESTART, 0, ROWS);
	tcase_add_loop_test(tcase, a_signal_handler_waits_natively, 0, ROWS);
	tcase_add_loop_test(tcase, no_lock_is_kept_or_lost_when_waiters_give_up, 0, ROWS);
	tcase_add_loop_test(tcase, a_cancelled_wait_leaves_no_lock, 0, ROWS);
	return suite;
}
