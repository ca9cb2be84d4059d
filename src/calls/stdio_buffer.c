/* SPDX-License-Identifier: MIT */
/*
 * Calls that give a stream another buffer (fopen.c: another file): libc has it flushed by its own
 * write(), so what is in the buffer goes before.
 */
#include "calls/stdio.h"
#include "os/linux/interpose.h"

bool mpg_stdio_flush(FILE *file, const char *call)
{
	STDIO(s, file, call);

	if (s.twin && !s.error && mpg_file_has_output(s.stream))
		REAL(fflush_unlocked)(s.stream);
	return !s.error;
}

INTERPOSE(int, setvbuf, FILE *file, char *buf, int mode, size_t size)
{
	if (mpg_stdio_may_wait(file) && !mpg_stdio_flush(file, "setvbuf"))
		return EOF;
	return REAL(setvbuf)(file, buf, mode, size);
}

INTERPOSE(void, setbuffer, FILE *file, char *buf, size_t size)
{
	if (!mpg_stdio_may_wait(file) || mpg_stdio_flush(file, "setbuffer"))
		REAL(setbuffer)(file, buf, size);
}

INTERPOSE(void, setbuf, FILE *file, char *buf)
{
	if (!mpg_stdio_may_wait(file) || mpg_stdio_flush(file, "setbuf"))
		REAL(setbuf)(file, buf);
}

INTERPOSE(void, setlinebuf, FILE *file)
{
	if (!mpg_stdio_may_wait(file) || mpg_stdio_flush(file, "setlinebuf"))
		REAL(setlinebuf)(file);
}

ALIAS(_IO_setbuffer, setbuffer);
ALIAS(_IO_setvbuf, setvbuf);
