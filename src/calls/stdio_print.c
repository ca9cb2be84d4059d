/* SPDX-License-Identifier: MIT */
/*
 * The printf() family. Its variadic members go where those with a va_list go; so do the fortified
 * ones, whose flag has libc check %n as well.
 */
#include "calls/stdio.h"
#include "calls/stream.h"
#include "os/linux/interpose.h"

/* What the members with "..." have in common: `name` is a call that takes `arguments`. */
#define PASS_ARGUMENTS(r, last, name, ...) \
	do { \
		va_list arguments; \
		va_start(arguments, last); \
		r = name(__VA_ARGS__, arguments); \
		va_end(arguments); \
	} while (0)

GREEN(int, vfprintf, FILE *file, const char *format, va_list arguments)
{
	STDIO(s, file, "fprintf");

	return REAL(vfprintf)(s.stream, format, arguments);
}

INTERPOSE(int, vfprintf, FILE *file, const char *format, va_list arguments)
{
	return mpg_stdio_may_wait(file) ? green_vfprintf(file, format, arguments)
					: REAL(vfprintf)(file, format, arguments);
}

INTERPOSE(int, vprintf, const char *format, va_list arguments)
{
	return mpg_stdio_may_wait(stdout) ? green_vfprintf(stdout, format, arguments)
					  : REAL(vprintf)(format, arguments);
}

INTERPOSE(int, fprintf, FILE *file, const char *format, ...)
{
	int r;

	if (mpg_stdio_may_wait(file))
		PASS_ARGUMENTS(r, format, green_vfprintf, file, format);
	else
		PASS_ARGUMENTS(r, format, REAL(vfprintf), file, format);
	return r;
}

INTERPOSE(int, printf, const char *format, ...)
{
	int r;

	if (mpg_stdio_may_wait(stdout))
		PASS_ARGUMENTS(r, format, green_vfprintf, stdout, format);
	else
		PASS_ARGUMENTS(r, format, REAL(vfprintf), stdout, format);
	return r;
}

GREEN(int, __vfprintf_chk, FILE *file, int flag, const char *format, va_list arguments)
{
	STDIO(s, file, "fprintf");

	return REAL(__vfprintf_chk)(s.stream, flag, format, arguments);
}

INTERPOSE(int, __vfprintf_chk, FILE *file, int flag, const char *format, va_list arguments)
{
	if (!mpg_stdio_may_wait(file))
		return REAL(__vfprintf_chk)(file, flag, format, arguments);
	return green___vfprintf_chk(file, flag, format, arguments);
}

INTERPOSE(int, __vprintf_chk, int flag, const char *format, va_list arguments)
{
	if (!mpg_stdio_may_wait(stdout))
		return REAL(__vprintf_chk)(flag, format, arguments);
	return green___vfprintf_chk(stdout, flag, format, arguments);
}

INTERPOSE(int, __fprintf_chk, FILE *file, int flag, const char *format, ...)
{
	int r;

	if (mpg_stdio_may_wait(file))
		PASS_ARGUMENTS(r, format, green___vfprintf_chk, file, flag, format);
	else
		PASS_ARGUMENTS(r, format, REAL(__vfprintf_chk), file, flag, format);
	return r;
}

INTERPOSE(int, __printf_chk, int flag, const char *format, ...)
{
	int r;

	if (mpg_stdio_may_wait(stdout))
		PASS_ARGUMENTS(r, format, green___vfprintf_chk, stdout, flag, format);
	else
		PASS_ARGUMENTS(r, format, REAL(__vfprintf_chk), stdout, flag, format);
	return r;
}

/* libc's own has a stream of its own for the time of the call. */
static int write_text(int fd, char *text, int len)
{
	ssize_t n = 0;

	for (size_t done = 0; n >= 0 && done < (size_t)len; done += (size_t)n)
		n = mpg_stream_write(fd, text + done, (size_t)len - done, "dprintf");
	free(text);
	return n < 0 ? -1 : len;
}

GREEN(int, vdprintf, int fd, const char *format, va_list arguments)
{
	char *text;
	int len = vasprintf(&text, format, arguments);

	return len < 0 ? -1 : write_text(fd, text, len);
}

INTERPOSE(int, vdprintf, int fd, const char *format, va_list arguments)
{
	return mpg_may_wait_on(fd) ? green_vdprintf(fd, format, arguments)
				   : REAL(vdprintf)(fd, format, arguments);
}

INTERPOSE(int, dprintf, int fd, const char *format, ...)
{
	int r;

	if (mpg_may_wait_on(fd))
		PASS_ARGUMENTS(r, format, green_vdprintf, fd, format);
	else
		PASS_ARGUMENTS(r, format, REAL(vdprintf), fd, format);
	return r;
}

GREEN(int, __vdprintf_chk, int fd, int flag, const char *format, va_list arguments)
{
	char *text;
	int len = __vasprintf_chk(&text, flag, format, arguments);

	return len < 0 ? -1 : write_text(fd, text, len);
}

INTERPOSE(int, __vdprintf_chk, int fd, int flag, const char *format, va_list arguments)
{
	return mpg_may_wait_on(fd) ? green___vdprintf_chk(fd, flag, format, arguments)
				   : REAL(__vdprintf_chk)(fd, flag, format, arguments);
}

INTERPOSE(int, __dprintf_chk, int fd, int flag, const char *format, ...)
{
	int r;

	if (mpg_may_wait_on(fd))
		PASS_ARGUMENTS(r, format, green___vdprintf_chk, fd, flag, format);
	else
		PASS_ARGUMENTS(r, format, REAL(__vdprintf_chk), fd, flag, format);
	return r;
}

ALIAS(_IO_vfprintf, vfprintf);
ALIAS(_IO_fprintf, fprintf);
ALIAS(_IO_printf, printf);
