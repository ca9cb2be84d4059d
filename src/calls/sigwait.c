/* SPDX-License-Identifier: MIT */
/*
 * Waiting for signals: for a handler to run (pause, sigsuspend), or for a blocked signal to be
 * pending (sigwait and its kin).
 */
#include "calls/readiness.h"
#include "os/linux/interpose.h"

static const struct timespec now = { 0, 0 };

/*
 * ppoll() with no fds and no time lets the signals through that are pending under `mask`, as
 * sigsuspend() would, and fails with EINTR if one had a handler. False: not in our way.
 */
static bool suspend(const sigset_t *mask, const char *call, int *result)
{
	MPG_READINESS(r);
	int n;

	if (!mpg_thread_is_green() || !mpg_readiness_begin(&r, -1, call)
	    || !mpg_readiness_mask(&r, mask))
		return false;
	do
		n = REAL(ppoll)(NULL, 0, &now, mask);
	while (mpg_readiness_again(&r, n));
	*result = mpg_readiness_result(&r, n);
	return true;
}

INTERPOSE(int, sigsuspend, const sigset_t *mask)
{
	int result;

	return suspend(mask, "sigsuspend", &result) ? result : REAL(sigsuspend)(mask);
}

INTERPOSE(int, pause, void)
{
	sigset_t mask;
	int result;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return suspend(&mask, "pause", &result) ? result : REAL(pause)();
}

INTERPOSE(int, __xpg_sigpause, int sig)
{
	sigset_t mask;
	int result;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	if (sigdelset(&mask, sig) < 0)
		return -1;
	return suspend(&mask, "sigpause", &result) ? result : REAL(__xpg_sigpause)(sig);
}

static int sigpause_bsd_real(int mask)
{
	static int (*real)(int);

	if (!real)
		real = dlsym(RTLD_NEXT, "sigpause");
	return real(mask);
}

/* The header gives the name `sigpause` to the X/Open one; the symbol is BSD's and takes a mask. */
__attribute__((visibility("default"))) int mpg_sigpause_bsd(int mask) __asm__("sigpause");

int mpg_sigpause_bsd(int mask)
{
	sigset_t set;
	int result;

	sigemptyset(&set);
	for (int sig = 1; sig <= 32; sig++)
		if ((unsigned)mask >> (sig - 1) & 1)
			sigaddset(&set, sig);
	return suspend(&set, "sigpause", &result) ? result : sigpause_bsd_real(mask);
}

INTERPOSE(int, __sigpause, int sig_or_mask, int is_sig)
{
	return is_sig ? __xpg_sigpause(sig_or_mask) : mpg_sigpause_bsd(sig_or_mask);
}

/* Finding none is no error but "not yet": 0 tries again, a signal's number does not. */
static int try(const sigset_t *set, siginfo_t *info)
{
	int sig = REAL(sigtimedwait)(set, info, &now);

	return sig < 0 && errno == EAGAIN ? 0 : sig;
}

/* False: not in our way. */
static bool wait_pending(const sigset_t *set, siginfo_t *info, int64_t ns, const char *call,
			 int *result)
{
	MPG_READINESS(r);
	int sig;

	if (!mpg_thread_is_green() || !mpg_readiness_begin(&r, ns, call) || !mpg_fdset_open(&r.set)
	    || !mpg_fdset_add_pending(&r.set, set))
		return false;
	do
		sig = r.error ? -1 : try(set, info);
	while (mpg_readiness_again(&r, sig));
	*result = mpg_readiness_result(&r, sig);
	if (*result == 0) {
		errno = EAGAIN;
		*result = -1;
	}
	return true;
}

INTERPOSE(int, sigtimedwait, const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	int sig;

	if (!(timeout && mpg_clock_is_empty_or_invalid(timeout))
	    && wait_pending(set, info, timeout ? mpg_clock_ns(timeout) : -1, __func__, &sig))
		return sig;
	return REAL(sigtimedwait)(set, info, timeout);
}

INTERPOSE(int, sigwaitinfo, const sigset_t *set, siginfo_t *info)
{
	int sig;

	return wait_pending(set, info, -1, __func__, &sig) ? sig : REAL(sigwaitinfo)(set, info);
}

/* Returns the error instead of setting errno, and is not interrupted by a handler. */
INTERPOSE(int, sigwait, const sigset_t *set, int *sig)
{
	int saved_errno = errno, found, error;

	do {
		if (!wait_pending(set, NULL, -1, __func__, &found))
			return REAL(sigwait)(set, sig);
		error = found < 0 ? errno : 0;
	} while (error == EINTR);
	errno = saved_errno;
	if (!error)
		*sig = found;
	return error;
}

ALIAS(__sigsuspend, sigsuspend);
