/* SPDX-License-Identifier: MIT */
/*
 * The toy scheduler. Its own poll() and read() are the intercepted ones on purpose: `looking` makes
 * the scheduler answer NATIVE to them, as every loop must to its own calls.
 */
#include "fibers.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "mpgreen.h"
#include "switch.h"

enum { FIBERS = 160, STACK = 256 * 1024 };

enum state { FREE, RUNNING, RUNNABLE, PARKED, JOINING, ENDED };

struct fiber {
	enum state state;
	unsigned turn;		/* of the runnable, the smallest runs first */
	unsigned ticket;	/* of the parked on one fd, the smallest is woken first */
	mpgreen_wait what;
	int verdict;
	void (*body)(void);
	ucontext_t context;
	struct switch_notes notes;
};

static struct {
	struct fiber fiber[FIBERS];
	struct fiber *running;
	unsigned turns, tickets, waits, waits_of_others;
	bool looking, decline;
	int answer, answer_errno;
	int kick;
	atomic_uint closings;
} loop;

/* Is this the thread of the fibers? */
static _Thread_local bool at_home;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void make_runnable(struct fiber *fiber, int verdict)
{
	fiber->verdict = verdict;
	fiber->state = RUNNABLE;
	fiber->turn = loop.turns++;
}

static struct fiber *first_runnable(void)
{
	struct fiber *first = NULL;

	for (struct fiber *fiber = loop.fiber; fiber < loop.fiber + FIBERS; fiber++)
		if (fiber->state == RUNNABLE && (!first || fiber->turn < first->turn))
			first = fiber;

	return first;
}

static struct fiber *next_parked(const struct fiber *after)
{
	struct fiber *next = NULL;

	for (struct fiber *fiber = loop.fiber; fiber < loop.fiber + FIBERS; fiber++)
		if (fiber->state == PARKED && (!after || fiber->ticket > after->ticket)
		    && (!next || fiber->ticket < next->ticket))
			next = fiber;

	return next;
}

static int64_t nearest_deadline(void)
{
	int64_t nearest = MPGREEN_FOREVER;

	for (struct fiber *fiber = next_parked(NULL); fiber; fiber = next_parked(fiber))
		if (fiber->what.deadline_ns < nearest)
			nearest = fiber->what.deadline_ns;

	return nearest;
}

static int poll_until(struct pollfd *fds, nfds_t n, int64_t deadline)
{
	int64_t left = deadline - now_ns();
	struct timespec timeout;
	int r;

	if (left < 0)
		left = 0;
	timeout = (struct timespec){ left / 1000000000, left % 1000000000 };
	loop.looking = true;
	r = ppoll(fds, n, deadline == MPGREEN_FOREVER ? NULL : &timeout, NULL);
	loop.looking = false;

	return r;
}

static void drain_kick(void)
{
	uint64_t count;

	loop.looking = true;
	ck_assert_int_eq(read(loop.kick, &count, sizeof(count)), sizeof(count));
	loop.looking = false;
}

/* One readiness wakes one fiber: has an earlier one on this fd taken it? */
static bool taken(const struct pollfd *fds, nfds_t k)
{
	for (nfds_t i = 1; i < k; i++)
		if (fds[i].revents && fds[i].fd == fds[k].fd && fds[i].events == fds[k].events)
			return true;

	return false;
}

static void wake(struct fiber **parked, const struct pollfd *fds, nfds_t n, bool all)
{
	int64_t now = now_ns();

	for (nfds_t i = 1; i < n; i++) {
		if (all || (fds[i].revents && !taken(fds, i)))
			make_runnable(parked[i], MPGREEN_READY);
		else if (parked[i]->what.deadline_ns <= now)
			make_runnable(parked[i], MPGREEN_TIMEOUT);
	}
}

/* Makes those fibers runnable that have something to go on with, after at most until `deadline`. */
static void look(int64_t deadline)
{
	struct pollfd fds[FIBERS + 1];
	struct fiber *parked[FIBERS + 1];
	nfds_t n = 1;
	int r;

	fds[0] = (struct pollfd){ .fd = loop.kick, .events = POLLIN };
	for (struct fiber *fiber = next_parked(NULL); fiber; fiber = next_parked(fiber)) {
		parked[n] = fiber;
		fds[n++] = (struct pollfd){ .fd = fiber->what.fd, .events = fiber->what.events };
	}
	r = poll_until(fds, n, deadline);
	if (r < 0) {
		ck_assert_int_eq(errno, EINTR);
		wake(parked, fds, n, true);
		return;
	}
	if (fds[0].revents)
		drain_kick();
	wake(parked, fds, n, fds[0].revents);
}

/* The caller has set its own state to what it waits for, or to RUNNABLE. */
static void run_others(void)
{
	struct fiber *self = loop.running, *next = first_runnable();

	while (!next) {
		look(nearest_deadline());
		next = first_runnable();
	}
	next->state = RUNNING;
	if (next == self)
		return;
	loop.running = next;
	mpgreen_switched(self, next);
	switch_leave(&self->notes, &next->notes, self->state == ENDED);
	swapcontext(&self->context, &next->context);
	switch_arrive(&self->notes);
}

static int wait_for(void *self, const mpgreen_wait *what)
{
	struct fiber *fiber = loop.running;
	int token = mpgreen_native_enter();

	/* It locks a mutex of the test library. */
	ck_assert_ptr_eq(self, &loop);
	mpgreen_native_leave(token);
	if (loop.looking)
		return MPGREEN_NATIVE;
	loop.waits++;
	loop.waits_of_others += fibers_inside();
	if (loop.answer && !(what->flags & MPGREEN_UNCANCELLABLE)) {
		errno = loop.answer_errno;
		return loop.answer;
	}
	fiber->what = *what;
	if (what->attempt == 0)
		fiber->ticket = loop.tickets++;
	fiber->state = PARKED;
	run_others();

	return fiber->verdict;
}

static int can_wait(void *self)
{
	ck_assert_ptr_eq(self, &loop);
	return !loop.looking && !loop.decline;
}

static void *current(void *self)
{
	ck_assert_ptr_eq(self, &loop);
	return loop.running;
}

/* On any thread: nothing but a kick. */
static void closing(void *self, int fd)
{
	uint64_t one = 1;

	(void)self;
	(void)fd;
	atomic_fetch_add(&loop.closings, 1);
	syscall(SYS_write, loop.kick, &one, sizeof(one));
}

static const mpgreen_scheduler scheduler = {
	.abi = MPGREEN_ABI,
	.wait = wait_for,
	.can_wait = can_wait,
	.current = current,
	.closing = closing,
};

static void run_body(void)
{
	struct fiber *self = loop.running;

	switch_arrive(&self->notes);
	self->body();
	self->state = ENDED;
	for (struct fiber *fiber = loop.fiber; fiber < loop.fiber + FIBERS; fiber++)
		if (fiber->state == JOINING)
			make_runnable(fiber, 0);
	run_others();
}

void fibers_start(void)
{
	loop.kick = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(loop.kick, 0);
	at_home = true;
	loop.running = loop.fiber;
	loop.running->state = RUNNING;
	switch_first(&loop.running->notes);
	ck_assert_int_eq(mpgreen_attach(&scheduler, &loop), 0);
}

static struct fiber *free_fiber(void)
{
	struct fiber *fiber = loop.fiber;

	while (fiber->state != FREE)
		ck_assert_ptr_ne(++fiber, loop.fiber + FIBERS);
	return fiber;
}

static void make_context(ucontext_t *context, void *stack)
{
	getcontext(context);
	context->uc_stack.ss_sp = stack;
	context->uc_stack.ss_size = STACK;
	makecontext(context, run_body, 0);
}

void fibers_spawn(void (*body)(void))
{
	struct fiber *fiber = free_fiber();
	void *stack = malloc(STACK);

	ck_assert_ptr_nonnull(stack);
	fiber->body = body;
	make_context(&fiber->context, stack);
	switch_new(&fiber->notes, stack, STACK);
	make_runnable(fiber, 0);
}

void fibers_settle(void)
{
	for (;;) {
		look(0);
		if (!first_runnable())
			return;
		make_runnable(loop.running, 0);
		run_others();
	}
}

static bool all_ended(void)
{
	for (struct fiber *fiber = loop.fiber + 1; fiber < loop.fiber + FIBERS; fiber++)
		if (fiber->state != FREE && fiber->state != ENDED)
			return false;

	return true;
}

static void bury(struct fiber *fiber)
{
	switch_gone(&fiber->notes);
	free(fiber->notes.stack);
	*fiber = (struct fiber){ .state = FREE };
}

void fibers_join(void)
{
	while (!all_ended()) {
		loop.running->state = JOINING;
		run_others();
	}
	for (struct fiber *fiber = loop.fiber + 1; fiber < loop.fiber + FIBERS; fiber++)
		if (fiber->state == ENDED)
			bury(fiber);
}

void fibers_finish(void)
{
	fibers_join();
	ck_assert_int_eq(mpgreen_detach(), 0);
}

bool fibers_inside(void)
{
	return at_home && loop.running != loop.fiber;
}

unsigned fibers_waits(void)
{
	return loop.waits;
}

unsigned fibers_waits_of_others(void)
{
	return loop.waits_of_others;
}

unsigned fibers_closings(void)
{
	return atomic_load(&loop.closings);
}

void fibers_answer(int verdict, int error)
{
	loop.answer = verdict;
	loop.answer_errno = error;
}

void fibers_decline(bool decline)
{
	loop.decline = decline;
}
