/* SPDX-License-Identifier: MIT */
/* src/engine/scheduler.c, poll_scheduler.c: who is attached where, who hears of a closing. */
#include "engine/scheduler.h"
#include "engine/clock.h"
#include "real.h"
#include "registry/process.h"
#include "settings.h"
#include "support.h"

static const mpgreen_scheduler future = { .abi = MPGREEN_ABI + 1 };
static const mpgreen_scheduler without_abi = { .abi = 0 };
static const mpgreen_scheduler without_wait = { .abi = MPGREEN_ABI };

static const struct {
	const mpgreen_scheduler *scheduler;
	int refusal;
} refused[] = {
	{ NULL, -EINVAL },
	{ &without_abi, -EINVAL },
	{ &without_wait, -EINVAL },
	{ &future, -EPROTONOSUPPORT },
};
enum { REFUSED = sizeof(refused) / sizeof(refused[0]) };

START_TEST(what_is_no_scheduler_is_refused_and_nothing_begins)
{
	errno = ENOANO;
	ck_assert_int_eq(mpgreen_attach(refused[_i].scheduler, NULL), refused[_i].refusal);
	ck_assert_int_eq(errno, ENOANO);
	ck_assert(!mpg_thread_is_green());
	ck_assert(!mpg_fds_are_active());
}
END_TEST

START_TEST(attaching_makes_the_thread_green_until_it_is_detached)
{
	ck_assert(!mpg_thread_is_green());
	ck_assert_int_eq(mpgreen_attach(&scripted, &script), 0);
	ck_assert(mpg_thread_is_green());
	ck_assert(mpg_fds_are_active());
	ck_assert_int_eq(mpgreen_detach(), 0);
	ck_assert(!mpg_thread_is_green());
	ck_assert_int_eq(mpgreen_detach(), -ENOENT);
}
END_TEST

START_TEST(the_same_scheduler_with_the_same_self_is_attached_once)
{
	struct script other;

	ck_assert_int_eq(mpgreen_attach(&scripted, &script), 0);
	ck_assert_int_eq(mpgreen_attach(&scripted, &script), -EALREADY);
	ck_assert_int_eq(mpgreen_attach(&scripted, &other), 0);
	ck_assert_int_eq(mpgreen_attach(&scripted, &script), 0);
}
END_TEST

START_TEST(schedulers_nest_eight_deep_and_come_back_in_order)
{
	static struct script inner[9];

	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(mpgreen_attach(&scripted, &inner[i]), 0);
	ck_assert_int_eq(mpgreen_attach(&scripted, &inner[8]), -ENOBUFS);
	for (int i = 7; i >= 0; i--) {
		ck_assert_ptr_eq(mpg_thread.slot->self, &inner[i]);
		ck_assert_int_eq(mpgreen_detach(), 0);
	}
	ck_assert_int_eq(mpgreen_detach(), -ENOENT);
}
END_TEST

START_TEST(the_structure_is_copied)
{
	mpgreen_scheduler scheduler = scripted;

	ck_assert_int_eq(mpgreen_attach(&scheduler, &script), 0);
	memset(&scheduler, 0, sizeof(scheduler));
	ck_assert(mpg_thread.slot->ops.wait == scripted.wait);
}
END_TEST

static int detached;

static void detach_it(int unused)
{
	(void)unused;
	detached = mpgreen_detach();
}

START_TEST(nobody_detaches_while_a_fiber_waits)
{
	char byte;
	int ends[2];

	open_pipe(ends);
	PLAY(READY_AFTER(detach_it, 0), CANCELLED(EIO));
	ck_assert_int_eq(read(ends[0], &byte, 1), -1);
	ck_assert_int_eq(detached, -EBUSY);
	ck_assert_int_eq(mpgreen_detach(), 0);
}
END_TEST

static void *green_thread(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)mpg_thread_is_green();
}

static void *in_thread(void *(*body)(void *), void *argument)
{
	pthread_t thread;
	void *result;

	ck_assert_int_eq(pthread_create(&thread, NULL, body, argument), 0);
	ck_assert_int_eq(REAL(pthread_join)(thread, &result), 0);
	return result;
}

START_TEST(a_scheduler_belongs_to_one_thread)
{
	ck_assert_int_eq(mpgreen_attach(&scripted, &script), 0);
	ck_assert_ptr_null(in_thread(green_thread, NULL));
}
END_TEST

static void *close_in_thread(void *fd)
{
	return (void *)(intptr_t)close(*(int *)fd);
}

static void be_watched(int fd)
{
	mpg_fd_examine(fd, mpg_fd_entry(fd));
	atomic_fetch_or(&mpg_fd_entry(fd)->state, MPG_FD_WATCHED);
}

START_TEST(a_close_on_any_thread_is_told_to_every_scheduler)
{
	static struct script outer;
	int ends[2];

	open_pipe(ends);
	ck_assert_int_eq(mpgreen_attach(&scripted, &outer), 0);
	NOTHING_TO_WAIT_FOR();
	be_watched(ends[0]);
	ck_assert_ptr_null(in_thread(close_in_thread, &ends[0]));
	ck_assert(script.closings == 1 && script.closed[0] == ends[0]);
	ck_assert(outer.closings == 1 && outer.closed[0] == ends[0]);
}
END_TEST

START_TEST(a_close_on_its_own_thread_is_told_to_a_scheduler_once)
{
	int ends[2];

	open_pipe(ends);
	NOTHING_TO_WAIT_FOR();
	be_watched(ends[0]);
	errno = ENOANO;
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_uint_eq(script.closings, 1);
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

START_TEST(what_no_scheduler_has_watched_closes_in_silence)
{
	int ends[2];

	open_pipe(ends);
	NOTHING_TO_WAIT_FOR();
	mpgreen_marks(ends[0]);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_uint_eq(script.closings, 0);
}
END_TEST

START_TEST(a_scheduler_without_closing_is_left_alone)
{
	mpgreen_scheduler quiet = { .abi = MPGREEN_ABI, .wait = scripted.wait };
	int ends[2];

	open_pipe(ends);
	ck_assert_int_eq(mpgreen_attach(&quiet, NULL), 0);
	be_watched(ends[0]);
	ck_assert_int_eq(close(ends[0]), 0);
}
END_TEST

static void *attach_and_end(void *script_of_thread)
{
	ck_assert_int_eq(mpgreen_attach(&scripted, script_of_thread), 0);
	ck_assert_int_eq(mpgreen_attach(&scripted, NULL), 0);
	return NULL;
}

START_TEST(a_thread_that_ends_takes_its_schedulers_along)
{
	static struct script its;
	int ends[2];

	in_thread(attach_and_end, &its);
	open_pipe(ends);
	be_watched(ends[0]);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_uint_eq(its.closings, 0);
}
END_TEST

static int attach_anew(void *unused)
{
	(void)unused;
	if (mpg_thread_is_green() || mpgreen_detach() != -ENOENT)
		return 1;
	return mpgreen_attach(&scripted, &script) != 0 || mpgreen_detach() != 0;
}

START_TEST(a_fork_child_is_detached_and_may_attach)
{
	ck_assert_int_eq(mpgreen_attach(&scripted, &script), 0);
	mpgreen_native_enter();
	ck_assert_int_eq(in_child(attach_anew, NULL), 0);
	ck_assert(mpg_thread_is_green());
}
END_TEST

static int close_watched(void *fd)
{
	return close(*(int *)fd) != 0 || script.closings != 0;
}

START_TEST(a_close_in_a_fork_child_is_not_told_to_its_parents_scheduler)
{
	int ends[2];

	open_pipe(ends);
	NOTHING_TO_WAIT_FOR();
	be_watched(ends[0]);
	ck_assert_int_eq(in_child(close_watched, &ends[0]), 0);
}
END_TEST

/* What the test library has written to its file has decided for the thread. */
static void be_undecided(void)
{
	mpg_thread.mode = MPG_MODE_UNDECIDED;
}

START_TEST(before_the_constructor_has_run_nothing_is_decided)
{
	mpg_settings.scheduler = MPG_SCHEDULER_POLL;
	mpg_process_owner = 0;
	be_undecided();
	ck_assert(!mpg_thread_is_green());
	mpg_process_owner = getpid();
	ck_assert(mpg_thread_is_green());
}
END_TEST

START_TEST(the_poll_scheduler_attaches_itself_to_every_thread)
{
	mpg_settings.scheduler = MPG_SCHEDULER_POLL;
	be_undecided();
	errno = ENOANO;
	ck_assert(mpg_thread_is_green());
	ck_assert_int_eq(errno, ENOANO);
	ck_assert_ptr_nonnull(in_thread(green_thread, NULL));
}
END_TEST

START_TEST(with_a_refused_configuration_no_thread_is_green)
{
	mpg_settings.scheduler = MPG_SCHEDULER_POLL;
	mpg_settings.refused = true;
	ck_assert(!mpg_thread_is_green());
}
END_TEST

/* Its first wait makes the doorbell, and answers READY so that nothing is missed. */
static void attach_poll(void)
{
	const mpgreen_wait what = { .fd = -1, .call = "test" };

	ck_assert_int_eq(mpg_poll_scheduler_attach(), 0);
	ck_assert_int_eq(mpg_thread.slot->ops.wait(mpg_thread.slot->self, &what), MPGREEN_READY);
}

static int wait_with_poll(int fd, short events, int64_t deadline)
{
	const mpgreen_wait what = {
		.fd = fd, .events = events, .deadline_ns = deadline, .call = "test"
	};

	if (!mpg_thread.slot)
		attach_poll();
	return mpg_thread.slot->ops.wait(mpg_thread.slot->self, &what);
}

START_TEST(the_poll_scheduler_answers_ready_when_the_fd_is)
{
	int ends[2];

	open_pipe(ends);
	ck_assert_int_eq(wait_with_poll(ends[1], POLLOUT, MPGREEN_FOREVER), MPGREEN_READY);
	write_a_byte(ends[1]);
	ck_assert_int_eq(wait_with_poll(ends[0], POLLIN, 0), MPGREEN_READY);
}
END_TEST

START_TEST(the_poll_scheduler_answers_timeout_when_the_deadline_has_passed)
{
	int ends[2];

	open_pipe(ends);
	ck_assert_int_eq(wait_with_poll(ends[0], POLLIN, mpg_clock_now() + 1000), MPGREEN_TIMEOUT);
	ck_assert_int_eq(wait_with_poll(-1, 0, 0), MPGREEN_TIMEOUT);
}
END_TEST

START_TEST(the_poll_scheduler_looks_up_when_an_fd_is_closing)
{
	int ends[2];

	open_pipe(ends);
	ck_assert_int_eq(wait_with_poll(-1, 0, 0), MPGREEN_TIMEOUT);
	mpg_scheduler_closing(ends[0]);
	ck_assert_int_eq(wait_with_poll(ends[0], POLLIN, MPGREEN_FOREVER), MPGREEN_READY);
	ck_assert_int_eq(wait_with_poll(ends[0], POLLIN, 0), MPGREEN_TIMEOUT);
}
END_TEST

SUITE_OF(scheduler, { what_is_no_scheduler_is_refused_and_nothing_begins, REFUSED },
	 { attaching_makes_the_thread_green_until_it_is_detached, 0 },
	 { the_same_scheduler_with_the_same_self_is_attached_once, 0 },
	 { schedulers_nest_eight_deep_and_come_back_in_order, 0 }, { the_structure_is_copied, 0 },
	 { nobody_detaches_while_a_fiber_waits, 0 }, { a_scheduler_belongs_to_one_thread, 0 },
	 { a_close_on_any_thread_is_told_to_every_scheduler, 0 },
	 { a_close_on_its_own_thread_is_told_to_a_scheduler_once, 0 },
	 { what_no_scheduler_has_watched_closes_in_silence, 0 },
	 { a_scheduler_without_closing_is_left_alone, 0 },
	 { a_thread_that_ends_takes_its_schedulers_along, 0 },
	 { a_fork_child_is_detached_and_may_attach, 0 },
	 { a_close_in_a_fork_child_is_not_told_to_its_parents_scheduler, 0 },
	 { before_the_constructor_has_run_nothing_is_decided, 0 },
	 { the_poll_scheduler_attaches_itself_to_every_thread, 0 },
	 { with_a_refused_configuration_no_thread_is_green, 0 },
	 { the_poll_scheduler_answers_ready_when_the_fd_is, 0 },
	 { the_poll_scheduler_answers_timeout_when_the_deadline_has_passed, 0 },
	 { the_poll_scheduler_looks_up_when_an_fd_is_closing, 0 })
