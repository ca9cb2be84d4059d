/* SPDX-License-Identifier: MIT */
#include "beside.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fibers.h"
#include "mpgreen.h"
#include "way.h"

static struct {
	pthread_t thread;
	bool is_thread;
	void (*act)(void);
} other;

static void *run(void *unused)
{
	mpgreen_native_enter();
	other.act();
	return unused;
}

void beside(int side, void (*act)(void))
{
	other.act = act;
	other.is_thread = side % other_sides() == 0;
	if (other.is_thread)
		ck_assert_int_eq(pthread_create(&other.thread, NULL, run, NULL), 0);
	else
		fibers_spawn(act);
}

void beside_join(void)
{
	if (other.is_thread)
		join_natively(other.thread);
	else
		fibers_join();
}

void beside_run(void)
{
	if (other.is_thread)
		breathe();
	else
		fibers_settle();
}

bool is_asleep(pid_t thread)
{
	char path[64], text[512];
	const char *state;
	ssize_t n;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/stat", thread);
	file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(file, 0);
	n = syscall(SYS_read, file, text, sizeof(text) - 1);
	syscall(SYS_close, file);
	if (n <= 0)
		return false;
	text[n] = '\0';
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

void await_sleep(void)
{
	if (fibers_inside())
		fibers_settle();
	else
		UNTIL(is_asleep(test_thread_id()));
}

struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec time;
	int64_t moment;

	clock_gettime(clock, &time);
	moment = (time.tv_sec * INT64_C(1000) + ms) * 1000000 + time.tv_nsec;
	return (struct timespec){ moment / 1000000000, moment % 1000000000 };
}
