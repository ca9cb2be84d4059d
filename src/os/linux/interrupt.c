/* SPDX-License-Identifier: MIT */
#include "os/linux/interrupt.h"

#define SIGCANCEL __SIGRTMIN
#define SET_BYTES 8

/* As the kernel has it: libc's sigaction() does not touch this signal. */
struct action {
	void *handler;
	unsigned long flags;
	unsigned long rest[4];
};

static _Atomic int interrupting;
static _Atomic bool restarted;	/* by glibc's wish, which must be restored */

static void change(bool restart)
{
	struct action action = { 0 };

	if (syscall(SYS_rt_sigaction, SIGCANCEL, NULL, &action, SET_BYTES) < 0 || !action.handler
	    || !(action.flags & SA_RESTART) != restart)
		return;
	atomic_store(&restarted, true);
	action.flags ^= SA_RESTART;
	syscall(SYS_rt_sigaction, SIGCANCEL, &action, NULL, SET_BYTES);
}

void mpg_interrupt_begin(void)
{
	atomic_fetch_add(&interrupting, 1);
}

/* Whoever is last restores, and everybody else's changes came before that: no lock is needed. */
void mpg_interrupt_end(void)
{
	if (atomic_fetch_sub(&interrupting, 1) == 1 && atomic_load(&restarted))
		change(true);
}

void mpg_interrupt(pid_t thread)
{
	/* Each time, for another thread may just have restored it. */
	change(false);
	syscall(SYS_tgkill, getpid(), thread, SIGCANCEL);
}
