/* SPDX-License-Identifier: MIT */
/* src/sources/lookup.c: who makes a look-up in the end, and what it leaves. */
#include "sources/lookup.h"
#include "engine/stats.h"
#include "real.h"
#include "settings.h"
#include "support.h"

#include <sched.h>

static struct {
	struct mpg_work work;
	_Atomic bool begun, done;
} stuck;

static void run_until_cancelled(struct mpg_work *work)
{
	(void)work;
	stuck.begun = true;
	/* ThreadSanitizer loses count of who is cancelled inside a call that it intercepts. */
	for (;;) {
		pthread_testcancel();
		sched_yield();
	}
}

static void note_done(struct mpg_work *work)
{
	(void)work;
	stuck.done = true;
}

/* The one place is taken: who comes now stands in line. */
static void take_the_place(void)
{
	mpg_settings.workers = 1;
	stuck.work.run = run_until_cancelled;
	stuck.work.done = note_done;
	stuck.work.may_queue = true;
	ck_assert_int_eq(mpg_pool_run(&stuck.work), 0);
	while (!stuck.begun)
		sched_yield();
}

static void free_the_place(int unused)
{
	(void)unused;
	ck_assert_int_eq(mpg_pool_leave(&stuck.work, true), MPG_LEFT_RUNNING);
	while (!stuck.done)
		sched_yield();
}

static void free_the_place_without_a_thread(int unused)
{
	fake_no_threads = true;
	free_the_place(unused);
}

static _Atomic int asked;

static void ask(struct mpg_lookup *l)
{
	(void)l;
	asked++;
	errno = ENOTTY;
	h_errno = TRY_AGAIN;
}

static enum mpg_lookup_end look_up(void)
{
	MPG_LOOKUP(l, NULL);

	errno = ESTALE;
	h_errno = NO_DATA;
	l = mpg_lookup_new(sizeof(*l), 0, ask, "test");
	ck_assert_ptr_nonnull(l);
	return mpg_lookup_run(l);
}

START_TEST(a_look_up_leaves_its_errno_and_its_h_errno)
{
	PLAY(NATIVE);
	ck_assert_int_eq(look_up(), MPG_LOOKUP_ANSWERED);
	ck_assert_int_eq(asked, 1);
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_int_eq(h_errno, TRY_AGAIN);
}
END_TEST

START_TEST(a_look_up_that_stood_in_line_is_made)
{
	PLAY(READY_AFTER(free_the_place, 0), NATIVE);
	take_the_place();
	ck_assert_int_eq(look_up(), MPG_LOOKUP_ANSWERED);
	ck_assert_int_eq(asked, 1);
}
END_TEST

START_TEST(a_look_up_that_lost_its_place_in_line_is_the_callers)
{
	PLAY(READY_AFTER(free_the_place_without_a_thread, 0), NATIVE);
	take_the_place();
	ck_assert_int_eq(look_up(), MPG_LOOKUP_NATIVE);
	ck_assert_int_eq(asked, 0);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_eq(h_errno, NO_DATA);
}
END_TEST

static _Atomic bool inside, may_end;

static void ask_a_server(struct mpg_lookup *l)
{
	(void)l;
	inside = true;
	while (!may_end)
		sched_yield();
	inside = false;
}

static int child_status;

static int is_inside(void *unused)
{
	(void)unused;
	return inside;
}

static void *let_it_end(void *unused)
{
	may_end = true;
	return unused;
}

static void fork_meanwhile(int ends_soon)
{
	pthread_t thread;

	while (!inside)
		sched_yield();
	if (ends_soon)
		ck_assert_int_eq(pthread_create(&thread, NULL, let_it_end, NULL), 0);
	child_status = in_child(is_inside, NULL);
	may_end = true;
	if (ends_soon)
		pthread_join(thread, NULL);
}

/* Else libc may be locked in the child, and nobody would unlock it. */
START_TEST(a_fork_waits_for_a_look_up_unless_it_takes_long)
{
	struct mpg_lookup *l;

	mpg_lookup_patience_ns = _i ? 60 * MPG_SECOND : MPG_MILLISECOND;
	PLAY(READY_AFTER(fork_meanwhile, _i), NATIVE);
	l = mpg_lookup_new(sizeof(*l), 0, ask_a_server, "test");
	ck_assert_ptr_nonnull(l);
	ck_assert_int_eq(mpg_lookup_run(l), MPG_LOOKUP_ANSWERED);
	mpg_lookup_drop(&l);
	ck_assert_int_eq(child_status, !_i);
}
END_TEST

/* pthread_cancel() unwinds a thread. */
SUITE_OF(lookup, { a_look_up_leaves_its_errno_and_its_h_errno, 0 },
	 { a_fork_waits_for_a_look_up_unless_it_takes_long, 2 },
	 { a_look_up_that_stood_in_line_is_made, NOT_UNDER_ASAN },
	 { a_look_up_that_lost_its_place_in_line_is_the_callers, NOT_UNDER_ASAN })
