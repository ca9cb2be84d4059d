/* SPDX-License-Identifier: MIT */
/*
 * A toy scheduler: a few fibers on one thread, on <ucontext.h> and mpgreen.h alone. A fiber that
 * waits is parked and another one runs; when none can run, the thread sits in poll() on the fds of
 * all parked ones. It is what the contract of wait() says, in the fewest words.
 */
#ifndef TESTS_FIBERS_H
#define TESTS_FIBERS_H

#include <stdbool.h>
#include <stdint.h>

/* The caller becomes the first fiber of its thread; a scheduler is attached. */
void fibers_start(void);

/* A fiber that runs once those before it wait. */
void fibers_spawn(void (*body)(void));

/* Lets the others run until each of them waits for something that has not come. */
void fibers_settle(void);

/* Lets the others run until they have ended. */
void fibers_join(void);

/* ... and detaches. */
void fibers_finish(void);

/* Is the caller a fiber other than the first? */
bool fibers_inside(void);

/* How often wait() was called, and how often by a fiber other than the first. */
unsigned fibers_waits(void);
unsigned fibers_waits_of_others(void);

/* How often closing() was called. */
unsigned fibers_closings(void);

/* While it is set, wait() answers this instead of parking; 0: as always. errno comes with it. */
void fibers_answer(int verdict, int error);

/* While it is set, can_wait() says no. */
void fibers_decline(bool decline);

#endif
