/* SPDX-License-Identifier: MIT */
#include "locks.h"
#include "kinds.h"
#include "switch.h"
#include "way.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int __fcntl(int end, int command, ...);

static const struct flock whole = { .l_type = F_WRLCK };
static char path[256];
static int told[2], word[2];

int file = -1, same = -1;
pid_t holder;

static int by_flock(int f)
{
	return flock(f, LOCK_EX);
}

int lock_by_lockf(int f)
{
	return lockf(f, F_LOCK, 0);
}

static int by_lockf64(int f)
{
	return lockf64(f, F_LOCK, 0);
}

int lock_by_fcntl(int f)
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

const struct lock_row lock_rows[LOCK_ROWS] = {
	{ by_flock, FLOCK, true },
	{ by_description, RECORD, true },
	{ lock_by_lockf, RECORD, false },
	{ by_lockf64, RECORD, false },
	{ lock_by_fcntl, RECORD, false },
	{ by_fcntl64, RECORD, false },
	{ by_internal_fcntl, RECORD, false },
};

bool is_stuck(const struct lock_row *row)
{
	return row->lock == by_description && is_emulated();
}

int native_file(void)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
}

int native_record(int f, int command, short type, off_t start, off_t len)
{
	struct flock lock = { .l_type = type, .l_start = start, .l_len = len };

	return (int)syscall(SYS_fcntl, f, command, &lock);
}

int native_lock(int kind, int f, bool waits)
{
	if (kind == FLOCK)
		return (int)syscall(SYS_flock, f, LOCK_EX | (waits ? 0 : LOCK_NB));
	return native_record(f, waits ? F_SETLKW : F_SETLK, F_WRLCK, 0, 0);
}

void native_unlock(int kind, int f)
{
	if (kind == FLOCK)
		syscall(SYS_flock, f, LOCK_UN);
	else
		native_record(f, F_SETLK, F_UNLCK, 0, 0);
}

void make_lock_file(void)
{
	strcpy(path, scratch("lock"));
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(ftruncate(file, 1000), 0);
	same = native_file();
	open_pipe(told);
	open_pipe(word);
}

void remove_lock_file(void)
{
	if (holder > 0)
		kill(holder, SIGKILL);
	unlink(path);
}

void say(void)
{
	syscall(SYS_write, told[1], "x", 1);
}

void await_word(void)
{
	char what;

	if (syscall(SYS_read, word[0], &what, 1) != 1)
		_exit(9);
}

void await_told(void)
{
	char what;

	ck_assert_int_eq(syscall(SYS_read, told[0], &what, 1), 1);
}

void start_holder(void (*act)(int kind), int kind)
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

void hold(int kind)
{
	int f = native_file();

	if (native_lock(kind, f, false) < 0)
		_exit(1);
	say();
	await_word();
	native_unlock(kind, f);
	say();
	await_word();
}

void let_go(void)
{
	ck_assert_int_eq(syscall(SYS_write, word[1], "x", 1), 1);
}

void end_holder(void)
{
	int status;

	close(word[1]);
	ck_assert_int_eq(waitpid(holder, &status, 0), holder);
	holder = 0;
}

bool is_free(int kind)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(native_lock(kind, native_file(), false) < 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}

void kill_holder(void)
{
	ck_assert_int_eq(kill(holder, SIGKILL), 0);
}
