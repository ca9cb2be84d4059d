/* SPDX-License-Identifier: MIT */
#include "engine/scheduler.h"
#include "engine/held.h"
#include "engine/signals.h"
#include "registry/fds.h"
#include "registry/lock.h"
#include "registry/private.h"
#include "registry/process.h"
#include "settings.h"

#define NESTING 8

__thread struct mpg_thread mpg_thread __attribute__((tls_model("initial-exec")));

static struct mpg_lock lock = MPG_LOCK_INITIALIZER;
static struct mpg_slot *slots;

/* Its value is set while slots exist, so that a thread that ends takes them along. */
static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void list_remove(struct mpg_slot *slot)
{
	mpg_lock(&lock);
	for (struct mpg_slot **p = &slots; *p; p = &(*p)->next)
		if (*p == slot) {
			*p = slot->next;
			break;
		}
	mpg_unlock(&lock);
}

static void pop(void)
{
	struct mpg_slot *slot = mpg_thread.slot;

	mpg_thread.slot = slot->outer;
	mpg_thread.mode = slot->outer ? MPG_MODE_GREEN : MPG_MODE_NATIVE;
	mpg_thread.told_of_locks = false;
	list_remove(slot);
	free(slot);
}

static void thread_ends(void *unused)
{
	(void)unused;
	while (mpg_thread.slot)
		pop();
	mpg_thread.mode = MPG_MODE_NATIVE;
}

static void closing_here(int fd)
{
	int saved_errno = errno;

	for (struct mpg_slot *slot = mpg_thread.slot; slot; slot = slot->outer)
		if (slot->ops.closing)
			slot->ops.closing(slot->self, fd);
	errno = saved_errno;
}

static void wake_up(void)
{
	pthread_key_create(&ending, thread_ends);
	mpg_fds_activate();
	mpg_private_reserve();
	mpg_signals_activate();
	mpg_private_closing = closing_here;
}

void mpg_scheduler_prepare(void)
{
	REAL(pthread_once)(&once, wake_up);
}

static unsigned depth(void)
{
	unsigned n = 0;

	for (const struct mpg_slot *slot = mpg_thread.slot; slot; slot = slot->outer)
		n++;
	return n;
}

static int refusal(const mpgreen_scheduler *ops, void *self)
{
	const struct mpg_slot *top = mpg_thread.slot;

	if (!ops || !ops->abi)
		return -EINVAL;
	if (ops->abi > MPGREEN_ABI)
		return -EPROTONOSUPPORT;
	if (!ops->wait)
		return -EINVAL;
	if (mpg_settings.refused || mpg_process_is_foreign())
		return -ENOTSUP;
	if (top && top->ops.wait == ops->wait && top->self == self)
		return -EALREADY;
	return depth() == NESTING ? -ENOBUFS : 0;
}

static int push(const mpgreen_scheduler *ops, void *self)
{
	struct mpg_slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	mpg_scheduler_prepare();
	if (pthread_setspecific(ending, slot) != 0) {
		free(slot);
		return -ENOMEM;
	}
	slot->ops = *ops;
	slot->self = self;
	slot->outer = mpg_thread.slot;
	mpg_lock(&lock);
	slot->next = slots;
	slots = slot;
	mpg_unlock(&lock);
	mpg_thread.slot = slot;
	mpg_thread.mode = MPG_MODE_GREEN;
	mpg_thread.told_of_locks = false;
	return 0;
}

int mpg_scheduler_attach(const mpgreen_scheduler *ops, void *self)
{
	int saved_errno = errno;
	int r = refusal(ops, self);

	if (r == 0)
		r = push(ops, self);
	errno = saved_errno;
	return r;
}

int mpg_scheduler_detach(void)
{
	if (!mpg_thread.slot)
		return -ENOENT;
	if (mpg_thread.slot->waiting)
		return -EBUSY;
	pop();
	return 0;
}

bool mpg_thread_decide(void)
{
	int saved_errno = errno;

	/*
	 * Not before our constructor has run, not in a vfork child for its parent's thread, and not
	 * in a signal handler, which may not allocate.
	 */
	if (mpg_process_is_foreign() || mpg_signals_inside())
		return false;
	mpg_thread.mode = MPG_MODE_NATIVE;
	if (mpg_settings.scheduler == MPG_SCHEDULER_POLL && !mpg_settings.refused)
		mpg_poll_scheduler_attach();
	errno = saved_errno;
	return mpg_thread.mode == MPG_MODE_GREEN;
}

int mpg_scheduler_wait(const mpgreen_wait *what)
{
	struct mpg_slot *slot = mpg_thread.slot;
	void *fiber = mpg_held_name();
	int verdict;

	slot->waiting++;
	errno = 0;
	verdict = slot->ops.wait(slot->self, what);
	slot->waiting--;
	mpg_held_unname(fiber);
	return verdict;
}

static bool is_ours(const struct mpg_slot *slot)
{
	for (const struct mpg_slot *s = mpg_thread.slot; s; s = s->outer)
		if (s == slot)
			return true;
	return false;
}

void mpg_scheduler_closing(int fd)
{
	int saved_errno = errno;

	closing_here(fd);
	mpg_lock(&lock);
	for (struct mpg_slot *slot = slots; slot; slot = slot->next)
		if (slot->ops.closing && !is_ours(slot))
			slot->ops.closing(slot->self, fd);
	mpg_unlock(&lock);
	errno = saved_errno;
}

void mpg_scheduler_before_fork(void)
{
	mpg_lock(&lock);
}

void mpg_scheduler_after_fork(void)
{
	mpg_unlock(&lock);
}

/* The slots of the parent's threads are leaked: their schedulers are not ours to touch. */
void mpg_scheduler_forked(void)
{
	slots = NULL;
	mpg_unlock(&lock);
	mpg_thread.slot = NULL;
	mpg_thread.mode = MPG_MODE_UNDECIDED;
	mpg_thread.native_depth = 0;
	mpg_thread.doorbell = 0;
	mpg_thread.listeners = 0;
	mpg_thread.id = 0;
	mpg_held_forked();
}
