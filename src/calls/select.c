/* SPDX-License-Identifier: MIT */
/*
 * select() and pselect(). Each try overwrites the caller's sets, so they are kept aside and put
 * back before the next. A set has as many bits as the call says, beyond FD_SETSIZE too.
 */
#include "calls/readiness.h"
#include "os/linux/interpose.h"
#include "os/linux/proc.h"

#define WORD_BITS (8 * (int)sizeof(long))

struct sets {
	int n;
	size_t size;		/* of one set, in bytes */
	fd_set *set[3];		/* the caller's: read, write, except; or NULL */
	long *kept;		/* all three, one after the other */
	long small[3 * FD_SETSIZE / WORD_BITS];
};

static const short interest[3] = { POLLIN, POLLOUT, POLLPRI };

static long *kept(const struct sets *s, int i)
{
	return s->kept + (size_t)i * s->size / sizeof(long);
}

/*
 * The kernel looks at no more bits than its table of this process has room for, so a caller's sets
 * may be shorter than `n` says.
 */
static int clamp(int n)
{
	unsigned long long size;

	if (n <= FD_SETSIZE)
		return n;
	size = mpg_proc_number("/proc/self/status", "FDSize:", 10, (unsigned)n);
	return size < (unsigned)n ? (int)size : n;
}

static bool keep(struct sets *s, int n, fd_set *readable, fd_set *writable, fd_set *exceptional)
{
	s->n = n = clamp(n);
	s->size = ((size_t)n + WORD_BITS - 1) / WORD_BITS * sizeof(long);
	s->set[0] = readable;
	s->set[1] = writable;
	s->set[2] = exceptional;
	s->kept = 3 * s->size <= sizeof(s->small) ? s->small : malloc(3 * s->size);
	if (!s->kept)
		return false;
	for (int i = 0; i < 3; i++)
		if (s->set[i])
			memcpy(kept(s, i), s->set[i], s->size);
	return true;
}

static void put_back(struct sets *s)
{
	for (int i = 0; i < 3; i++)
		if (s->set[i])
			memcpy(s->set[i], kept(s, i), s->size);
}

static void drop(struct sets *s)
{
	if (s->kept != s->small)
		free(s->kept);
}

#define SETS(s) __attribute__((cleanup(drop))) struct sets s = { .kept = NULL }

static short events_of(const struct sets *s, int fd)
{
	short events = 0;

	for (int i = 0; i < 3; i++)
		if (s->set[i] && (unsigned long)kept(s, i)[fd / WORD_BITS] >> (fd % WORD_BITS) & 1)
			events |= interest[i];
	return events;
}

/* Counts the fds, up to two; `one` is the last of them. */
static int count(const struct sets *s, int *one, bool *green)
{
	int fds = 0;

	for (int fd = 0; fd < s->n && (fds < 2 || !*green); fd++)
		if (events_of(s, fd)) {
			fds++;
			*one = fd;
			*green = *green || mpg_readiness_is_green(fd);
		}
	return fds;
}

static bool add_all(struct mpg_readiness *r, const struct sets *s)
{
	for (int fd = 0; fd < s->n; fd++) {
		short events = events_of(s, fd);

		if (events && !mpg_readiness_add(r, fd, events))
			return false;
	}
	return true;
}

static bool prepare(struct mpg_readiness *r, const struct sets *s, const sigset_t *mask)
{
	bool green = false;
	int one = -1, fds = count(s, &one, &green);

	if (fds == 0 && !mask)
		return true;
	if (fds == 1 && green && !mask && !(events_of(s, one) & POLLPRI))
		return mpg_readiness_one(r, one, events_of(s, one));
	return (green || fds == 0) && add_all(r, s) && mpg_readiness_mask(r, mask);
}

struct call {
	const char *name;
	int n;
	fd_set *readable, *writable, *exceptional;
	const sigset_t *mask;
};

static int try(const struct call *c)
{
	const struct timespec now = { 0, 0 };

	return REAL(pselect)(c->n, c->readable, c->writable, c->exceptional, &now, c->mask);
}

/* False: not in our way, block for real; the sets are as they were. Else *left is set too. */
static bool wait_green(const struct call *c, int64_t ns, int *result, struct timespec *left)
{
	MPG_READINESS(r);
	SETS(s);
	int n;

	if (c->n < 0 || !mpg_readiness_begin(&r, ns, c->name)
	    || !keep(&s, c->n, c->readable, c->writable, c->exceptional))
		return false;
	n = try(c);
	if (n == 0 && !prepare(&r, &s, c->mask)) {
		put_back(&s);
		return false;
	}
	while (mpg_readiness_again(&r, n)) {
		put_back(&s);
		n = try(c);
	}
	*result = mpg_readiness_result(&r, n);
	if (*result < 0)
		put_back(&s);
	*left = mpg_clock_left(r.w.deadline);
	return true;
}

GREEN(int, pselect, int n, fd_set *readable, fd_set *writable, fd_set *exceptional,
      const struct timespec *timeout, const sigset_t *mask)
{
	const struct call c = { "pselect", n, readable, writable, exceptional, mask };
	struct timespec left;
	int ready;

	if (!(timeout && mpg_clock_is_empty_or_invalid(timeout))
	    && wait_green(&c, timeout ? mpg_clock_ns(timeout) : -1, &ready, &left))
		return ready;
	return REAL(pselect)(n, readable, writable, exceptional, timeout, mask);
}

INTERPOSE(int, pselect, int n, fd_set *readable, fd_set *writable, fd_set *exceptional,
	  const struct timespec *timeout, const sigset_t *mask)
{
	if (!mpg_thread_is_green())
		return REAL(pselect)(n, readable, writable, exceptional, timeout, mask);
	return green_pselect(n, readable, writable, exceptional, timeout, mask);
}

/* Linux takes the time that has passed off the limit. */
GREEN(int, select, int n, fd_set *readable, fd_set *writable, fd_set *exceptional,
      struct timeval *timeout)
{
	const struct call c = { "select", n, readable, writable, exceptional, NULL };
	struct timespec left;
	int ready;

	if ((timeout && mpg_clock_us(timeout) <= 0)
	    || !wait_green(&c, timeout ? mpg_clock_us(timeout) : -1, &ready, &left))
		return REAL(select)(n, readable, writable, exceptional, timeout);
	if (timeout) {
		timeout->tv_sec = left.tv_sec;
		timeout->tv_usec = left.tv_nsec / 1000;
	}
	return ready;
}

INTERPOSE(int, select, int n, fd_set *readable, fd_set *writable, fd_set *exceptional,
	  struct timeval *timeout)
{
	if (!mpg_thread_is_green())
		return REAL(select)(n, readable, writable, exceptional, timeout);
	return green_select(n, readable, writable, exceptional, timeout);
}

ALIAS(__select, select);
