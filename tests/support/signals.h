/* SPDX-License-Identifier: MIT */
/* SIGUSR1, caught and counted: what a case needs that looks at a call beside a signal handler. */
#ifndef TESTS_SIGNALS_H
#define TESTS_SIGNALS_H

#include <signal.h>

extern volatile sig_atomic_t signals;

/* The handler. */
void count_signal(int sig);

/* From here on SIGUSR1 is counted; `flags` are SA_*. */
void catch_with(int flags);

/* To the thread of the test. */
void raise_it(void);

#endif
