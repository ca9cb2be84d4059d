/* SPDX-License-Identifier: MIT */
#include "registry/fds.h"
#include "real.h"
#include "registry/policy.h"
#include "registry/process.h"
#include "settings.h"

#define CHUNK 65536
#define CHUNKS ((INT_MAX / CHUNK) + 1)

struct mpg_fd mpg_fds_flat[MPG_FDS_FLAT];
_Atomic bool mpg_fds_active;

static struct mpg_fd *_Atomic chunks[CHUNKS];
static _Atomic int highest = -1;

struct mpg_fd *mpg_fd_far(int fd)
{
	struct mpg_fd *_Atomic *slot;
	struct mpg_fd *chunk, *expected = NULL;

	if (fd < 0)
		return NULL;
	slot = &chunks[fd / CHUNK];
	chunk = atomic_load_explicit(slot, memory_order_acquire);
	if (!chunk) {
		chunk = mmap(NULL, CHUNK * sizeof(*chunk), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (chunk == MAP_FAILED)
			return NULL;
		if (!atomic_compare_exchange_strong(slot, &expected, chunk)) {
			munmap(chunk, CHUNK * sizeof(*chunk));
			chunk = expected;
		}
	}
	return &chunk[fd % CHUNK];
}

struct mpg_fd *mpg_fd_far_lookup(int fd)
{
	struct mpg_fd *chunk = fd < 0 ? NULL : atomic_load(&chunks[fd / CHUNK]);

	return chunk ? &chunk[fd % CHUNK] : NULL;
}

void mpg_fds_activate(void)
{
	atomic_store_explicit(&mpg_fds_active, true, memory_order_release);
}

int mpg_fds_highest(void)
{
	return atomic_load_explicit(&highest, memory_order_relaxed);
}

void mpg_fds_entered(int fd)
{
	int seen = mpg_fds_highest();

	while (fd > seen && !atomic_compare_exchange_weak(&highest, &seen, fd))
		;
}

static uint32_t socket_kind(int fd)
{
	socklen_t len = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET)
		return MPG_FD_SOCKET | MPG_FD_RECORDS;
	return MPG_FD_SOCKET;
}

uint32_t mpg_fd_kind(int fd)
{
	struct termios termios;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	switch (st.st_mode & S_IFMT) {
	case S_IFSOCK:
		return socket_kind(fd);
	case S_IFIFO:
		return MPG_FD_FIFO;
	case S_IFCHR:
		return tcgetattr(fd, &termios) == 0 ? MPG_FD_TTY : 0;
	case 0:
		return MPG_FD_ANON;
	default:
		return 0;
	}
}

/* The kernel's headers do not show it. */
#define MQUEUE_MAGIC 0x19800202

bool mpg_fd_is_queue(int fd)
{
	struct statfs system;

	return fstatfs(fd, &system) == 0 && system.f_type == MQUEUE_MAGIC;
}

uint32_t mpg_fd_examine_queue(int fd, struct mpg_fd *entry)
{
	const uint32_t found = MPG_FD_KNOWN | MPG_FD_QUEUE;
	uint32_t state = mpg_fd_state(entry);
	int saved_errno = errno;

	/* A stale QUEUE does no harm: on any other file the kernel refuses these calls. */
	if (state & (MPG_FD_QUEUE | MPG_FD_MARKED) || mpg_settings.fds != MPG_FDS_ALL)
		return state;
	if (!mpg_fd_is_queue(fd)
	    || (mpg_policy.fds && !mpg_policy_allows_fd(fd, MPG_FD_QUEUE, NULL, 0))) {
		errno = saved_errno;
		return state;
	}
	if (mpg_process_is_foreign())
		return state | found;
	mpg_fds_entered(fd);
	return atomic_fetch_or(&entry->state, found) | found;
}

/* What examining does not change. */
#define KEPT (MPG_FD_MARKED | MPG_FD_WATCHED | MPG_FD_MEMBER | MPG_FD_QUEUE)

struct answer {
	uint32_t kind;
	bool open, declined;
};

/* What becomes of a state when the kernel has said what the fd is. */
static uint32_t examined(uint32_t old, const struct answer *a)
{
	uint32_t state;
	bool green;

	if (!a->open)
		return old & (MPG_FD_WATCHED | MPG_FD_MEMBER);
	if (old & MPG_FD_DECLINED)
		old &= ~(uint32_t)(MPG_FD_DECLINED | MPG_FD_MARKED);
	state = MPG_FD_KNOWN | a->kind | (old & KEPT);
	if (!(old & MPG_FD_MARKED) && a->declined)
		return state | MPG_FD_MARKED | MPG_FD_DECLINED;
	green = old & MPG_FD_MARKED ? old & MPG_FD_GREEN : mpg_settings.fds == MPG_FDS_ALL;
	return a->kind && green ? state | MPG_FD_GREEN | (old & MPG_FD_ALWAYS) : state;
}

static struct answer ask(int fd, const struct sockaddr *to, socklen_t len)
{
	int saved_errno = errno;
	struct answer a;

	errno = 0;
	a.kind = mpg_fd_kind(fd);
	a.open = a.kind || errno != EBADF;
	a.declined = a.kind && mpg_policy.fds && !mpg_policy_allows_fd(fd, a.kind, to, len);
	errno = saved_errno;
	return a;
}

static uint32_t examine(int fd, struct mpg_fd *entry, const struct sockaddr *to, socklen_t len)
{
	uint32_t old = mpg_fd_state(entry), state;
	struct answer a = ask(fd, to, len);

	/* A vfork child has fds of its own: what its parent knows of the number stays as it is. */
	if (mpg_process_is_foreign())
		return a.open ? MPG_FD_KNOWN | a.kind : 0;
	do
		state = examined(old, &a);
	while (!atomic_compare_exchange_weak(&entry->state, &old, state));
	if (a.open)
		mpg_fds_entered(fd);
	return state;
}

uint32_t mpg_fd_examine(int fd, struct mpg_fd *entry)
{
	return examine(fd, entry, NULL, 0);
}

void mpg_fd_connects(int fd, const struct sockaddr *to, socklen_t len)
{
	struct mpg_fd *entry = mpg_fds_are_active() && to ? mpg_fd_entry(fd) : NULL;

	if (entry && !(mpg_fd_state(entry) & MPG_FD_PRIVATE))
		examine(fd, entry, to, len);
}

/*
 * A vfork child runs in the parent's memory with fds of its own: what it makes and closes must not
 * be written into the parent's registry.
 */
static struct mpg_fd *to_change(int fd)
{
	struct mpg_fd *entry;

	if (!mpg_fds_are_active() || fd < 0)
		return NULL;
	entry = mpg_fd_lookup(fd);
	if (!entry || !mpg_fd_state(entry) || mpg_fd_state(entry) & MPG_FD_PRIVATE)
		return NULL;
	return mpg_process_is_foreign() ? NULL : entry;
}

unsigned mpg_fd_wake(struct mpg_fd *entry, int error)
{
	atomic_store(&entry->wake_error, error);
	atomic_fetch_add(&entry->generation, 1);
	return atomic_load(&entry->waiters);
}

uint32_t mpg_fd_forget(int fd)
{
	struct mpg_fd *entry = to_change(fd);

	if (!entry)
		return 0;
	mpg_fd_wake(entry, EBADF);
	return atomic_exchange(&entry->state, 0);
}

void mpg_fd_disown(int fd)
{
	struct mpg_fd *entry = mpg_fd_lookup(fd);

	if (entry && mpg_fd_state(entry) & MPG_FD_PRIVATE && !mpg_process_is_foreign())
		atomic_fetch_and(&entry->state, ~(uint32_t)MPG_FD_PRIVATE);
}

static void forked(int fd, struct mpg_fd *entry)
{
	uint32_t state = mpg_fd_state(entry);

	if (state & MPG_FD_PRIVATE) {
		atomic_store(&entry->state, 0);
		REAL(close)(fd);
	} else if (state) {
		atomic_store(&entry->waiters, 0);
		atomic_fetch_and(&entry->state, ~(uint32_t)(MPG_FD_WATCHED | MPG_FD_MEMBER));
	}
}

void mpg_fds_forked(void)
{
	for (int fd = mpg_fds_highest(); fd >= 0; fd--) {
		struct mpg_fd *entry = mpg_fd_lookup(fd);

		if (entry)
			forked(fd, entry);
		else
			fd -= fd % CHUNK;
	}
}
