/* SPDX-License-Identifier: MIT */
/* Output of bytes and strings to streams. */
#include "calls/stdio.h"
#include "os/linux/interpose.h"

GREEN(int, putc, int byte, FILE *file)
{
	STDIO(s, file, "putc");
	int r = REAL(putc_unlocked)(byte, s.stream);

	return r == EOF ? mpg_stdio_put_failed(&s) : r;
}

INTERPOSE(int, putc, int byte, FILE *file)
{
	return mpg_stdio_may_wait_for_room(file) ? green_putc(byte, file) : REAL(putc)(byte, file);
}

INTERPOSE(int, putc_unlocked, int byte, FILE *file)
{
	return mpg_stdio_may_wait_for_room(file) ? green_putc(byte, file)
						 : REAL(putc_unlocked)(byte, file);
}

INTERPOSE(int, putchar, int byte)
{
	return mpg_stdio_may_wait_for_room(stdout) ? green_putc(byte, stdout) : REAL(putchar)(byte);
}

INTERPOSE(int, putchar_unlocked, int byte)
{
	return mpg_stdio_may_wait_for_room(stdout) ? green_putc(byte, stdout)
						   : REAL(putchar_unlocked)(byte);
}

/* What the macro putc_unlocked() calls. */
GREEN(int, __overflow, FILE *file, int byte)
{
	STDIO(s, file, "putc");
	int r = REAL(__overflow)(s.stream, byte);

	return r == EOF ? mpg_stdio_put_failed(&s) : r;
}

INTERPOSE(int, __overflow, FILE *file, int byte)
{
	return mpg_stdio_may_wait(file) ? green___overflow(file, byte)
					: REAL(__overflow)(file, byte);
}

GREEN(int, putw, int word, FILE *file)
{
	STDIO(s, file, "putw");

	return REAL(putw)(word, s.stream);
}

INTERPOSE(int, putw, int word, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_putw(word, file) : REAL(putw)(word, file);
}

GREEN(size_t, fwrite, const void *from, size_t size, size_t n, FILE *file)
{
	STDIO(s, file, "fwrite");

	return REAL(fwrite_unlocked)(from, size, n, s.stream);
}

INTERPOSE(size_t, fwrite, const void *from, size_t size, size_t n, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_fwrite(from, size, n, file)
					: REAL(fwrite)(from, size, n, file);
}

INTERPOSE(size_t, fwrite_unlocked, const void *from, size_t size, size_t n, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_fwrite(from, size, n, file)
					: REAL(fwrite_unlocked)(from, size, n, file);
}

GREEN(int, fputs, const char *text, FILE *file)
{
	STDIO(s, file, "fputs");

	return REAL(fputs_unlocked)(text, s.stream);
}

INTERPOSE(int, fputs, const char *text, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_fputs(text, file) : REAL(fputs)(text, file);
}

INTERPOSE(int, fputs_unlocked, const char *text, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_fputs(text, file)
					: REAL(fputs_unlocked)(text, file);
}

/* libc's own is for its stdout alone. */
GREEN(int, puts, const char *text)
{
	STDIO(s, stdout, "puts");
	size_t len = strlen(text);

	if (!s.twin)
		return REAL(puts)(text);
	if (REAL(fwrite_unlocked)(text, 1, len, s.stream) != len
	    || REAL(putc_unlocked)('\n', s.stream) == EOF)
		return EOF;
	return len < INT_MAX ? (int)len + 1 : INT_MAX;
}

INTERPOSE(int, puts, const char *text)
{
	return mpg_stdio_may_wait(stdout) ? green_puts(text) : REAL(puts)(text);
}

ALIAS(_IO_putc, putc);
ALIAS(fputc, putc);
ALIAS(fputc_unlocked, putc_unlocked);
ALIAS(_IO_fwrite, fwrite);
ALIAS(_IO_fputs, fputs);
ALIAS(_IO_puts, puts);
