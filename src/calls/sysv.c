/* SPDX-License-Identifier: MIT */
/*
 * System V semaphores and message queues, which are no descriptors. The try is the call itself with
 * IPC_NOWAIT. Then a worker waits in our stead, where it can without taking anything: until a set
 * of operations is possible, or a message is there.
 */
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "sources/job.h"

/* SEMOPM as it is unless an administrator has raised it. */
#define MOST_OPERATIONS 500

/* It was there when the call began, and is not any more. */
static int gone_or(int error)
{
	return error == EINVAL ? EIDRM : error;
}

static bool fails_with(int error)
{
	errno = error;
	return false;
}

struct semaphore_job {
	struct mpg_job job;
	int id;
	size_t n;
	struct sembuf operations[];
};

/*
 * Nothing is won here, so a cancellation may come at any instant: semop() itself does not act upon
 * one.
 */
static void run_semaphore(struct mpg_job *job)
{
	struct semaphore_job *s = (struct semaphore_job *)job;
	int r;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	r = REAL(semop)(s->id, s->operations, s->n);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
	mpg_job_finish(job, r);
}

/* The operations, and then their reverses: in all they change nothing. */
static struct mpg_job *new_semaphore_job(int id, const struct sembuf *operations, size_t n)
{
	size_t size = sizeof(struct semaphore_job) + 2 * n * sizeof(*operations);
	struct semaphore_job *s = (struct semaphore_job *)mpg_job_new(size, run_semaphore);

	if (!s)
		return NULL;
	s->job.wins_nothing = true;
	s->id = id;
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		s->operations[i] = operations[i];
		s->operations[i].sem_flg &= ~SEM_UNDO;
	}
	for (size_t i = n; i-- > 0;) {
		if (!operations[i].sem_op)
			continue;
		s->operations[s->n] = s->operations[i];
		s->operations[s->n++].sem_op = (short)-operations[i].sem_op;
	}
	return &s->job;
}

static int block(const struct mpg_wait *w, int id, struct sembuf *operations, size_t n)
{
	struct timespec left;

	if (w->deadline == MPGREEN_FOREVER)
		return REAL(semop)(id, operations, n);
	left = mpg_clock_left(w->deadline);
	return REAL(semtimedop)(id, operations, n, &left);
}

/* True: try again. False: *r and errno are the result. */
static bool wait_for_semaphores(struct mpg_wait *w, int id, struct sembuf *operations, size_t n,
				int *r)
{
	MPG_JOB(job, new_semaphore_job(id, operations, n));
	int error;

	if (job && !mpg_job_run(w, job))
		return false;
	error = job && job->result < 0 ? job->error : 0;
	/* Twice as many are too many for one call. */
	if (!job || error == E2BIG) {
		*r = block(w, id, operations, n);
		return false;
	}
	/* EAGAIN: of its operations one with IPC_NOWAIT is now the first that would block. */
	return !error || error == EINTR || fails_with(gone_or(error));
}

static int try_semaphores(int id, const struct sembuf *operations, size_t n)
{
	struct sembuf copy[MOST_OPERATIONS];

	for (size_t i = 0; i < n; i++) {
		copy[i] = operations[i];
		copy[i].sem_flg |= IPC_NOWAIT;
	}
	return REAL(semop)(id, copy, n);
}

static bool may_block(const struct sembuf *operations, size_t n)
{
	if (n > MOST_OPERATIONS)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!(operations[i].sem_flg & IPC_NOWAIT))
			return true;
	return false;
}

static int operate(struct mpg_wait *w, int id, struct sembuf *operations, size_t n)
{
	int r = try_semaphores(id, operations, n);

	w->never_restarts = true;
	while (r < 0 && errno == EAGAIN && wait_for_semaphores(w, id, operations, n, &r)) {
		r = try_semaphores(id, operations, n);
		if (r < 0)
			errno = gone_or(errno);
	}
	mpg_wait_end(w);
	if (r == 0)
		errno = w->saved_errno;
	return r;
}

GREEN(int, semop, int id, struct sembuf *operations, size_t n)
{
	struct mpg_wait w;

	if (!may_block(operations, n) || !mpg_wait_begin_taking(&w, "semop"))
		return REAL(semop)(id, operations, n);
	return operate(&w, id, operations, n);
}

INTERPOSE(int, semop, int id, struct sembuf *operations, size_t n)
{
	return mpg_thread_is_green() ? green_semop(id, operations, n)
				     : REAL(semop)(id, operations, n);
}

GREEN(int, semtimedop, int id, struct sembuf *operations, size_t n, const struct timespec *timeout)
{
	struct mpg_wait w;

	if ((timeout && mpg_clock_is_empty_or_invalid(timeout)) || !may_block(operations, n)
	    || !mpg_wait_begin_taking(&w, "semtimedop"))
		return REAL(semtimedop)(id, operations, n, timeout);
	if (timeout)
		w.deadline = mpg_clock_after(mpg_clock_ns(timeout));
	return operate(&w, id, operations, n);
}

INTERPOSE(int, semtimedop, int id, struct sembuf *operations, size_t n,
	  const struct timespec *timeout)
{
	return mpg_thread_is_green() ? green_semtimedop(id, operations, n, timeout)
				     : REAL(semtimedop)(id, operations, n, timeout);
}

struct receive_job {
	struct mpg_job job;
	int id, flags;
	long type;
	struct {
		long type;
	} message;
};

/* There is room for an empty one only: E2BIG says that another has come, and leaves it there. */
static void run_receive(struct mpg_job *job)
{
	struct receive_job *r = (struct receive_job *)job;

	mpg_job_finish(job, REAL(msgrcv)(r->id, &r->message, 0, r->type, r->flags));
}

/* An empty message that came when nobody waited for it any more. */
static void send_back(struct mpg_job *job)
{
	struct receive_job *r = (struct receive_job *)job;

	if (job->result >= 0)
		REAL(msgsnd)(r->id, &r->message, 0, IPC_NOWAIT);
}

static struct mpg_job *new_receive_job(int id, long type, int flags)
{
	struct receive_job *r =
		(struct receive_job *)mpg_job_new(sizeof(struct receive_job), run_receive);

	if (!r)
		return NULL;
	r->job.wins_nothing = true;
	r->job.interruptible = true;
	r->job.give_back = send_back;
	r->id = id;
	r->type = type;
	r->flags = flags & MSG_EXCEPT;
	return &r->job;
}

/* True: try again. False: *n and errno are the result. */
static bool wait_for_message(struct mpg_wait *w, int id, void *message, size_t size, long type,
			     int flags, ssize_t *n)
{
	MPG_JOB(job, new_receive_job(id, type, flags));

	if (!job) {
		*n = REAL(msgrcv)(id, message, size, type, flags);
		return false;
	}
	if (!mpg_job_run(w, job))
		return false;
	if (job->result < 0)
		return job->error == E2BIG || job->error == EINTR
			|| fails_with(gone_or(job->error));
	*(long *)message = ((struct receive_job *)job)->message.type;
	*n = 0;
	return false;
}

static ssize_t end_message(struct mpg_wait *w, ssize_t n)
{
	mpg_wait_end(w);
	if (n >= 0)
		errno = w->saved_errno;
	return n;
}

GREEN(ssize_t, msgrcv, int id, void *message, size_t size, long type, int flags)
{
	struct mpg_wait w;
	ssize_t n;

	/* MSG_COPY never waits: without IPC_NOWAIT it is refused. */
	if (flags & (IPC_NOWAIT | MSG_COPY) || !mpg_wait_begin_taking(&w, "msgrcv"))
		return REAL(msgrcv)(id, message, size, type, flags);
	w.never_restarts = true;
	n = REAL(msgrcv)(id, message, size, type, flags | IPC_NOWAIT);
	while (n < 0 && errno == ENOMSG
	       && wait_for_message(&w, id, message, size, type, flags, &n)) {
		n = REAL(msgrcv)(id, message, size, type, flags | IPC_NOWAIT);
		if (n < 0)
			errno = gone_or(errno);
	}
	return end_message(&w, n);
}

INTERPOSE(ssize_t, msgrcv, int id, void *message, size_t size, long type, int flags)
{
	return mpg_thread_is_green() ? green_msgrcv(id, message, size, type, flags)
				     : REAL(msgrcv)(id, message, size, type, flags);
}

struct send_job {
	struct mpg_job job;
	int id;
	size_t size;
	struct {
		long type;
		char bytes[];
	} message;
};

/* Nothing else is woken when there is room: the worker sends. */
static void run_send(struct mpg_job *job)
{
	struct send_job *s = (struct send_job *)job;

	mpg_job_finish(job, REAL(msgsnd)(s->id, &s->message, s->size, 0));
}

/* True: try again. False: *r and errno are the result. */
static bool send_on_worker(struct mpg_wait *w, int id, const void *message, size_t size, int flags,
			   int *r)
{
	MPG_JOB(job, mpg_job_new(sizeof(struct send_job) + size, run_send));
	struct send_job *s = (struct send_job *)job;

	if (!job) {
		*r = REAL(msgsnd)(id, message, size, flags);
		return false;
	}
	job->interruptible = true;
	s->id = id;
	s->size = size;
	memcpy(&s->message, message, sizeof(s->message) + size);
	if (!mpg_job_run(w, job))
		return false;
	if (job->result < 0)
		return job->error == EINTR || fails_with(gone_or(job->error));
	*r = 0;
	return false;
}

GREEN(int, msgsnd, int id, const void *message, size_t size, int flags)
{
	struct mpg_wait w;
	int r;

	if (flags & IPC_NOWAIT || !mpg_wait_begin_taking(&w, "msgsnd"))
		return REAL(msgsnd)(id, message, size, flags);
	w.never_restarts = true;
	r = REAL(msgsnd)(id, message, size, flags | IPC_NOWAIT);
	while (r < 0 && errno == EAGAIN && send_on_worker(&w, id, message, size, flags, &r)) {
		r = REAL(msgsnd)(id, message, size, flags | IPC_NOWAIT);
		if (r < 0)
			errno = gone_or(errno);
	}
	return (int)end_message(&w, r);
}

INTERPOSE(int, msgsnd, int id, const void *message, size_t size, int flags)
{
	return mpg_thread_is_green() ? green_msgsnd(id, message, size, flags)
				     : REAL(msgsnd)(id, message, size, flags);
}
