/* SPDX-License-Identifier: MIT */
/* The public functions of mpgreen.h: arguments are checked here, the work is done below. */
#include "mpgreen.h"
#include "engine/held.h"
#include "engine/scheduler.h"
#include "engine/stats.h"
#include "engine/wait.h"
#include "init.h"
#include "real.h"
#include "registry/private.h"
#include "registry/process.h"
#include "registry/sems.h"
#include "rules/native.h"
#include "settings.h"
#include "sources/offload.h"

int mpgreen_attach(const mpgreen_scheduler *scheduler, void *self)
{
	mpg_init();
	mpg_thread_is_green();
	return mpg_scheduler_attach(scheduler, self);
}

int mpgreen_detach(void)
{
	return mpg_scheduler_detach();
}

/* NULL, with a negative errno in *r, if fd cannot be entered. */
static struct mpg_fd *open_entry(int fd, int *r)
{
	struct mpg_fd *entry = NULL;

	if (fd < 0 || mpg_private_is(fd) || REAL(fcntl)(fd, F_GETFD) < 0)
		*r = -EBADF;
	else if (mpg_process_is_foreign())
		*r = -ENOTSUP;
	else if (!(entry = mpg_fd_entry(fd)))
		*r = -ENOMEM;
	return entry;
}

static int mark(int fd, unsigned flags)
{
	int r = 0;
	struct mpg_fd *entry = open_entry(fd, &r);
	uint32_t kind, green = MPG_FD_GREEN;

	if (flags & ~(unsigned)(MPGREEN_GREEN | MPGREEN_ALWAYS))
		return -EINVAL;
	if (!entry)
		return r;
	kind = mpg_fd_kind(fd);
	if (!kind && !mpg_fd_is_queue(fd))
		return -EPERM;
	if (!kind)
		green = MPG_FD_QUEUE;
	mpg_fds_entered(fd);
	atomic_store(&entry->state,
		     MPG_FD_KNOWN | MPG_FD_MARKED | green | kind
			     | (flags & MPGREEN_ALWAYS ? MPG_FD_ALWAYS : 0)
			     | (mpg_fd_state(entry) & (MPG_FD_WATCHED | MPG_FD_MEMBER)));
	return 0;
}

static int unmark(int fd)
{
	int r = 0;
	struct mpg_fd *entry = open_entry(fd, &r);

	if (!entry)
		return r;
	mpg_fds_entered(fd);
	atomic_store(&entry->state,
		     MPG_FD_KNOWN | MPG_FD_MARKED
			     | (mpg_fd_state(entry) & (MPG_FD_WATCHED | MPG_FD_MEMBER)));
	return 0;
}

static int marks(int fd)
{
	int r = 0;
	struct mpg_fd *entry = open_entry(fd, &r);
	uint32_t state;

	if (!entry)
		return r;
	state = mpg_fd_state(entry);
	if (!(state & MPG_FD_KNOWN))
		state = mpg_fd_examine(fd, entry);
	if (!(state & MPG_FD_GREEN))
		state = mpg_fd_examine_queue(fd, entry);
	return (state & (MPG_FD_GREEN | MPG_FD_QUEUE) ? MPGREEN_GREEN : 0)
		| (state & MPG_FD_ALWAYS ? MPGREEN_ALWAYS : 0);
}

int mpgreen_mark(int fd, unsigned flags)
{
	int saved_errno = errno, r = mark(fd, flags);

	errno = saved_errno;
	return r;
}

int mpgreen_unmark(int fd)
{
	int saved_errno = errno, r = unmark(fd);

	errno = saved_errno;
	return r;
}

int mpgreen_marks(int fd)
{
	int saved_errno = errno, r = marks(fd);

	errno = saved_errno;
	return r;
}

static int mark_sem(const sem_t *sem, unsigned flags, enum mpg_sems_mark mark)
{
	if (!sem || flags & ~(unsigned)MPGREEN_GREEN)
		return -EINVAL;
	if (!mpg_sems_known() || mpg_process_is_foreign())
		return -ENOTSUP;
	return mpg_sems_mark(sem, mark);
}

int mpgreen_mark_sem(sem_t *sem, unsigned flags)
{
	return mark_sem(sem, flags, MPG_SEMS_GREEN);
}

int mpgreen_unmark_sem(sem_t *sem)
{
	return mark_sem(sem, 0, MPG_SEMS_NATIVE);
}

int mpgreen_wake(int fd, int err)
{
	return mpg_wait_wake(fd, err);
}

int mpgreen_native_enter(void)
{
	return mpg_thread.native_depth++;
}

void mpgreen_native_leave(int token)
{
	mpg_thread.native_depth = token;
}

int mpgreen_switched(const void *from, const void *to)
{
	mpg_held_switched(from, to);
	return 0;
}

int mpgreen_bind_native(const void *in_object, const char *name)
{
	int saved_errno = errno, r = -EINVAL;

	if (in_object && name)
		r = mpg_process_is_foreign() ? -ENOTSUP : mpg_native_bind(in_object, name);
	errno = saved_errno;
	return r;
}

int mpgreen_offload(const char *signature, void (*function)(void), void *result,
		    void *const arguments[], unsigned flags)
{
	return mpg_offload(signature, function, result, arguments, flags);
}

int mpgreen_stats_read(mpgreen_stats *stats, size_t size)
{
	return mpg_stats_read(stats, size);
}

const char *mpgreen_version(void)
{
	return PACKAGE_VERSION;
}
