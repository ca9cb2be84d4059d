/* SPDX-License-Identifier: MIT */
/*
 * The scanf() family. The headers give scanf() another symbol for each standard that has changed
 * its meaning, so the symbols are written out here. What is variadic goes where its kin with a
 * va_list goes.
 */
#include "calls/stdio.h"
#include "os/linux/interpose.h"

typedef int scan_function(FILE *file, const char *format, va_list arguments);

/* Not inlined: what passes through has no locals. */
__attribute__((noinline)) static int scan_green(scan_function *real, FILE *file, const char *format,
						va_list arguments)
{
	STDIO(s, file, "fscanf");

	return real(s.stream, format, arguments);
}

static inline int scan(scan_function *real, FILE *file, const char *format, va_list arguments)
{
	return mpg_stdio_may_wait(file) ? scan_green(real, file, format, arguments)
					: real(file, format, arguments);
}

#define EXPORT(symbol, name, ...) \
	INTERPOSE(int, name, __VA_ARGS__) __asm__(#symbol); \
	int name(__VA_ARGS__)

#define FAMILY(real, prefix) \
	EXPORT(prefix##vfscanf, prefix##vfscanf_, FILE *file, const char *format, \
	       va_list arguments) \
	{ \
		return scan(&REAL(real), file, format, arguments); \
	} \
	EXPORT(prefix##vscanf, prefix##vscanf_, const char *format, va_list arguments) \
	{ \
		return scan(&REAL(real), stdin, format, arguments); \
	} \
	EXPORT(prefix##fscanf, prefix##fscanf_, FILE *file, const char *format, ...) \
	{ \
		va_list arguments; \
		int r; \
\
		va_start(arguments, format); \
		r = scan(&REAL(real), file, format, arguments); \
		va_end(arguments); \
		return r; \
	} \
	EXPORT(prefix##scanf, prefix##scanf_, const char *format, ...) \
	{ \
		va_list arguments; \
		int r; \
\
		va_start(arguments, format); \
		r = scan(&REAL(real), stdin, format, arguments); \
		va_end(arguments); \
		return r; \
	} \
	struct end_of_family

FAMILY(vfscanf, );
FAMILY(__isoc99_vfscanf, __isoc99_);
#if HAVE_ISOC23
FAMILY(__isoc23_vfscanf, __isoc23_);
#endif

EXPORT(__vfscanf, old_vfscanf, FILE *file, const char *format, va_list arguments)
{
	return scan(&REAL(vfscanf), file, format, arguments);
}
