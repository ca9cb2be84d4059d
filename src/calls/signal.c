/* SPDX-License-Identifier: MIT */
/* Installing signal handlers: see engine/signals.h for what we must know of them. */
#include "engine/signals.h"
#include "os/linux/interpose.h"

INTERPOSE(int, sigaction, int sig, const struct sigaction *act, struct sigaction *old)
{
	return mpg_signals_action(sig, act, old);
}

INTERPOSE(sighandler_t, signal, int sig, sighandler_t handler)
{
	return mpg_signals_install(&REAL(signal), sig, handler);
}

INTERPOSE(sighandler_t, sysv_signal, int sig, sighandler_t handler)
{
	return mpg_signals_install(&REAL(sysv_signal), sig, handler);
}

INTERPOSE(sighandler_t, sigset, int sig, sighandler_t handler)
{
	return mpg_signals_install(&REAL(sigset), sig, handler);
}

INTERPOSE(int, siginterrupt, int sig, int interrupt)
{
	int r = REAL(siginterrupt)(sig, interrupt);

	mpg_signals_refresh(sig);
	return r;
}

ALIAS(__sigaction, sigaction);
ALIAS(__sysv_signal, sysv_signal);
ALIAS(bsd_signal, signal);
ALIAS(ssignal, signal);
