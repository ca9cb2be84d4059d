/* SPDX-License-Identifier: MIT */
/*
 * Calls that give a stream another buffer or another file: libc has it flushed by its own write(),
 * so what is in the buffer goes before.
 */
#include "calls/stdio.h"
#include "os/linux/interpose.h"

/* False: the call is not to be made. */
static bool flush(FILE *file, const char *call)
{
	STDIO(s, file, call);

	if (s.twin && !s.error && mpg_file_has_output(s.stream))
		REAL(fflush_unlocked)(s.stream);
	return !s.error;
}

INTERPOSE(int, setvbuf, FILE *file, char *buf, int mode, size_t size)
{
	if (mpg_stdio_may_wait(file) && !flush(file, "setvbuf"))
		return EOF;
	return REAL(setvbuf)(file, buf, mode, size);
}

INTERPOSE(void, setbuffer, FILE *file, char *buf, size_t size)
{
	if (!mpg_stdio_may_wait(file) || flush(file, "setbuffer"))
		REAL(setbuffer)(file, buf, size);
}

INTERPOSE(void, setbuf, FILE *file, char *buf)
{
	if (!mpg_stdio_may_wait(file) || flush(file, "setbuf"))
		REAL(setbuf)(file, buf);
}

INTERPOSE(void, setlinebuf, FILE *file)
{
	if (!mpg_stdio_may_wait(file) || flush(file, "setlinebuf"))
		REAL(setlinebuf)(file);
}

/* libc opens the other file under the number of the first, by its own dup3() if need be. */
INTERPOSE(FILE *, freopen, const char *path, const char *mode, FILE *file)
{
	FILE *r;

	if (mpg_stdio_may_wait(file) && !flush(file, "freopen"))
		return NULL;
	if (mpg_fds_are_active())
		mpg_wait_forget(mpg_file_fd(file));
	r = REAL(freopen)(path, mode, file);
	if (r && mpg_fds_are_active())
		mpg_wait_born(mpg_file_fd(r));
	mpg_wait_closed();
	return r;
}

ALIAS(freopen64, freopen);
ALIAS(_IO_setbuffer, setbuffer);
ALIAS(_IO_setvbuf, setvbuf);
