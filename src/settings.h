/* SPDX-License-Identifier: MIT */
/*
 * The MPGREEN_* environment variables, read once by the constructor. docs/configuration.md holds
 * the same table for people; a check keeps the two alike.
 */
#ifndef MPG_SETTINGS_H
#define MPG_SETTINGS_H

#include "libc.h"

#pragma GCC visibility push(hidden)

enum mpg_scheduler_choice { MPG_SCHEDULER_NONE, MPG_SCHEDULER_POLL };
enum mpg_fds_choice { MPG_FDS_ALL, MPG_FDS_MARKED };
enum mpg_stdio_choice { MPG_STDIO_NATIVE, MPG_STDIO_GREEN };
enum mpg_accept_choice { MPG_ACCEPT_AUTO, MPG_ACCEPT_URING, MPG_ACCEPT_WORKER };
enum mpg_sem_choice { MPG_SEM_AUTO, MPG_SEM_URING, MPG_SEM_WAITV, MPG_SEM_WORKER };
enum mpg_switch { MPG_OFF, MPG_ON };

struct mpg_settings {
	int scheduler;	/* enum mpg_scheduler_choice */
	int fds;	/* enum mpg_fds_choice */
	int stdio;	/* enum mpg_stdio_choice */
	int accept;	/* enum mpg_accept_choice */
	int sem;	/* enum mpg_sem_choice */
	int python;	/* enum mpg_switch */
	int turn_ms;	/* milliseconds that a fiber may run on without a wait; 0: no limit */
	int workers;	/* threads for work that ends by itself */
	const char *rules;	/* a file; these texts are NULL if they are not set */
	const char *only, *skip;
	bool refused;	/* a value was wrong: the library keeps out of everything */
};

extern struct mpg_settings mpg_settings;

/* Fills mpg_settings; says what is wrong on stderr. Reads nothing in a set-uid process. */
void mpg_settings_read(void);

/* For what else turns out to be wrong: one line that ends as those do. */
__attribute__((format(printf, 1, 2))) void mpg_settings_refuse(const char *format, ...);

#pragma GCC visibility pop

#endif
