/* SPDX-License-Identifier: MIT */
#include "fifos.h"
#include "kinds.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

char fifo[256], link_to_it[256];
int folder = -1, other_end = -1;

void make_fifo(void)
{
	strcpy(fifo, scratch("link"));
	strcpy(link_to_it, fifo);
	strcpy(fifo, scratch("fifo"));
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(symlink("fifo", link_to_it), 0);
	*strrchr(fifo, '/') = '\0';
	folder = open(fifo, O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(folder, 0);
	fifo[strlen(fifo)] = '/';
}

void remove_fifo(void)
{
	unlink(fifo);
	unlink(link_to_it);
}

int native_fifo(int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, fifo, flags | O_CLOEXEC, 0);
}

void open_to_write(void)
{
	other_end = native_fifo(O_WRONLY);
	ck_assert_int_ge(other_end, 0);
}

void open_to_read(void)
{
	other_end = native_fifo(O_RDONLY);
	ck_assert_int_ge(other_end, 0);
}
