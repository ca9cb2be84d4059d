/* SPDX-License-Identifier: MIT */
/* Sleeping: a wait for no fd. A handler that runs meanwhile ends it, SA_RESTART or not. */
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "os/linux/nowait.h"
#include "registry/private.h"

/* 0 when the time is over, else the errno. */
static int sleep_until(struct mpg_wait *w, int64_t deadline)
{
	w->deadline = deadline;
	w->never_restarts = true;
	w->timeout_error = ETIMEDOUT;
	while (mpg_wait_on(w, -1, 0))
		;
	if (errno != ETIMEDOUT)
		return errno;
	errno = w->saved_errno;
	return 0;
}

GREEN(int, nanosleep, const struct timespec *time, struct timespec *rest)
{
	struct mpg_wait w;
	int64_t deadline;
	int error;

	if (!mpg_wait_begin_other(&w, "nanosleep") || !time || mpg_clock_is_empty_or_invalid(time))
		return REAL(nanosleep)(time, rest);
	deadline = mpg_clock_after(mpg_clock_ns(time));
	error = sleep_until(&w, deadline);
	if (!error)
		return 0;
	if (rest)
		*rest = mpg_clock_left(deadline);
	errno = error;
	return -1;
}

INTERPOSE(int, nanosleep, const struct timespec *time, struct timespec *rest)
{
	return mpg_thread_is_green() ? green_nanosleep(time, rest) : REAL(nanosleep)(time, rest);
}

static void close_private(const int *fd)
{
	if (*fd >= 0)
		mpg_private_close(*fd);
}

/*
 * The scheduler's clock is CLOCK_MONOTONIC. CLOCK_REALTIME may be set while we sleep: a timerfd
 * knows.
 */
static int sleep_until_realtime(struct mpg_wait *w, const struct timespec *time)
{
	__attribute__((cleanup(close_private))) int fd =
		mpg_private_adopt(REAL(timerfd_create)(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
	const struct itimerspec alarm = { .it_value = *time };

	if (time->tv_sec == 0 && time->tv_nsec == 0)
		return 0;
	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &alarm, NULL) < 0)
		return REAL(clock_nanosleep)(CLOCK_REALTIME, TIMER_ABSTIME, time, NULL);
	w->never_restarts = true;
	while (!mpg_nowait_ready(fd, POLLIN))
		if (!mpg_wait_on(w, fd, POLLIN))
			return errno;
	mpg_wait_end(w);
	return 0;
}

GREEN(int, clock_nanosleep, clockid_t clock, int flags, const struct timespec *time,
      struct timespec *rest)
{
	bool absolute = flags & TIMER_ABSTIME;
	struct mpg_wait w;
	int64_t deadline;
	int error;

	if ((clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
	    || !mpg_wait_begin_other(&w, "clock_nanosleep") || !time || mpg_clock_is_invalid(time))
		return REAL(clock_nanosleep)(clock, flags, time, rest);
	deadline = absolute ? mpg_clock_ns(time) : mpg_clock_after(mpg_clock_ns(time));
	if (absolute && clock == CLOCK_REALTIME)
		error = sleep_until_realtime(&w, time);
	else
		error = sleep_until(&w, deadline);
	if (error && rest && !absolute)
		*rest = mpg_clock_left(deadline);
	errno = w.saved_errno;
	return error;
}

INTERPOSE(int, clock_nanosleep, clockid_t clock, int flags, const struct timespec *time,
	  struct timespec *rest)
{
	return mpg_thread_is_green() ? green_clock_nanosleep(clock, flags, time, rest)
				     : REAL(clock_nanosleep)(clock, flags, time, rest);
}

GREEN(unsigned, sleep, unsigned seconds)
{
	struct mpg_wait w;
	int64_t deadline;
	struct timespec left;

	if (!seconds || !mpg_wait_begin_other(&w, "sleep"))
		return REAL(sleep)(seconds);
	deadline = mpg_clock_after(seconds * MPG_SECOND);
	if (!sleep_until(&w, deadline))
		return 0;
	left = mpg_clock_left(deadline);
	return (unsigned)left.tv_sec;
}

INTERPOSE(unsigned, sleep, unsigned seconds)
{
	return mpg_thread_is_green() ? green_sleep(seconds) : REAL(sleep)(seconds);
}

GREEN(int, usleep, useconds_t microseconds)
{
	struct mpg_wait w;
	int error;

	if (!microseconds || !mpg_wait_begin_other(&w, "usleep"))
		return REAL(usleep)(microseconds);
	error = sleep_until(&w, mpg_clock_after(microseconds * 1000LL));
	if (!error)
		return 0;
	errno = error;
	return -1;
}

INTERPOSE(int, usleep, useconds_t microseconds)
{
	return mpg_thread_is_green() ? green_usleep(microseconds) : REAL(usleep)(microseconds);
}

/* C11's: 0, -1 when interrupted, another negative number for other errors. */
INTERPOSE(int, thrd_sleep, const struct timespec *time, struct timespec *rest)
{
	int error;

	if (!mpg_thread_is_green())
		return REAL(thrd_sleep)(time, rest);
	error = clock_nanosleep(CLOCK_REALTIME, 0, time, rest);
	return error == 0 ? 0 : error == EINTR ? -1 : -2;
}

ALIAS(__nanosleep, nanosleep);
