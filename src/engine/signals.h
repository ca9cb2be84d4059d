/* SPDX-License-Identifier: MIT */
/*
 * What the engine must know of signals: has a handler run on this thread (then a wait ends with
 * EINTR, unless SA_RESTART spares it), and is one running now (then no wait may begin).
 *
 * The kernel tells neither, so from the first attach on each handler of the application is entered
 * through ours. sigaction() and signal() still show the application its own.
 */
#ifndef MPG_SIGNALS_H
#define MPG_SIGNALS_H

#include "engine/thread.h"

#pragma GCC visibility push(hidden)

/* Enters the handlers that exist already through ours. */
void mpg_signals_activate(void);

/* sigaction(), seen from the application. */
int mpg_signals_action(int sig, const struct sigaction *act, struct sigaction *old);

typedef void (*mpg_signals_handler)(int);

/* signal() and its kin: has libc install `h` by `install`, then enters it through ours. */
mpg_signals_handler mpg_signals_install(mpg_signals_handler (*install)(int, mpg_signals_handler),
					int sig, mpg_signals_handler h);

/* siginterrupt(): libc has changed SA_RESTART of sig. */
void mpg_signals_refresh(int sig);

/*
 * Between these two the process ignores SIGINT and SIGQUIT, as system() asks for. Nests, over all
 * threads. Adds to `caught` those that were not ignored before.
 */
void mpg_signals_ignore(sigset_t *caught);
void mpg_signals_heed(void);

/* fork(): the lock is held across it. No system() of the parent's runs in the child. */
void mpg_signals_before_fork(void);
void mpg_signals_after_fork(void);
void mpg_signals_forked(void);

/* Is this code running inside a signal handler of this thread? */
bool mpg_signals_inside(void);

/* Between these two the calling thread's doorbell rings after each handler. Nests. */
void mpg_signals_listen(int bell);
void mpg_signals_unlisten(void);

#pragma GCC visibility pop

#endif
