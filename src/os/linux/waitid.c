/* SPDX-License-Identifier: MIT */
#include "os/linux/waitid.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434	/* on every architecture but one, which has no glibc any more */
#endif

int mpg_status_word(const struct mpg_status *s)
{
	switch (s->code) {
	case CLD_EXITED:
		return (s->value & 0xff) << 8;
	case CLD_KILLED:
		return s->value;
	case CLD_DUMPED:
		return s->value | WCOREFLAG;
	case CLD_CONTINUED:
		return 0xffff;
	default:	/* stopped; for a tracer with the event above the signal */
		return s->value << 8 | 0x7f;
	}
}

int mpg_waitid(const struct mpg_wish *wish, int more, struct mpg_status *found)
{
	siginfo_t info;

	info.si_pid = 0;
	*found = (struct mpg_status){ .pid = 0 };
	if (syscall(SYS_waitid, wish->type, wish->id, &info, wish->options | more, &found->usage)
	    < 0)
		return -1;
	if (info.si_pid == 0)
		return 0;
	found->pid = info.si_pid;
	found->uid = info.si_uid;
	found->code = info.si_code;
	found->value = info.si_status;
	return 1;
}

int mpg_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}
