/* SPDX-License-Identifier: MIT */
/*
 * wait(), waitpid(), wait3(), wait4(), waitid().
 */
#include "engine/thread.h"
#include "os/linux/interpose.h"
#include "os/linux/proc.h"
#include "registry/process.h"
#include "sources/child.h"

/* Only the kernel can tell whose a child is, hence no worker for __WNOTHREAD. */
#define WAIT4_OPTIONS (WNOHANG | WUNTRACED | WCONTINUED | __WCLONE | __WALL)
#define WAITID_OPTIONS (WAIT4_OPTIONS | WEXITED | WNOWAIT)

/*
 * How a loop reaps every child of the process, to look for its own among them: libev by waitpid()
 * with these, gevent on libuv by wait3() with WNOHANG.
 */
#define LIBEV_OPTIONS (WNOHANG | WUNTRACED | WCONTINUED)

/* The header of an older libc lacks the name. */
#define PIDFD_TYPE ((idtype_t)3)

/* False: the kernel is to say what is wrong with it. */
static bool understand(pid_t pid, int options, struct mpg_wish *wish)
{
	if (options & ~WAIT4_OPTIONS || pid == INT_MIN)
		return false;
	wish->options = options | WEXITED;
	wish->type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
	wish->id = (id_t)(pid > 0 ? pid : pid == 0 ? getpgrp() : -pid);
	return true;
}

static bool is_loop(pid_t pid, int options, const char *call)
{
	return pid == -1
		&& (options == LIBEV_OPTIONS || (options == WNOHANG && strcmp(call, "wait3") == 0));
}

static pid_t green_wait(pid_t pid, int *status, int options, struct rusage *usage, const char *call)
{
	struct mpg_status found;
	struct mpg_wish wish;
	int r = MPG_CHILD_NATIVE;

	if (understand(pid, options, &wish) && !mpg_process_is_foreign())
		r = mpg_child_wait(&wish, is_loop(pid, options, call), call, &found);
	if (r == MPG_CHILD_NATIVE)
		return REAL(wait4)(pid, status, options, usage);
	if (r <= 0)
		return r;
	if (status)
		*status = mpg_status_word(&found);
	if (usage)
		*usage = found.usage;
	return found.pid;
}

INTERPOSE(pid_t, wait, int *status)
{
	if (!mpg_thread_is_green())
		return REAL(wait)(status);
	return green_wait(-1, status, 0, NULL, __func__);
}

INTERPOSE(pid_t, waitpid, pid_t pid, int *status, int options)
{
	if (!mpg_thread_is_green())
		return REAL(waitpid)(pid, status, options);
	return green_wait(pid, status, options, NULL, __func__);
}

INTERPOSE(pid_t, wait3, int *status, int options, struct rusage *usage)
{
	if (!mpg_thread_is_green())
		return REAL(wait3)(status, options, usage);
	return green_wait(-1, status, options, usage, __func__);
}

INTERPOSE(pid_t, wait4, pid_t pid, int *status, int options, struct rusage *usage)
{
	if (!mpg_thread_is_green())
		return REAL(wait4)(pid, status, options, usage);
	return green_wait(pid, status, options, usage, __func__);
}

/*
 * Whose pidfd is it? 0: not to be known, or it was made non-blocking, and the kernel says EAGAIN in
 * its own way. The number stays the child's until somebody takes its status.
 */
static pid_t owner_of(int pidfd)
{
	int flags = REAL(fcntl)(pidfd, F_GETFL);
	unsigned long long pid;
	char path[64];

	if (flags < 0 || flags & O_NONBLOCK)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	pid = mpg_proc_number(path, "Pid:", 10, 0);
	return pid <= INT_MAX ? (pid_t)pid : 0;
}

/* False: the kernel is to say what is wrong with it. */
static bool understand_id(idtype_t type, id_t id, int options, struct mpg_wish *wish)
{
	if (options & ~WAITID_OPTIONS || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return false;
	*wish = (struct mpg_wish){ type, id, options };
	if (type == PIDFD_TYPE) {
		wish->type = P_PID;
		wish->id = (id_t)owner_of((int)id);
	}
	if (type == P_PGID && id == 0)
		wish->id = (id_t)getpgrp();
	return type == P_ALL || ((wish->type == P_PID || type == P_PGID) && (int)wish->id > 0);
}

/* What the kernel writes, and no more of it. */
static void tell(siginfo_t *info, const struct mpg_status *found)
{
	info->si_signo = found->pid ? SIGCHLD : 0;
	info->si_errno = 0;
	info->si_code = found->code;
	info->si_pid = found->pid;
	info->si_uid = found->uid;
	info->si_status = found->value;
}

GREEN(int, waitid, idtype_t type, id_t id, siginfo_t *info, int options)
{
	struct mpg_status found;
	struct mpg_wish wish;
	int r = MPG_CHILD_NATIVE;

	if (understand_id(type, id, options, &wish) && !mpg_process_is_foreign())
		r = mpg_child_wait(&wish, false, "waitid", &found);
	if (r == MPG_CHILD_NATIVE)
		return REAL(waitid)(type, id, info, options);
	if (r <= 0)
		found = (struct mpg_status){ .pid = 0 };
	if (info)
		tell(info, &found);
	return r < 0 ? -1 : 0;
}

INTERPOSE(int, waitid, idtype_t type, id_t id, siginfo_t *info, int options)
{
	if (!mpg_thread_is_green())
		return REAL(waitid)(type, id, info, options);
	return green_waitid(type, id, info, options);
}

ALIAS(__wait, wait);
ALIAS(__waitpid, waitpid);
