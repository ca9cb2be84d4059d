/* SPDX-License-Identifier: MIT */
/*
 * The registry: for each fd number, what is known of it. It knows nothing of schedulers or waits.
 *
 * A flat array of atomics, read without locks. Its first part is static memory that costs nothing
 * until touched; the rest comes in chunks, so any fd number has a place. It is inert until
 * mpg_fds_activate(): a process that never attaches a scheduler never touches it.
 *
 * An entry is UNKNOWN until the fd is first used on a green thread: one fstat() then decides. Every
 * intercepted call that makes or closes an fd sets it back. A close that we cannot see leaves a
 * stale entry behind: callers must stay correct when an entry is wrong (mpg_fd_examine() again).
 */
#ifndef MPG_FDS_H
#define MPG_FDS_H

#include "libc.h"

#pragma GCC visibility push(hidden)

enum {
	MPG_FD_KNOWN = 1u << 0,		/* examined, or marked by the user */
	MPG_FD_GREEN = 1u << 1,		/* calls on it wait through the scheduler */
	MPG_FD_ALWAYS = 1u << 2,	/* even when it is O_NONBLOCK */
	MPG_FD_MARKED = 1u << 3,	/* the user has decided: examining does not change GREEN */
	MPG_FD_NO_NOWAIT_READ = 1u << 4,	/* the kernel refuses RWF_NOWAIT on it */
	MPG_FD_NO_NOWAIT_WRITE = 1u << 12,
	MPG_FD_WATCHED = 1u << 5,	/* a scheduler has been asked to wait for it */
	MPG_FD_SOCKET = 1u << 6,
	MPG_FD_FIFO = 1u << 7,		/* pipe or FIFO */
	MPG_FD_TTY = 1u << 8,
	MPG_FD_ANON = 1u << 9,		/* eventfd, timerfd, epoll and the like */
	MPG_FD_MEMBER = 1u << 11,	/* has been in a set: see os/linux/fdset.h */
	MPG_FD_PRIVATE = 1u << 10,	/* the library's own: see registry/private.h */
	MPG_FD_QUEUE = 1u << 13,	/* a message queue: green to the mq_ calls only */
	MPG_FD_RECORDS = 1u << 14,	/* a socket on which write() ends a record */
	MPG_FD_DECLINED = 1u << 20,	/* MARKED by the policy, not by the user */
};

#define MPG_FD_KINDS (MPG_FD_SOCKET | MPG_FD_FIFO | MPG_FD_TTY | MPG_FD_ANON)

struct mpg_fd {
	_Atomic uint32_t state;
	_Atomic uint32_t generation;	/* grows when the fd is closed or its waits are woken */
	_Atomic uint32_t waiters;	/* waits under way, on any thread */
	_Atomic int32_t wake_error;	/* why the generation grew */
};

#define MPG_FDS_FLAT 65536

extern struct mpg_fd mpg_fds_flat[MPG_FDS_FLAT];
extern _Atomic bool mpg_fds_active;

/* The entry of an fd beyond the flat part; NULL if out of range or out of memory. */
struct mpg_fd *mpg_fd_far(int fd);

/* The same, but NULL where nothing has been entered yet. */
struct mpg_fd *mpg_fd_far_lookup(int fd);

static inline struct mpg_fd *mpg_fd_lookup(int fd)
{
	if (__builtin_expect((unsigned)fd < MPG_FDS_FLAT, 1))
		return &mpg_fds_flat[fd];
	return mpg_fd_far_lookup(fd);
}

static inline struct mpg_fd *mpg_fd_entry(int fd)
{
	if (__builtin_expect((unsigned)fd < MPG_FDS_FLAT, 1))
		return &mpg_fds_flat[fd];
	return mpg_fd_far(fd);
}

static inline uint32_t mpg_fd_state(const struct mpg_fd *entry)
{
	return atomic_load_explicit(&entry->state, memory_order_relaxed);
}

static inline bool mpg_fds_are_active(void)
{
	return __builtin_expect(atomic_load_explicit(&mpg_fds_active, memory_order_relaxed), 0);
}

/* Is anything known of fd? */
static inline bool mpg_fd_is_entered(int fd)
{
	const struct mpg_fd *entry;

	if (!mpg_fds_are_active())
		return false;
	entry = mpg_fd_lookup(fd);
	return entry && mpg_fd_state(entry);
}

void mpg_fds_activate(void);

/*
 * Asks the kernel what fd is and stores it. Returns the state: neither KNOWN nor GREEN if fd is not
 * open, never GREEN in a vfork child.
 */
uint32_t mpg_fd_examine(int fd, struct mpg_fd *entry);

/* fd is about to be connected: the policy on peers decides now. */
void mpg_fd_connects(int fd, const struct sockaddr *to, socklen_t len);

/* Can fd be waited for at all? Asks the kernel; 0 if it cannot or is not open. */
uint32_t mpg_fd_kind(int fd);

/*
 * A POSIX message queue looks like a regular file, and to read() it is one. So only the calls that
 * are about queues ask whether fd is one. The state with QUEUE in it if they shall wait for it.
 */
uint32_t mpg_fd_examine_queue(int fd, struct mpg_fd *entry);
bool mpg_fd_is_queue(int fd);

/* Ends the waits on fd with `error`. Returns how many there were. */
unsigned mpg_fd_wake(struct mpg_fd *entry, int error);

/*
 * fd is about to be closed, or has just been made by a call: whatever is known of the number is
 * stale. Ends its waits with EBADF. Returns the state that there was; who WATCHED must be told.
 */
uint32_t mpg_fd_forget(int fd);

/* fd is none of the library's private ones. */
void mpg_fd_disown(int fd);

/* The highest fd number that has ever been entered; -1 if none. */
int mpg_fds_highest(void);
void mpg_fds_entered(int fd);

/* In a fork child: no wait of the parent's is ours, nor is any of its private fds. */
void mpg_fds_forked(void);

#pragma GCC visibility pop

#endif
