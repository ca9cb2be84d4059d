/* SPDX-License-Identifier: MIT */
#include "settings.h"
#include "real.h"

#define PREFIX "MPGREEN_"
#define TURN_MS_MAX 60000
#define WORKERS_MAX 256

struct mpg_settings mpg_settings = { .python = MPG_ON, .turn_ms = 10, .workers = 8 };

/* A variable takes one of its words, numbered from 0, or with no words a number up to `max`. */
static const struct variable {
	const char *name;
	int *value;
	const char *words[5];
	int max;
} variables[] = {
	{ "MPGREEN_ACCEPT", &mpg_settings.accept, { "auto", "uring", "worker" }, 0 },
	{ "MPGREEN_FDS", &mpg_settings.fds, { "all", "marked" }, 0 },
	{ "MPGREEN_PYTHON", &mpg_settings.python, { "off", "on" }, 0 },
	{ "MPGREEN_SCHEDULER", &mpg_settings.scheduler, { "none", "poll" }, 0 },
	{ "MPGREEN_SEM", &mpg_settings.sem, { "auto", "uring", "waitv", "worker" }, 0 },
	{ "MPGREEN_STDIO", &mpg_settings.stdio, { "native", "green" }, 0 },
	{ "MPGREEN_TURN_MS", &mpg_settings.turn_ms, { NULL }, TURN_MS_MAX },
	{ "MPGREEN_WORKERS", &mpg_settings.workers, { NULL }, WORKERS_MAX },
};

#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

static bool parse_number(const char *text, int max, int *value)
{
	long n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (*text - '0');
		if (n > max)
			return false;
	}
	*value = (int)n;
	return true;
}

static bool parse(const struct variable *v, const char *text)
{
	if (!v->words[0])
		return parse_number(text, v->max, v->value);
	for (int i = 0; v->words[i]; i++)
		if (strcmp(text, v->words[i]) == 0) {
			*v->value = i;
			return true;
		}
	return false;
}

static void append(char *line, size_t size, const char *text)
{
	strncat(line, text, size - strlen(line) - 1);
}

/* One write() call, so that lines of several processes do not mix. */
static void refuse(const char *assignment, const struct variable *v)
{
	char line[512] = "libmpgreen: ";
	char number[32];
	size_t size = sizeof(line) - 1;

	strncat(line, assignment, 200);
	append(line, size, v ? ": allowed is " : ": no such variable; there are ");
	for (size_t i = 0; !v && i < VARIABLES; i++) {
		append(line, size, i ? ", " : "");
		append(line, size, variables[i].name);
	}
	for (int i = 0; v && v->words[i]; i++) {
		append(line, size, i ? " or " : "");
		append(line, size, v->words[i]);
	}
	if (v && !v->words[0]) {
		snprintf(number, sizeof(number), "0 to %d", v->max);
		append(line, size, number);
	}
	append(line, size, "; going on without the library");
	strcat(line, "\n");
	if (REAL(write)(STDERR_FILENO, line, strlen(line)) < 0)
		return;
}

static const struct variable *find(const char *name, size_t len)
{
	for (size_t i = 0; i < VARIABLES; i++)
		if (strlen(variables[i].name) == len && memcmp(variables[i].name, name, len) == 0)
			return &variables[i];
	return NULL;
}

void mpg_settings_read(void)
{
	if (getauxval(AT_SECURE) || !environ)
		return;
	for (char **e = environ; *e; e++) {
		const char *equals = strchr(*e, '=');
		const struct variable *v;

		if (!equals || strncmp(*e, PREFIX, strlen(PREFIX)) != 0)
			continue;
		v = find(*e, (size_t)(equals - *e));
		if (v && parse(v, equals + 1))
			continue;
		refuse(*e, v);
		mpg_settings.refused = true;
	}
}
