/* SPDX-License-Identifier: MIT */
/* open() and its kin, as births: like birth.c, they say that the number is stale. */
#include "engine/wait.h"
#include "os/linux/interpose.h"

static bool needs_mode(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

#define MODE_ARGUMENT(flags) \
	__extension__({ \
		mode_t mode_ = 0; \
		va_list arguments_; \
		if (needs_mode(flags)) { \
			va_start(arguments_, flags); \
			mode_ = va_arg(arguments_, mode_t); \
			va_end(arguments_); \
		} \
		mode_; \
	})

INTERPOSE(int, open, const char *path, int flags, ...)
{
	return mpg_wait_born(REAL(open)(path, flags, MODE_ARGUMENT(flags)));
}

INTERPOSE(int, openat, int directory, const char *path, int flags, ...)
{
	return mpg_wait_born(REAL(openat)(directory, path, flags, MODE_ARGUMENT(flags)));
}

INTERPOSE(int, creat, const char *path, mode_t mode)
{
	return mpg_wait_born(REAL(creat)(path, mode));
}

INTERPOSE(int, __open_2, const char *path, int flags)
{
	return mpg_wait_born(REAL(__open_2)(path, flags));
}

INTERPOSE(int, __openat_2, int directory, const char *path, int flags)
{
	return mpg_wait_born(REAL(__openat_2)(directory, path, flags));
}

INTERPOSE(int, openpty, int *master, int *slave, char *name, const struct termios *termios,
	  const struct winsize *size)
{
	int r = REAL(openpty)(master, slave, name, termios, size);

	if (r == 0) {
		mpg_wait_born(*master);
		mpg_wait_born(*slave);
	}
	return r;
}

ALIAS(__open, open);
ALIAS(__open64, open);
ALIAS(__open64_2, __open_2);
ALIAS(__openat64_2, __openat_2);
ALIAS(creat64, creat);
ALIAS(open64, open);
ALIAS(openat64, openat);
