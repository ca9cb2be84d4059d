/* SPDX-License-Identifier: MIT */
/*
 * Start-up, and what fork() needs. Every lock of the library is named here: all are held across
 * fork(), in this order, so that the child finds them whole.
 */
#include "init.h"
#include "calls/popen.h"
#include "engine/doorbell.h"
#include "engine/scheduler.h"
#include "engine/signals.h"
#include "engine/stats.h"
#include "os/linux/fdset.h"
#include "os/linux/uring.h"
#include "python.h"
#include "real.h"
#include "registry/fds.h"
#include "registry/policy.h"
#include "registry/process.h"
#include "rules/apply.h"
#include "rules/native.h"
#include "rules/rules.h"
#include "settings.h"
#include "sources/bells.h"
#include "sources/filelock.h"
#include "sources/futex.h"
#include "sources/lookup.h"
#include "sources/parking.h"
#include "sources/pool.h"
#include "sources/reaped.h"
#include "sources/serial.h"

static void before_fork(void)
{
	/* It may take a while, under no lock. */
	mpg_lookup_before_fork();
	mpg_popen_before_fork();
	mpg_reaped_before_fork();
	mpg_signals_before_fork();
	mpg_scheduler_before_fork();
	mpg_uring_before_fork();
	mpg_futex_before_fork();
	mpg_parking_before_fork();
	mpg_pool_before_fork();
	mpg_serial_before_fork();
}

static void after_fork(void)
{
	mpg_serial_after_fork();
	mpg_pool_after_fork();
	mpg_parking_after_fork();
	mpg_futex_after_fork();
	mpg_uring_after_fork();
	mpg_scheduler_after_fork();
	mpg_signals_after_fork();
	mpg_reaped_after_fork();
	mpg_popen_after_fork();
	mpg_lookup_after_fork();
}

/*
 * The child starts detached: what belongs to the parent's schedulers it must not touch. First of
 * all, for a scheduler that is told of an fd closed here would take it from the parent's epoll set.
 */
static void forked(void)
{
	int saved_errno = errno;

	mpg_process_adopt();
	mpg_scheduler_forked();
	mpg_serial_forked();
	mpg_pool_forked();
	mpg_lookup_forked();
	mpg_futex_forked();
	mpg_parking_forked();
	mpg_bells_forked();
	mpg_uring_forked();
	mpg_doorbell_forked();
	mpg_fdset_forked();
	mpg_fds_forked();
	mpg_stats_forked();
	mpg_signals_forked();
	mpg_reaped_forked();
	mpg_filelock_forked();
	mpg_popen_after_fork();
	errno = saved_errno;
}

static void start(void)
{
	int saved_errno = errno;

	mpg_real_bind();
	mpg_settings_read();
	mpg_policy_read();
	if (mpg_settings.rules)
		mpg_rules_read(mpg_settings.rules);
	mpg_process_adopt();
	pthread_atfork(before_fork, after_fork, forked);
	if (mpg_settings.scheduler != MPG_SCHEDULER_NONE && !mpg_settings.refused)
		mpg_scheduler_prepare();
	if (mpg_settings.python == MPG_ON && !mpg_settings.refused)
		mpg_python_prepare();
	if (!mpg_settings.refused) {
		mpg_native_spare_allocator();
		mpg_apply_start();
	}
	errno = saved_errno;
}

/* A preloaded library is initialised last: what runs before may attach already. */
__attribute__((constructor(101))) void mpg_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	REAL(pthread_once)(&once, start);
}
