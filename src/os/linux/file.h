/* SPDX-License-Identifier: MIT */
/*
 * A FILE's insides: the one place that knows glibc's struct _IO_FILE, whose fields the C headers
 * show because getc() and putc() were macros on them.
 *
 * libc reads and writes the fd of a stream inside itself. But a stream of fopencookie() has
 * functions of ours for that. So such a one, the twin, takes over the state of a stream for one
 * call, libc's own function works on the twin, and the stream gets its state back.
 */
#ifndef MPG_FILE_H
#define MPG_FILE_H

#include "libc.h"

#pragma GCC visibility push(hidden)

/* libc's _flags that its header does not show. */
enum {
	MPG_FILE_UNBUFFERED = 0x2,
	MPG_FILE_LINKED = 0x80,
	MPG_FILE_IN_BACKUP = 0x100,
	MPG_FILE_LINE_BUFFERED = 0x200,
	MPG_FILE_PUTTING = 0x800,
	MPG_FILE_ON_FD = 0x2000,
};

/* The fd of a stream of bytes; -1 for a stream in memory, of wide characters, or of somebody's. */
static inline int mpg_file_fd(const FILE *file)
{
	return file->_flags & MPG_FILE_ON_FD && file->_mode <= 0 ? file->_fileno : -1;
}

static inline bool mpg_file_has_input(const FILE *file)
{
	return file->_IO_read_ptr < file->_IO_read_end;
}

static inline bool mpg_file_has_line(const FILE *file, int end, size_t n)
{
	size_t there = (size_t)(file->_IO_read_end - file->_IO_read_ptr);

	return there >= n || (there && memchr(file->_IO_read_ptr, end, there));
}

static inline bool mpg_file_has_room(const FILE *file)
{
	return file->_IO_write_ptr < file->_IO_write_end;
}

static inline bool mpg_file_has_output(const FILE *file)
{
	return file->_IO_write_ptr > file->_IO_write_base;
}

static inline size_t mpg_file_pending(const FILE *file)
{
	return (size_t)(file->_IO_write_ptr - file->_IO_write_base);
}

/* How much a read() at a time: what a stream without a buffer reads is read past it. */
static inline size_t mpg_file_buffer_size(const FILE *file)
{
	return (size_t)(file->_IO_buf_end - file->_IO_buf_base);
}

/* A twin; NULL with errno. It is in none of libc's lists. */
FILE *mpg_file_twin(void *cookie, cookie_io_functions_t functions);

/* The twin takes over the state of a stream, whose buffer exists from now on; and gives it back. */
void mpg_file_begin(FILE *twin, FILE *file);
void mpg_file_end(FILE *twin, FILE *file);

/*
 * What others see of the stream meanwhile, exit() too: nothing to read, and these bytes to write if
 * they are in its buffer. Returns whether they are. Then: the first `n` of them have been written.
 */
bool mpg_file_show(const FILE *twin, FILE *file, const char *from, const char *to);
void mpg_file_show_less(FILE *file, size_t n);

/* While the buffer is being filled: a stream without one, so that nobody reads ahead. */
void mpg_file_show_bare(const FILE *twin, FILE *file);

/*
 * libc's scanf() and printf() enter a handler in the thread's list of those that run when it is
 * cancelled. It lies on the stack of a fiber: while that one is parked it must not be in the list.
 * `before` is what the list began with before the call; what comes to an end with one is the other.
 */
struct _pthread_cleanup_buffer;
struct _pthread_cleanup_buffer *mpg_file_handlers(void);
struct _pthread_cleanup_buffer *mpg_file_unlist(struct _pthread_cleanup_buffer *before);
void mpg_file_relist(struct _pthread_cleanup_buffer *first, struct _pthread_cleanup_buffer *before);

/* After the call: these bytes are still to be written, if nothing came after them. */
void mpg_file_keep(FILE *file, const char *from, const char *to);

/* Every call on the twin fails: it may neither be read nor written. It has no stream's state. */
void mpg_file_refuse(FILE *twin);

/* As libc does when a read() has returned n <= 0. */
void mpg_file_note_end(FILE *twin, ssize_t n);

#pragma GCC visibility pop

#endif
