/* SPDX-License-Identifier: MIT */
/*
 * A call on a stream whose fd is green: libc's own function works on a twin of the stream, whose
 * reads and writes wait through the scheduler (os/linux/file.h). Flags, counts, partial results and
 * errno are libc's own by that.
 *
 *	GREEN(char *, fgets, char *to, int n, FILE *file)
 *	{
 *		STDIO(s, file, "fgets");
 *
 *		return REAL(fgets)(to, n, s.stream);
 *	}
 *
 * The stream is locked meanwhile, for other threads by libc's lock and for other fibers by ours.
 */
#ifndef MPG_STDIO_H
#define MPG_STDIO_H

#include "engine/wait.h"
#include "os/linux/file.h"
#include "sources/filelock.h"

#pragma GCC visibility push(hidden)

struct mpg_twin;

struct mpg_stdio {
	FILE *stream;		/* what libc's function gets */
	FILE *file;
	const char *call;
	struct mpg_twin *twin;	/* NULL: the stream is not green, or this call cannot wait */
	bool entered, locked;	/* our lock is held, and libc's */
	int error;		/* the wait for the lock has ended with it, and so does the call */
	unsigned forks;
};

/* Is it certain that calls on the stream pass through? */
static inline bool mpg_stdio_may_wait(const FILE *file)
{
	int fd;

	if (!mpg_thread_is_green())
		return false;
	if (__builtin_expect(mpg_filelock_held, 0))
		return true;
	fd = mpg_file_fd(file);
	return fd >= 0 && mpg_may_wait_on(fd);
}

/* The same for a call that is done with the byte, or the room for one, that is in the buffer. */
static inline bool mpg_stdio_may_wait_for_byte(const FILE *file)
{
	return mpg_stdio_may_wait(file) && !(mpg_file_has_input(file) && !mpg_filelock_held);
}

static inline bool mpg_stdio_may_wait_for_room(const FILE *file)
{
	return mpg_stdio_may_wait(file) && !(mpg_file_has_room(file) && !mpg_filelock_held);
}

/* Nor does one that finds the end of its line, or all `n` bytes it wants, in the buffer. */
static inline bool mpg_stdio_may_wait_for_line(const FILE *file, int end, size_t n)
{
	return mpg_stdio_may_wait(file) && (mpg_filelock_held || !mpg_file_has_line(file, end, n));
}

/* `call` is a string that lives for ever. */
struct mpg_stdio mpg_stdio_enter(FILE *file, const char *call);
void mpg_stdio_leave(struct mpg_stdio *s);

/* Declares `name`: left at the end of its block, or when the thread is cancelled in it. */
#define STDIO(name, file, call) \
	__attribute__((cleanup(mpg_stdio_leave))) struct mpg_stdio name = \
		mpg_stdio_enter(file, call)

/* A read() as the stream's own ones. */
ssize_t mpg_stdio_read(struct mpg_stdio *s, void *to, size_t len);

/*
 * A call that puts one byte has failed: where that byte is the last of what is kept in the buffer,
 * it is taken out, for the caller may put it again. Returns EOF.
 */
int mpg_stdio_put_failed(struct mpg_stdio *s);

/* Writes what is in the buffer. False, with errno: the call that wants that is not to be made. */
bool mpg_stdio_flush(FILE *file, const char *call);

/*
 * For the call that closes it: writes what is in the buffer, and has it gone when that fails.
 * Returns 0, or EOF with errno.
 */
int mpg_stdio_finish(FILE *file, const char *call);

#pragma GCC visibility pop

#endif
