/* SPDX-License-Identifier: MIT */
/* Input of bytes and lines from streams. */
#include "calls/stdio.h"
#include "os/linux/interpose.h"

GREEN(int, getc, FILE *file)
{
	STDIO(s, file, "getc");

	return REAL(getc_unlocked)(s.stream);
}

INTERPOSE(int, getc, FILE *file)
{
	return mpg_stdio_may_wait_for_byte(file) ? green_getc(file) : REAL(getc)(file);
}

INTERPOSE(int, getc_unlocked, FILE *file)
{
	return mpg_stdio_may_wait_for_byte(file) ? green_getc(file) : REAL(getc_unlocked)(file);
}

INTERPOSE(int, getchar, void)
{
	return mpg_stdio_may_wait_for_byte(stdin) ? green_getc(stdin) : REAL(getchar)();
}

INTERPOSE(int, getchar_unlocked, void)
{
	return mpg_stdio_may_wait_for_byte(stdin) ? green_getc(stdin) : REAL(getchar_unlocked)();
}

/* What the macros getc_unlocked() of old programs and of the compiler's headers call. */
GREEN(int, __uflow, FILE *file)
{
	STDIO(s, file, "getc");

	return REAL(__uflow)(s.stream);
}

INTERPOSE(int, __uflow, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green___uflow(file) : REAL(__uflow)(file);
}

GREEN(int, __underflow, FILE *file)
{
	STDIO(s, file, "getc");

	return REAL(__underflow)(s.stream);
}

INTERPOSE(int, __underflow, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green___underflow(file) : REAL(__underflow)(file);
}

GREEN(int, getw, FILE *file)
{
	STDIO(s, file, "getw");

	return REAL(getw)(s.stream);
}

INTERPOSE(int, getw, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green_getw(file) : REAL(getw)(file);
}

GREEN(char *, fgets, char *to, int n, FILE *file)
{
	STDIO(s, file, "fgets");

	return REAL(fgets_unlocked)(to, n, s.stream);
}

INTERPOSE(char *, fgets, char *to, int n, FILE *file)
{
	return mpg_stdio_may_wait_for_line(file, '\n', (size_t)n) ? green_fgets(to, n, file)
								  : REAL(fgets)(to, n, file);
}

INTERPOSE(char *, fgets_unlocked, char *to, int n, FILE *file)
{
	return mpg_stdio_may_wait_for_line(file, '\n', (size_t)n)
		? green_fgets(to, n, file)
		: REAL(fgets_unlocked)(to, n, file);
}

/* Fortified: the program ends when there is more in the line than the buffer holds. */
GREEN(char *, __fgets_chk, char *to, size_t room, int n, FILE *file)
{
	STDIO(s, file, "fgets");

	return REAL(__fgets_unlocked_chk)(to, room, n, s.stream);
}

INTERPOSE(char *, __fgets_chk, char *to, size_t room, int n, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green___fgets_chk(to, room, n, file)
					: REAL(__fgets_chk)(to, room, n, file);
}

INTERPOSE(char *, __fgets_unlocked_chk, char *to, size_t room, int n, FILE *file)
{
	return mpg_stdio_may_wait(file) ? green___fgets_chk(to, room, n, file)
					: REAL(__fgets_unlocked_chk)(to, room, n, file);
}

GREEN(ssize_t, getdelim, char **line, size_t *size, int end, FILE *file)
{
	STDIO(s, file, "getdelim");

	return REAL(getdelim)(line, size, end, s.stream);
}

INTERPOSE(ssize_t, getdelim, char **line, size_t *size, int end, FILE *file)
{
	if (!mpg_stdio_may_wait_for_line(file, end, SIZE_MAX))
		return REAL(getdelim)(line, size, end, file);
	return green_getdelim(line, size, end, file);
}

GREEN(ssize_t, getline, char **line, size_t *size, FILE *file)
{
	STDIO(s, file, "getline");

	return REAL(getline)(line, size, s.stream);
}

INTERPOSE(ssize_t, getline, char **line, size_t *size, FILE *file)
{
	return mpg_stdio_may_wait_for_line(file, '\n', SIZE_MAX) ? green_getline(line, size, file)
								 : REAL(getline)(line, size, file);
}

ALIAS(_IO_getc, getc);
ALIAS(fgetc, getc);
ALIAS(fgetc_unlocked, getc_unlocked);
ALIAS(_IO_fgets, fgets);
ALIAS(__getdelim, getdelim);
