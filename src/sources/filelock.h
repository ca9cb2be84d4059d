/* SPDX-License-Identifier: MIT */
/*
 * Streams that the fibers of a thread lock against each other. libc's own lock knows threads: it
 * keeps the other ones out, also while the fiber that has it waits, and lets all fibers of this one
 * in. So each thread has a list of the streams that its fibers hold, and needs no lock for it.
 */
#ifndef MPG_FILELOCK_H
#define MPG_FILELOCK_H

#include "engine/thread.h"

#pragma GCC visibility push(hidden)

/* How many streams are held by fibers of the calling thread. */
extern __thread unsigned mpg_filelock_held __attribute__((tls_model("initial-exec")));

/* Does any fiber of the thread hold the stream? */
bool mpg_filelock_has(const FILE *file);

/*
 * Until no other fiber of the thread holds the stream; nests. False: errno says why the wait ended,
 * and the stream is not held.
 */
bool mpg_filelock_enter(FILE *file, const char *call);

/* For a call that does its work in any case: nothing ends the wait. */
void mpg_filelock_enter_surely(FILE *file, const char *call);

/* False: another fiber holds it. */
bool mpg_filelock_try(FILE *file);

/* Gives it to the fiber that has waited longest. Nothing for one that does not hold it. */
void mpg_filelock_leave(FILE *file);

/* Its fiber waits: whoever comes meanwhile is another one. */
void mpg_filelock_parks(FILE *file, bool parks);

/* Until no other fiber of the thread holds any. False as above. */
bool mpg_filelock_drain(const char *call);

/* In a fork child: nobody holds any, as nobody holds libc's lock. */
void mpg_filelock_forked(void);

#pragma GCC visibility pop

#endif
