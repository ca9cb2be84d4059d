/* SPDX-License-Identifier: MIT */
#include "registry/private.h"
#include "real.h"

/* Above what programs use, below what a small limit allows. */
static int lowest(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 2048)
		return 1024;
	return (int)(limit.rlim_cur / 2);
}

void mpg_private_reserve(void)
{
	int fd = mpg_private_adopt(REAL(eventfd)(0, EFD_CLOEXEC));

	if (fd >= 0)
		mpg_private_close(fd);
}

int mpg_private_adopt(int fd)
{
	struct mpg_fd *entry;
	int moved, cancelling;

	if (fd < 0)
		return -1;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
	moved = REAL(fcntl)(fd, F_DUPFD_CLOEXEC, lowest());
	REAL(close)(fd);
	pthread_setcancelstate(cancelling, NULL);
	if (moved < 0)
		return -1;
	entry = mpg_fd_entry(moved);
	if (!entry) {
		REAL(close)(moved);
		errno = ENOMEM;
		return -1;
	}
	atomic_store(&entry->state, MPG_FD_KNOWN | MPG_FD_PRIVATE);
	mpg_fds_entered(moved);
	return moved;
}

void (*mpg_private_closing)(int fd);

void mpg_private_unwatch(int fd)
{
	struct mpg_fd *entry = mpg_fd_entry(fd);
	uint32_t old = atomic_fetch_and(&entry->state, ~(uint32_t)MPG_FD_WATCHED);

	if (old & MPG_FD_PRIVATE && old & MPG_FD_WATCHED && mpg_private_closing)
		mpg_private_closing(fd);
}

void mpg_private_close(int fd)
{
	struct mpg_fd *entry = mpg_fd_entry(fd);

	/* A fiber that was parked across fork() holds a number that is closed in the child. */
	if (!(mpg_fd_state(entry) & MPG_FD_PRIVATE))
		return;
	mpg_private_unwatch(fd);
	atomic_store(&entry->state, 0);
	/* libc's is a cancellation point: what the caller has won would be lost. */
	syscall(SYS_close, fd);
}
