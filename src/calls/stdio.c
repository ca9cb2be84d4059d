/* SPDX-License-Identifier: MIT */
#include "calls/stdio.h"
#include "calls/stream.h"
#include "engine/signals.h"
#include "os/linux/interpose.h"
#include "os/linux/nowait.h"
#include "registry/process.h"

/* On the heap: libc's lists and the twin itself point to it. */
struct mpg_twin {
	FILE *twin, *file;
	const char *call;
	bool inside; /* in a function of ours, or cancelled there */
	struct _pthread_cleanup_buffer *before, *first; /* handlers of libc's function */
	const char *from, *to; /* to be written, and not in the buffer of the stream */
	const char *put_at; /* where in the buffer the call began to put bytes */
	const char *own_end; /* of what libc's function has had written of the buffer */
	const char *kept, *kept_end; /* what an interrupted write() has left in it */
};

/* Those that are not in use. More are closed. */
#define IDLE 16
static struct mpg_twin *_Atomic idle[IDLE];

static void begin_io(struct mpg_twin *t)
{
	t->inside = true;
	t->first = mpg_file_unlist(t->before);
	mpg_filelock_parks(t->file, true);
}

static void end_io(struct mpg_twin *t)
{
	mpg_filelock_parks(t->file, false);
	mpg_file_relist(t->first, t->before);
	t->inside = false;
}

static ssize_t take(void *cookie, char *buf, size_t len)
{
	struct mpg_twin *t = cookie;
	ssize_t n;

	begin_io(t);
	mpg_file_show_bare(t->twin, t->file);
	n = mpg_stream_read(t->file->_fileno, buf, len, t->call);
	end_io(t);
	return n;
}

static size_t in_memory(const struct mpg_twin *t)
{
	return (size_t)(t->to - t->from);
}

static size_t left(const struct mpg_twin *t)
{
	return in_memory(t) + mpg_file_pending(t->file);
}

/* What is in the buffer goes last: if it is not the call's own, it came later. */
static struct iovec next(const struct mpg_twin *t)
{
	if (in_memory(t))
		return (struct iovec){ (char *)t->from, in_memory(t) };
	return (struct iovec){ t->file->_IO_write_base, mpg_file_pending(t->file) };
}

/* The stream must show it before the fiber parks. */
static ssize_t moved(struct mpg_twin *t, ssize_t n)
{
	if (n <= 0)
		return n;
	if (in_memory(t))
		t->from += n;
	else
		mpg_file_show_less(t->file, (size_t)n);
	return n;
}

/*
 * As write(). Whenever it waits, calls that may not wait can write what the stream shows, and put
 * more into it: so what is left to write is what the stream shows then.
 */
static ssize_t write_green(struct mpg_twin *t)
{
	int fd = t->file->_fileno, begun;
	struct mpg_wait w;
	struct iovec iov;
	bool more = true;
	ssize_t n = 0;

	begun = mpg_wait_begin_or_end(&w, fd, POLLOUT, t->call);
	iov = next(t);
	if (begun <= 0)
		return begun < 0 ? -1 : moved(t, REAL(write)(fd, iov.iov_base, iov.iov_len));
	while (more && left(t)) {
		size_t len = w.done + left(t);

		iov = next(t);
		n = moved(t, mpg_nowait_writev(w.entry, fd, &iov, 1, 0, w.done > 0));
		more = mpg_wait_more(&w, n, len);
	}
	mpg_wait_end(&w);
	return mpg_wait_total(&w, left(t) ? n : 0);
}

static bool was_interrupted(void)
{
	return errno == EINTR || errno == ECANCELED;
}

/* libc forgets what it could not write. */
static void keep(struct mpg_twin *t)
{
	mpg_file_note_end(t->twin, -1);
	if (!was_interrupted())
		return;
	t->kept = t->file->_IO_write_base;
	t->kept_end = t->file->_IO_write_ptr;
}

/* libc goes on after a write() that was short, too. */
static ssize_t give(void *cookie, const char *buf, size_t len)
{
	struct mpg_twin *t = cookie;
	bool shown;
	size_t failed;

	begin_io(t);
	shown = mpg_file_show(t->twin, t->file, buf, buf + len);
	t->own_end = t->to = buf + len;
	t->from = shown ? t->to : buf;
	t->kept = NULL;
	while (left(t) && write_green(t) >= 0)
		;
	if (left(t))
		keep(t);
	failed = shown ? left(t) : in_memory(t);
	end_io(t);
	return failed < len ? (ssize_t)(len - failed) : 0;
}

static int seek(void *cookie, off64_t *offset, int whence)
{
	const struct mpg_twin *t = cookie;
	off64_t at = lseek(t->file->_fileno, *offset, whence);

	if (at < 0)
		return -1;
	*offset = at;
	return 0;
}

static struct mpg_twin *new_twin(void)
{
	const cookie_io_functions_t functions = { .read = take, .write = give, .seek = seek };
	struct mpg_twin *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->twin = mpg_file_twin(t, functions);
	if (t->twin)
		return t;
	free(t);
	return NULL;
}

static struct mpg_twin *pick_up(void)
{
	for (int i = 0; i < IDLE; i++) {
		struct mpg_twin *t = atomic_exchange(&idle[i], NULL);

		if (t)
			return t;
	}
	return new_twin();
}

static void put_down(struct mpg_twin *t)
{
	for (int i = 0; i < IDLE; i++) {
		struct mpg_twin *none = NULL;

		if (atomic_compare_exchange_strong(&idle[i], &none, t))
			return;
	}
	mpg_file_refuse(t->twin);
	REAL(fclose)(t->twin);
	free(t);
}

static bool is_green(const FILE *file)
{
	int fd = mpg_file_fd(file);
	struct mpg_fd *entry = fd < 0 || mpg_stream_is_native(fd) ? NULL : mpg_fd_entry(fd);
	uint32_t state = entry ? mpg_fd_state(entry) : MPG_FD_KNOWN;

	if (!(state & MPG_FD_KNOWN))
		state = mpg_fd_examine(fd, entry);
	return state & MPG_FD_GREEN;
}

static void lock(struct mpg_stdio *s)
{
	s->locked = !(s->file->_flags & _IO_USER_LOCK);
	if (s->locked)
		REAL(flockfile)(s->file);
}

static void lock_out_fibers(struct mpg_stdio *s)
{
	s->entered = mpg_filelock_enter(s->file, s->call);
	if (!s->entered)
		s->error = errno;
}

static bool can_wait(void)
{
	return mpg_thread_is_green() && !mpg_thread.native_depth && !mpg_signals_inside();
}

static void begin(struct mpg_stdio *s)
{
	struct mpg_twin *t = s->twin;

	t->file = s->file;
	t->call = s->call;
	t->inside = false;
	t->before = mpg_file_handlers();
	t->kept = NULL;
	if (s->error)
		mpg_file_refuse(t->twin);
	else
		mpg_file_begin(t->twin, s->file);
	t->put_at = t->twin->_IO_write_ptr;
	s->stream = t->twin;
}

struct mpg_stdio mpg_stdio_enter(FILE *file, const char *call)
{
	struct mpg_stdio s = { .stream = file, .file = file, .call = call };
	int saved_errno = errno;
	bool green = can_wait() && is_green(file);

	s.forks = mpg_process_forks;
	if (green || (mpg_filelock_has(file) && can_wait()))
		lock_out_fibers(&s);
	if (!s.error)
		lock(&s);
	if (s.error || green)
		s.twin = pick_up();
	if (s.twin)
		begin(&s);
	errno = saved_errno;
	return s;
}

/* Cancelled inside, it has what it shows already, and its buffer again. */
static void end(struct mpg_stdio *s)
{
	struct mpg_twin *t = s->twin;

	if (t->inside) {
		mpg_filelock_parks(s->file, false);
		mpg_file_show(t->twin, s->file, s->file->_IO_write_base, s->file->_IO_write_ptr);
	} else if (!s->error) {
		mpg_file_end(t->twin, s->file);
	}
	if (t->kept)
		mpg_file_keep(s->file, t->kept, t->kept_end);
	put_down(t);
}

void mpg_stdio_leave(struct mpg_stdio *s)
{
	int error = s->error ? s->error : errno;

	if (s->twin)
		end(s);
	/* libc unlocks all streams in a fork child. */
	if (s->locked && s->forks == mpg_process_forks)
		REAL(funlockfile)(s->file);
	if (s->entered)
		mpg_filelock_leave(s->file);
	errno = error;
}

ssize_t mpg_stdio_read(struct mpg_stdio *s, void *to, size_t len)
{
	return take(s->twin, to, len);
}

int mpg_stdio_put_failed(struct mpg_stdio *s)
{
	struct mpg_twin *t = s->twin;

	if (t && t->kept && t->kept_end == t->own_end && t->kept_end != t->put_at
	    && t->kept < t->kept_end)
		t->kept_end--;
	return EOF;
}

static int finish(FILE *file, const char *call)
{
	STDIO(s, file, call);
	int r = 0;

	if (s.twin && mpg_file_has_output(s.stream))
		r = REAL(fflush_unlocked)(s.stream);
	if (r == EOF && s.twin) {
		s.twin->kept = NULL;
		__fpurge(s.stream);
	}
	return r;
}

/* The stream is freed after this, whatever it returns: nobody may be in the middle of it. */
int mpg_stdio_finish(FILE *file, const char *call)
{
	bool waits = mpg_filelock_has(file) && can_wait();
	int r;

	if (waits)
		mpg_filelock_enter_surely(file, call);
	r = finish(file, call);
	if (waits)
		mpg_filelock_leave(file);
	return r;
}
