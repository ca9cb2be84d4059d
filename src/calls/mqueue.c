/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues, which are descriptors on Linux. A call whose time was over long ago is the
 * try: it says ETIMEDOUT exactly where it would block, and EAGAIN where the queue is O_NONBLOCK.
 */
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "registry/private.h"

/* What a wait of ours says when its time is over: no errno that mpgreen_wake() may bring. */
#define SLICE_IS_OVER (-1)

static const struct timespec long_ago;

static bool may_wait(mqd_t queue, const struct timespec *until)
{
	struct mpg_fd *entry = mpg_fd_entry(queue);

	return entry && !(until && mpg_clock_is_invalid(until))
		&& mpg_fd_examine_queue(queue, entry) & MPG_FD_QUEUE;
}

static void begin(struct mpg_wait *w, mqd_t queue, short events)
{
	mpg_wait_for_entry(w, queue);
	w->events = events;
	w->timeout_error = SLICE_IS_OVER;
}

static bool would_block(const struct mpg_wait *w)
{
	return errno == ETIMEDOUT || (errno == EAGAIN && mpg_fd_state(w->entry) & MPG_FD_ALWAYS);
}

static bool is_time_left(struct mpg_wait *w, const struct timespec *until)
{
	if (!until)
		return true;
	w->deadline = mpg_clock_next_look(CLOCK_REALTIME, until);
	return mpg_clock_until(CLOCK_REALTIME, until) > 0;
}

/* After a try that returned n: true if it is to be made again. */
static bool again(struct mpg_wait *w, ssize_t n, const struct timespec *until)
{
	if (n >= 0)
		errno = w->saved_errno;
	else if (would_block(w)) {
		errno = ETIMEDOUT;
		if (is_time_left(w, until) && (mpg_wait_park(w) || errno == SLICE_IS_OVER))
			return true;
	}
	mpg_wait_end(w);
	return false;
}

static ssize_t receive(struct mpg_wait *w, mqd_t queue, char *message, size_t size,
		       unsigned *priority, const struct timespec *until)
{
	ssize_t n;

	begin(w, queue, POLLIN);
	do
		n = REAL(mq_timedreceive)(queue, message, size, priority, &long_ago);
	while (again(w, n, until));

	return n;
}

GREEN(ssize_t, mq_timedreceive, mqd_t queue, char *message, size_t size, unsigned *priority,
      const struct timespec *until)
{
	struct mpg_wait w;

	if (!may_wait(queue, until) || !mpg_wait_begin_taking(&w, "mq_timedreceive"))
		return REAL(mq_timedreceive)(queue, message, size, priority, until);
	return receive(&w, queue, message, size, priority, until);
}

INTERPOSE(ssize_t, mq_timedreceive, mqd_t queue, char *message, size_t size, unsigned *priority,
	  const struct timespec *until)
{
	return mpg_thread_is_green() ? green_mq_timedreceive(queue, message, size, priority, until)
				     : REAL(mq_timedreceive)(queue, message, size, priority, until);
}

GREEN(ssize_t, mq_receive, mqd_t queue, char *message, size_t size, unsigned *priority)
{
	struct mpg_wait w;

	if (!may_wait(queue, NULL) || !mpg_wait_begin_taking(&w, "mq_receive"))
		return REAL(mq_receive)(queue, message, size, priority);
	return receive(&w, queue, message, size, priority, NULL);
}

INTERPOSE(ssize_t, mq_receive, mqd_t queue, char *message, size_t size, unsigned *priority)
{
	return mpg_thread_is_green() ? green_mq_receive(queue, message, size, priority)
				     : REAL(mq_receive)(queue, message, size, priority);
}

static int send_message(struct mpg_wait *w, mqd_t queue, const char *message, size_t size,
			unsigned priority, const struct timespec *until)
{
	int r;

	begin(w, queue, POLLOUT);
	do
		r = REAL(mq_timedsend)(queue, message, size, priority, &long_ago);
	while (again(w, r, until));

	return r;
}

GREEN(int, mq_timedsend, mqd_t queue, const char *message, size_t size, unsigned priority,
      const struct timespec *until)
{
	struct mpg_wait w;

	if (!may_wait(queue, until) || !mpg_wait_begin_taking(&w, "mq_timedsend"))
		return REAL(mq_timedsend)(queue, message, size, priority, until);
	return send_message(&w, queue, message, size, priority, until);
}

INTERPOSE(int, mq_timedsend, mqd_t queue, const char *message, size_t size, unsigned priority,
	  const struct timespec *until)
{
	return mpg_thread_is_green() ? green_mq_timedsend(queue, message, size, priority, until)
				     : REAL(mq_timedsend)(queue, message, size, priority, until);
}

GREEN(int, mq_send, mqd_t queue, const char *message, size_t size, unsigned priority)
{
	struct mpg_wait w;

	if (!may_wait(queue, NULL) || !mpg_wait_begin_taking(&w, "mq_send"))
		return REAL(mq_send)(queue, message, size, priority);
	return send_message(&w, queue, message, size, priority, NULL);
}

INTERPOSE(int, mq_send, mqd_t queue, const char *message, size_t size, unsigned priority)
{
	return mpg_thread_is_green() ? green_mq_send(queue, message, size, priority)
				     : REAL(mq_send)(queue, message, size, priority);
}

INTERPOSE(mqd_t, mq_open, const char *name, int flags, ...)
{
	struct mq_attr *attributes = NULL;
	mode_t mode = 0;
	va_list arguments;

	if (flags & O_CREAT) {
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		attributes = va_arg(arguments, struct mq_attr *);
		va_end(arguments);
	}
	return mpg_wait_born(REAL(mq_open)(name, flags, mode, attributes));
}

INTERPOSE(mqd_t, __mq_open_2, const char *name, int flags)
{
	return mpg_wait_born(REAL(__mq_open_2)(name, flags));
}

INTERPOSE(int, mq_close, mqd_t queue)
{
	int r;

	if (mpg_private_is(queue)) {
		errno = EBADF;
		return -1;
	}
	mpg_wait_forget(queue);
	r = REAL(mq_close)(queue);
	mpg_wait_closed();
	return r;
}
