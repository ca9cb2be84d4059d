/* SPDX-License-Identifier: MIT */
/* A FIFO that nobody has opened, and its other end. */
#ifndef TESTS_FIFOS_H
#define TESTS_FIFOS_H

/* The fixture. The link and the open folder lead to "fifo", too. */
void make_fifo(void);
void remove_fifo(void);
extern char fifo[256], link_to_it[256];
extern int folder;

/* Past the library, as a process does that has not loaded it. */
int native_fifo(int flags);

/* What the other side does. */
void open_to_write(void);
void open_to_read(void);
extern int other_end;

#endif
