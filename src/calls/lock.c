/* SPDX-License-Identifier: MIT */
/*
 * Locks on files: flock(), lockf(), and fcntl() with F_SETLKW or F_OFD_SETLKW. The try is the call
 * that does not wait. Then a worker makes the real one: the locks belong to the process, or to the
 * open file description, and not to a thread. It works on a copy of the fd, which stays what it is
 * when the fd is closed and its number used again; but to close a copy would give up every record
 * lock that the process has on the file, so those are asked for by the number itself.
 */
#include "calls/lock.h"
#include "engine/wait.h"
#include "os/linux/interpose.h"
#include "registry/private.h"
#include "registry/process.h"
#include "sources/job.h"

struct lock_job {
	struct mpg_job job;
	int fd, copy;			/* -1: none */
	int command;			/* the operation of flock() */
	struct flock lock;
	const struct mpg_fd *entry;	/* NULL: as it was, for ever */
	uint32_t generation;
};

/* Has fd been left alone since the call began? Closed, its number may be another file's by now. */
static bool is_still_open(const struct lock_job *l)
{
	if (!l->entry || atomic_load(&l->entry->generation) == l->generation)
		return true;
	errno = atomic_load(&l->entry->wake_error);
	return false;
}

static int file_of(const struct lock_job *l)
{
	return l->copy >= 0 ? l->copy : l->fd;
}

static bool can_ask(const struct lock_job *l)
{
	return l->copy >= 0 || is_still_open(l);
}

static void run_flock(struct mpg_job *job)
{
	struct lock_job *l = (struct lock_job *)job;

	mpg_job_finish(job, can_ask(l) ? REAL(flock)(file_of(l), l->command) : -1);
}

static void unlock(struct mpg_job *job)
{
	struct lock_job *l = (struct lock_job *)job;

	if (job->result == 0 && can_ask(l))
		REAL(flock)(file_of(l), LOCK_UN);
}

static void unlock_range(const struct lock_job *l)
{
	struct flock lock = l->lock;

	lock.l_type = F_UNLCK;
	REAL(fcntl)(file_of(l), l->command, &lock);
}

/*
 * The kernel takes a record lock back if the fd was closed while it was waited for. So what it has
 * given, and the number is another file's by now, is a lock on that one.
 */
static int lock_record_now(struct lock_job *l)
{
	int r = can_ask(l) ? REAL(fcntl)(file_of(l), l->command, &l->lock) : -1;

	if (r < 0 || can_ask(l))
		return r;
	unlock_range(l);
	is_still_open(l);
	return -1;
}

static void run_record(struct mpg_job *job)
{
	mpg_job_finish(job, lock_record_now((struct lock_job *)job));
}

static void unlock_record(struct mpg_job *job)
{
	const struct lock_job *l = (struct lock_job *)job;

	if (job->result == 0 && can_ask(l))
		unlock_range(l);
}

static void close_copy(struct mpg_job *job)
{
	const struct lock_job *l = (struct lock_job *)job;

	/* In a fork child it is closed already. */
	if (l->copy >= 0 && job->forks == mpg_process_forks)
		mpg_private_close(l->copy);
}

static struct mpg_job *new_job(int fd, bool of_description, void (*run)(struct mpg_job *))
{
	struct mpg_job *job = mpg_job_new(sizeof(struct lock_job), run);
	struct lock_job *l = (struct lock_job *)job;

	if (!job)
		return NULL;
	l->fd = fd;
	l->copy = of_description ? mpg_private_adopt(REAL(fcntl)(fd, F_DUPFD_CLOEXEC, 0)) : -1;
	job->freed = close_copy;
	return job;
}

static int wait_for_lock(struct mpg_wait *w, struct lock_job *l)
{
	int r = -1;

	mpg_wait_for_entry(w, l->fd);
	l->entry = w->entry;
	l->generation = w->generation;
	l->job.interruptible = true;
	if (mpg_job_run(w, &l->job))
		r = (int)l->job.result;
	mpg_wait_end(w);
	if (r == 0)
		errno = w->saved_errno;
	return r;
}

static int flock_on_worker(struct mpg_wait *w, int fd, int operation)
{
	MPG_JOB(job, new_job(fd, true, run_flock));
	struct lock_job *l = (struct lock_job *)job;

	if (!job)
		return REAL(flock)(fd, operation);
	job->give_back = unlock;
	l->command = operation;
	return wait_for_lock(w, l);
}

static int begin(struct mpg_wait *w, const char *call)
{
	return mpg_process_is_foreign() ? 0 : mpg_wait_begin_other_or_end(w, call);
}

GREEN(int, flock, int fd, int operation)
{
	int saved_errno = errno, r;
	struct mpg_wait w;

	r = REAL(flock)(fd, operation | LOCK_NB);
	if (r == 0 || errno != EWOULDBLOCK || operation & LOCK_NB)
		return r;
	errno = saved_errno;
	if (!mpg_wait_or_return(begin(&w, "flock")))
		return REAL(flock)(fd, operation);
	return flock_on_worker(&w, fd, operation);
}

INTERPOSE(int, flock, int fd, int operation)
{
	return mpg_thread_is_green() ? green_flock(fd, operation) : REAL(flock)(fd, operation);
}

/* What "here" and "the end" are is as it was when the call began, whenever the worker begins. */
static void settle(int fd, struct flock *lock)
{
	struct stat st;
	off_t here;

	if (lock->l_whence == SEEK_CUR)
		here = lseek(fd, 0, SEEK_CUR);
	else if (lock->l_whence == SEEK_END && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		here = st.st_size;
	else
		return;
	if (here < 0)
		return;
	lock->l_whence = SEEK_SET;
	lock->l_start += here;
}

static int record_on_worker(struct mpg_wait *w, int fd, int command, struct flock *lock)
{
	MPG_JOB(job, new_job(fd, command == F_OFD_SETLKW, run_record));
	struct lock_job *l = (struct lock_job *)job;

	if (!job)
		return REAL(fcntl)(fd, command, lock);
	job->give_back = unlock_record;
	l->command = command;
	l->lock = *lock;
	settle(fd, &l->lock);
	return wait_for_lock(w, l);
}

static int lock_record(int fd, int command, struct flock *lock, const char *call)
{
	int saved_errno = errno, r;
	struct mpg_wait w;

	pthread_testcancel();
	r = REAL(fcntl)(fd, command == F_SETLKW ? F_SETLK : F_OFD_SETLK, lock);
	if (r == 0 || (errno != EAGAIN && errno != EACCES))
		return r;
	errno = saved_errno;
	if (!mpg_wait_or_return(begin(&w, call)))
		return REAL(fcntl)(fd, command, lock);
	return record_on_worker(&w, fd, command, lock);
}

int mpg_lock_record(int fd, int command, struct flock *lock)
{
	return lock_record(fd, command, lock, "fcntl");
}

GREEN(int, lockf, int fd, int command, off_t len)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len };

	if (command != F_LOCK)
		return REAL(lockf)(fd, command, len);
	return lock_record(fd, F_SETLKW, &lock, "lockf");
}

INTERPOSE(int, lockf, int fd, int command, off_t len)
{
	return mpg_thread_is_green() ? green_lockf(fd, command, len)
				     : REAL(lockf)(fd, command, len);
}

ALIAS(lockf64, lockf);
