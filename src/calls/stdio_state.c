/* SPDX-License-Identifier: MIT */
/*
 * Calls that flush a stream before they do something else, and those that change what another fiber
 * may be in the middle of.
 */
#include "calls/stdio.h"
#include "os/linux/interpose.h"

GREEN(int, fflush, FILE *file)
{
	STDIO(s, file, "fflush");

	return s.error ? EOF : REAL(fflush_unlocked)(s.stream);
}

/* What another fiber is about to write must not be written twice: it comes to its end first. */
GREEN(int, flush_all, void)
{
	return mpg_filelock_drain("fflush") ? REAL(fflush)(NULL) : EOF;
}

INTERPOSE(int, fflush, FILE *file)
{
	if (!file)
		return mpg_filelock_held ? green_flush_all() : REAL(fflush)(file);
	return mpg_stdio_may_wait(file) ? green_fflush(file) : REAL(fflush)(file);
}

INTERPOSE(int, fflush_unlocked, FILE *file)
{
	if (!file || mpg_stdio_may_wait(file))
		return fflush(file);
	return REAL(fflush_unlocked)(file);
}

GREEN(int, fseeko, FILE *file, off_t offset, int whence)
{
	STDIO(s, file, "fseek");

	return s.error ? -1 : REAL(fseeko)(s.stream, offset, whence);
}

INTERPOSE(int, fseeko, FILE *file, off_t offset, int whence)
{
	return mpg_stdio_may_wait(file) ? green_fseeko(file, offset, whence)
					: REAL(fseeko)(file, offset, whence);
}

INTERPOSE(int, fseek, FILE *file, long offset, int whence)
{
	return mpg_stdio_may_wait(file) ? green_fseeko(file, offset, whence)
					: REAL(fseek)(file, offset, whence);
}

GREEN(off_t, ftello, FILE *file)
{
	STDIO(s, file, "ftell");

	return s.error ? -1 : REAL(ftello)(s.stream);
}

INTERPOSE(off_t, ftello, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_ftello(file) : REAL(ftello)(file);
}

INTERPOSE(long, ftell, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_ftello(file) : REAL(ftell)(file);
}

GREEN(void, rewind, FILE *file)
{
	STDIO(s, file, "rewind");

	if (!s.error)
		REAL(rewind)(s.stream);
}

INTERPOSE(void, rewind, FILE *file)
{
	if (mpg_stdio_may_wait(file))
		green_rewind(file);
	else
		REAL(rewind)(file);
}

#define POSITION(name, type) \
	GREEN(int, name, FILE *file, type *position) \
	{ \
		STDIO(s, file, #name); \
\
		return s.error ? -1 : REAL(name)(s.stream, position); \
	} \
	INTERPOSE(int, name, FILE *file, type *position) \
	{ \
		return mpg_stdio_may_wait(file) ? green_##name(file, position) \
						: REAL(name)(file, position); \
	} \
	struct end_of_##name

POSITION(fgetpos, fpos_t);
POSITION(fgetpos64, fpos64_t);
POSITION(fsetpos, const fpos_t);
POSITION(fsetpos64, const fpos64_t);

GREEN(int, ungetc, int byte, FILE *file)
{
	STDIO(s, file, "ungetc");

	return s.error ? EOF : REAL(ungetc)(byte, s.stream);
}

INTERPOSE(int, ungetc, int byte, FILE *file)
{
	return mpg_filelock_held ? green_ungetc(byte, file) : REAL(ungetc)(byte, file);
}

ALIAS(_IO_fflush, fflush);
ALIAS(_IO_fgetpos, fgetpos);
ALIAS(_IO_fgetpos64, fgetpos64);
ALIAS(_IO_fsetpos, fsetpos);
ALIAS(_IO_fsetpos64, fsetpos64);
ALIAS(_IO_ftell, ftell);
ALIAS(_IO_ungetc, ungetc);
ALIAS(fseeko64, fseeko);
ALIAS(ftello64, ftello);
