/* SPDX-License-Identifier: MIT */
#include "signals.h"
#include "way.h"

#include <pthread.h>

volatile sig_atomic_t signals;

void count_signal(int sig)
{
	(void)sig;
	signals++;
}

void catch_with(int flags)
{
	struct sigaction act = { .sa_handler = count_signal, .sa_flags = flags };

	ck_assert_int_eq(sigaction(SIGUSR1, &act, NULL), 0);
}

void raise_it(void)
{
	pthread_kill(test_thread(), SIGUSR1);
}
