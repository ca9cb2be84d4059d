/* SPDX-License-Identifier: MIT */
/* fread(): libc reads what is larger than the buffer past it, in as few calls as it can. */
#include "calls/stdio.h"
#include "os/linux/interpose.h"

/* What a single read() is for: as much as libc's own would read past the buffer. */
static size_t past_buffer(const FILE *twin, size_t len)
{
	size_t size = mpg_file_buffer_size(twin);

	return size < 128 ? len : len - len % size;
}

static bool is_plain(const FILE *twin)
{
	return !(twin->_flags & (MPG_FILE_PUTTING | MPG_FILE_IN_BACKUP));
}

static size_t read_all(struct mpg_stdio *s, char *to, size_t len)
{
	FILE *twin = s->stream;
	size_t done = 0;
	ssize_t n;

	if (mpg_file_has_input(twin) && is_plain(twin)) {
		size_t there = (size_t)(twin->_IO_read_end - twin->_IO_read_ptr);

		done = REAL(fread_unlocked)(to, 1, there < len ? there : len, twin);
	}
	while (is_plain(twin) && past_buffer(twin, len - done)) {
		n = mpg_stdio_read(s, to + done, past_buffer(twin, len - done));
		if (n <= 0) {
			mpg_file_note_end(twin, n);
			return done;
		}
		done += (size_t)n;
	}
	return done + REAL(fread_unlocked)(to + done, 1, len - done, twin);
}

GREEN(size_t, fread, void *to, size_t size, size_t n, FILE *file)
{
	STDIO(s, file, "fread");
	size_t len = size * n, done;

	if (!s.twin || s.error)
		return REAL(fread_unlocked)(to, size, n, s.stream);
	if (!len)
		return 0;
	done = read_all(&s, to, len);
	return done == len ? n : done / size;
}

INTERPOSE(size_t, fread, void *to, size_t size, size_t n, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_fread(to, size, n, file)
					: REAL(fread)(to, size, n, file);
}

INTERPOSE(size_t, fread_unlocked, void *to, size_t size, size_t n, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_fread(to, size, n, file)
					: REAL(fread_unlocked)(to, size, n, file);
}

ALIAS(_IO_fread, fread);
