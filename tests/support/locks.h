/* SPDX-License-Identifier: MIT */
/* Locks on one file, in each way there is, and another process that holds them. */
#ifndef TESTS_LOCKS_H
#define TESTS_LOCKS_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/types.h>

/* A lock of flock() or one on a range of bytes: they do not conflict with each other. */
enum { FLOCK, RECORD };

struct lock_row {
	int (*lock)(int f);	/* all of the file, for this process alone; waits */
	int kind;
	bool of_description;	/* and not of the process */
};

enum { LOCK_ROWS = 7, LOCKS_OF_DESCRIPTIONS = 2 };

/* Those of open file descriptions are first. */
extern const struct lock_row lock_rows[LOCK_ROWS];

/* While a thread is in F_OFD_SETLKW valgrind (3.19) lets no other one run. */
bool is_stuck(const struct lock_row *row);

int lock_by_lockf(int f);
int lock_by_fcntl(int f);

/* The fixture: a file of 1000 bytes, opened twice. */
void make_lock_file(void);
void remove_lock_file(void);
extern int file, same;

/* Past the library, as a process does that has not loaded it. */
int native_file(void);
int native_record(int f, int command, short type, off_t start, off_t len);
int native_lock(int kind, int f, bool waits);
void native_unlock(int kind, int f);

/* A process that runs act() and ends; waits until that has said so. */
extern pid_t holder;
void start_holder(void (*act)(int kind), int kind);

/* In it: to tell its parent, to await let_go(). */
void say(void);
void await_word(void);

/* Such an act: locks all of the file until let_go(), and tells when it has unlocked it. */
void hold(int kind);

void let_go(void);
void await_told(void);
void kill_holder(void);
void end_holder(void);

/* Can another process lock it now? */
bool is_free(int kind);

#endif
