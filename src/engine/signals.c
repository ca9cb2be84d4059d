/* SPDX-License-Identifier: MIT */
#include "engine/signals.h"
#include "engine/doorbell.h"
#include "real.h"
#include "registry/lock.h"
#include "registry/process.h"

typedef void (*handler)(int, siginfo_t *, void *);

/* The application's handlers, and whether each lets calls restart. */
static _Atomic(handler) handlers[NSIG];
static _Atomic bool restarts[NSIG];
static _Atomic bool active;

/* Guards the table while it and the kernel's actions are changed together. */
static struct mpg_lock lock = MPG_LOCK_INITIALIZER;

/* What mpg_signals_ignore() has put aside, under the lock too. */
static const int ignored[] = { SIGINT, SIGQUIT };
enum { IGNORED = 2 };
static struct sigaction aside[IGNORED];
static unsigned ignoring;

void mpg_signals_before_fork(void)
{
	mpg_lock(&lock);
}

void mpg_signals_after_fork(void)
{
	mpg_unlock(&lock);
}

/*
 * The kernel passes all three arguments whether SA_SIGINFO is set or not, on every architecture
 * that Linux has since rt_sigaction, so one entry serves both kinds of handler.
 */
static void enter(int sig, siginfo_t *info, void *context)
{
	struct mpg_thread *t = &mpg_thread;
	void *outer = t->handler_frame;
	handler h = atomic_load(&handlers[sig]);

	t->handler_frame = __builtin_frame_address(0);
	h(sig, info, context);
	t->handler_frame = outer;
	t->handled++;
	if (!atomic_load_explicit(&restarts[sig], memory_order_relaxed))
		t->interrupted++;
	if (t->doorbell > 0)
		mpg_doorbell_ring(t->doorbell);
}

static bool is_function(const struct sigaction *act)
{
	return act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN;
}

static bool is_ours(const struct sigaction *act)
{
	return act->sa_sigaction == enter;
}

/* The kernel's flag decides how it calls; SA_SIGINFO is kept as the application gave it. */
static void wrap(int sig, struct sigaction *act)
{
	atomic_store(&handlers[sig], act->sa_sigaction);
	atomic_store(&restarts[sig], (act->sa_flags & SA_RESTART) != 0);
	act->sa_sigaction = enter;
}

void mpg_signals_activate(void)
{
	struct sigaction act;
	mpg_lock(&lock);
	for (int sig = 1; sig < NSIG; sig++) {
		if (REAL(sigaction)(sig, NULL, &act) < 0 || !is_function(&act) || is_ours(&act))
			continue;
		wrap(sig, &act);
		REAL(sigaction)(sig, &act, NULL);
	}
	atomic_store(&active, true);
	mpg_unlock(&lock);
}

static int change(int sig, const struct sigaction *act, struct sigaction *old)
{
	handler previous = atomic_load(&handlers[sig]);
	bool restarted = atomic_load(&restarts[sig]);
	struct sigaction ours, seen;
	int r;

	if (act) {
		ours = *act;
		/* A vfork child may only reset signals; the table is the parent's. */
		if (is_function(act) && !is_ours(act) && !mpg_process_is_foreign())
			wrap(sig, &ours);
	}
	r = REAL(sigaction)(sig, act ? &ours : NULL, &seen);
	if (r < 0) {
		atomic_store(&handlers[sig], previous);
		atomic_store(&restarts[sig], restarted);
		return r;
	}
	if (is_ours(&seen))
		seen.sa_sigaction = previous;
	if (old)
		*old = seen;
	return 0;
}

int mpg_signals_action(int sig, const struct sigaction *act, struct sigaction *old)
{
	int r;

	if (!atomic_load(&active) || sig <= 0 || sig >= NSIG)
		return REAL(sigaction)(sig, act, old);
	mpg_lock(&lock);
	r = change(sig, act, old);
	mpg_unlock(&lock);
	return r;
}

void mpg_signals_ignore(sigset_t *caught)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	mpg_lock(&lock);
	if (ignoring++ == 0)
		for (int i = 0; i < IGNORED; i++)
			change(ignored[i], &ignore, &aside[i]);
	for (int i = 0; i < IGNORED; i++)
		if (aside[i].sa_handler != SIG_IGN)
			sigaddset(caught, ignored[i]);
	mpg_unlock(&lock);
}

static void heed(void)
{
	for (int i = 0; i < IGNORED; i++)
		change(ignored[i], &aside[i], NULL);
}

void mpg_signals_heed(void)
{
	mpg_lock(&lock);
	if (--ignoring == 0)
		heed();
	mpg_unlock(&lock);
}

void mpg_signals_forked(void)
{
	if (ignoring)
		heed();
	ignoring = 0;
	mpg_unlock(&lock);
}

/* libc has changed the kernel's action for sig without us: bring it and the table together. */
static void catch_up(int sig)
{
	struct sigaction act;

	if (REAL(sigaction)(sig, NULL, &act) < 0 || !is_function(&act))
		return;
	if (is_ours(&act)) {
		atomic_store(&restarts[sig], (act.sa_flags & SA_RESTART) != 0);
		return;
	}
	wrap(sig, &act);
	REAL(sigaction)(sig, &act, NULL);
}

/* Not under our lock: sigset() changes the signal mask as well, and looks at it. */
mpg_signals_handler mpg_signals_install(mpg_signals_handler (*install)(int, mpg_signals_handler),
					int sig, mpg_signals_handler h)
{
	mpg_signals_handler old;
	handler previous;

	if (!atomic_load(&active) || sig <= 0 || sig >= NSIG || mpg_process_is_foreign())
		return install(sig, h);
	previous = atomic_load(&handlers[sig]);
	old = install(sig, h);
	mpg_signals_refresh(sig);
	return (void *)old == (void *)enter ? (mpg_signals_handler)(void *)previous : old;
}

void mpg_signals_refresh(int sig)
{

	if (!atomic_load(&active) || sig <= 0 || sig >= NSIG || mpg_process_is_foreign())
		return;
	mpg_lock(&lock);
	catch_up(sig);
	mpg_unlock(&lock);
}

/* No handler uses more stack than this; what is further away is another fiber's stack. */
#define HANDLER_STACK_MAX (8 << 20)

/*
 * A handler left by longjmp() never comes back to enter(). The stack tells: it grows downwards, so
 * a frame above the handler's, or far from it, means that the handler is gone.
 */
bool mpg_signals_inside(void)
{
	struct mpg_thread *t = &mpg_thread;
	stack_t alternate;
	char *frame = t->handler_frame;
	char *here = __builtin_frame_address(0);

	if (!frame)
		return false;
	if (sigaltstack(NULL, &alternate) == 0 && !(alternate.ss_flags & SS_DISABLE)) {
		char *low = alternate.ss_sp, *high = low + alternate.ss_size;
		bool was_alternate = frame >= low && frame < high;

		if (was_alternate != ((alternate.ss_flags & SS_ONSTACK) != 0))
			t->handler_frame = NULL;
	}
	if (here > frame || frame - here > HANDLER_STACK_MAX)
		t->handler_frame = NULL;
	return t->handler_frame != NULL;
}

void mpg_signals_listen(int bell)
{
	mpg_thread.doorbell = bell;
	mpg_thread.listeners++;
}

void mpg_signals_unlisten(void)
{
	if (--mpg_thread.listeners == 0)
		mpg_thread.doorbell = 0;
}
