/* SPDX-License-Identifier: MIT */
#include "os/linux/file.h"

/* What belongs to the one FILE and not to the state of the stream. */
#define OWN_FLAGS (MPG_FILE_LINKED | _IO_USER_LOCK)

FILE *mpg_file_twin(void *cookie, cookie_io_functions_t functions)
{
	FILE *twin = fopencookie(cookie, "r+", functions);

	if (!twin)
		return NULL;
	/* What walks through all streams, to flush them, must not meet it. */
	_IO_un_link((struct _IO_FILE_plus *)twin);
	/* Nor is it locked, for the stream is. */
	twin->_flags |= _IO_USER_LOCK;
	return twin;
}

static void copy_flags(FILE *to, const FILE *from)
{
	to->_flags = (to->_flags & OWN_FLAGS) | (from->_flags & ~OWN_FLAGS);
}

/* glibc 2.41 and later have the first byte that is pushed back here, and do not free it. */
static char *pushed_back(const FILE *file)
{
	return (char *)&file->_old_offset - 1;
}

static void move(char **pointer, FILE *to, const FILE *from)
{
	ptrdiff_t at = *pointer - pushed_back(from);

	if (at != 0 && at != 1)
		return;
	*pointer = pushed_back(to) + at;
	*pushed_back(to) = *pushed_back(from);
}

static void move_pushed_back(FILE *to, const FILE *from)
{
	move(&to->_IO_read_ptr, to, from);
	move(&to->_IO_read_end, to, from);
	move(&to->_IO_read_base, to, from);
	move(&to->_IO_save_base, to, from);
	move(&to->_IO_backup_base, to, from);
	move(&to->_IO_save_end, to, from);
}

static void copy(FILE *to, const FILE *from)
{
	copy_flags(to, from);
	to->_IO_read_ptr = from->_IO_read_ptr;
	to->_IO_read_end = from->_IO_read_end;
	to->_IO_read_base = from->_IO_read_base;
	to->_IO_write_base = from->_IO_write_base;
	to->_IO_write_ptr = from->_IO_write_ptr;
	to->_IO_write_end = from->_IO_write_end;
	to->_IO_buf_base = from->_IO_buf_base;
	to->_IO_buf_end = from->_IO_buf_end;
	to->_IO_save_base = from->_IO_save_base;
	to->_IO_backup_base = from->_IO_backup_base;
	to->_IO_save_end = from->_IO_save_end;
	to->_markers = from->_markers;
	to->_old_offset = from->_old_offset;
	to->_cur_column = from->_cur_column;
	to->_offset = from->_offset;
	to->_mode = from->_mode;
	move_pushed_back(to, from);
}

void mpg_file_begin(FILE *twin, FILE *file)
{
	/* The twin would ask our functions what kind of file it is. */
	if (!file->_IO_buf_base)
		_IO_doallocbuf(file);
	copy(twin, file);
}

/* libc's _flags of a stream that may be read or written: what it asks before it does either. */
enum { MAGIC = (int)0xFBAD0000, NO_READS = 4, NO_WRITES = 8 };

void mpg_file_refuse(FILE *twin)
{
	const FILE nothing = {
		._flags = MAGIC | MPG_FILE_ON_FD | NO_READS | NO_WRITES,
		._offset = -1,
		._mode = -1,
	};

	copy(twin, &nothing);
}

void mpg_file_end(FILE *twin, FILE *file)
{
	copy(file, twin);
}

static bool is_in_buffer(const FILE *file, const char *p)
{
	return p >= file->_IO_buf_base && p < file->_IO_buf_end;
}

static void show(FILE *file, char *from, char *to)
{
	file->_IO_read_base = file->_IO_read_ptr = file->_IO_read_end = from;
	file->_IO_write_base = from;
	file->_IO_write_ptr = file->_IO_write_end = to;
}

/* What was pushed back is the twin's: others would free it. */
static void show_state(const FILE *twin, FILE *file)
{
	copy(file, twin);
	file->_flags &= ~MPG_FILE_IN_BACKUP;
	file->_IO_save_base = file->_IO_backup_base = file->_IO_save_end = NULL;
}

bool mpg_file_show(const FILE *twin, FILE *file, const char *from, const char *to)
{
	bool shown;

	show_state(twin, file);
	shown = from < to && is_in_buffer(file, from);
	if (shown)
		show(file, (char *)from, (char *)to);
	else
		show(file, file->_IO_buf_base, file->_IO_buf_base);
	return shown;
}

void mpg_file_show_less(FILE *file, size_t n)
{
	show(file, file->_IO_write_base + n, file->_IO_write_ptr);
}

void mpg_file_show_bare(const FILE *twin, FILE *file)
{
	show_state(twin, file);
	file->_flags |= MPG_FILE_UNBUFFERED;
	file->_IO_buf_base = file->_shortbuf;
	file->_IO_buf_end = file->_shortbuf + 1;
	show(file, file->_shortbuf, file->_shortbuf);
}

static void nothing_to_do(void *unused)
{
	(void)unused;
}

/* Makes the list begin with `first`. Returns what it began with. */
static struct _pthread_cleanup_buffer *set_handlers(bool set, struct _pthread_cleanup_buffer *first)
{
	struct _pthread_cleanup_buffer probe, *was;

	_pthread_cleanup_push(&probe, nothing_to_do, NULL);
	was = probe.__prev;
	if (set)
		probe.__prev = first;
	_pthread_cleanup_pop(&probe, 0);
	return was;
}

struct _pthread_cleanup_buffer *mpg_file_handlers(void)
{
	return set_handlers(false, NULL);
}

struct _pthread_cleanup_buffer *mpg_file_unlist(struct _pthread_cleanup_buffer *before)
{
	struct _pthread_cleanup_buffer *first = mpg_file_handlers();

	return first == before ? NULL : set_handlers(true, before);
}

void mpg_file_relist(struct _pthread_cleanup_buffer *first, struct _pthread_cleanup_buffer *before)
{
	struct _pthread_cleanup_buffer *last = first;

	if (!first)
		return;
	while (last->__prev != before)
		last = last->__prev;
	last->__prev = set_handlers(true, first);
}

void mpg_file_keep(FILE *file, const char *from, const char *to)
{
	if (!mpg_file_has_output(file) && is_in_buffer(file, from)
	    && mpg_file_buffer_size(file) > 1)
		show(file, (char *)from, (char *)to);
}

void mpg_file_note_end(FILE *twin, ssize_t n)
{
	twin->_flags |= n < 0 ? _IO_ERR_SEEN : _IO_EOF_SEEN;
}
