/* SPDX-License-Identifier: MIT */
#include "os/linux/proc.h"
#include "real.h"

/* Where the line that begins with `name` goes on. */
static const char *find(const char *text, const char *name)
{
	size_t len = strlen(name);

	while (text && strncmp(text, name, len) != 0) {
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return text ? text + len : NULL;
}

unsigned long long mpg_proc_number(const char *path, const char *name, int base,
				   unsigned long long otherwise)
{
	int saved_errno = errno, fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
	const char *number = NULL;
	char text[4096];
	ssize_t n = -1;

	if (fd >= 0) {
		n = REAL(read)(fd, text, sizeof(text) - 1);
		REAL(close)(fd);
	}
	if (n > 0) {
		text[n] = '\0';
		number = find(text, name);
	}
	errno = saved_errno;
	return number ? strtoull(number, NULL, base) : otherwise;
}
