/* SPDX-License-Identifier: MIT */
#include "settings.h"
#include "real.h"

#define PREFIX "MPGREEN_"
#define TURN_MS_MAX 60000
#define WORKERS_MAX 256

struct mpg_settings mpg_settings = { .python = MPG_ON, .turn_ms = 10, .workers = 32 };

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

/* Any text: whoever uses it parses it. */
static const struct text {
	const char *name, **value;
} texts[] = {
	{ "MPGREEN_ONLY", &mpg_settings.only },
	{ "MPGREEN_RULES", &mpg_settings.rules },
	{ "MPGREEN_SKIP", &mpg_settings.skip },
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

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
	for (size_t i = 0; !v && i < TEXTS; i++) {
		append(line, size, ", ");
		append(line, size, texts[i].name);
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

void mpg_settings_refuse(const char *format, ...)
{
	char line[512] = "libmpgreen: ";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + strlen(line), 400, format, arguments);
	va_end(arguments);
	append(line, sizeof(line), "; going on without the library\n");
	mpg_settings.refused = true;
	if (REAL(write)(STDERR_FILENO, line, strlen(line)) < 0)
		return;
}

static bool is_same(const char *name, const char *other, size_t len)
{
	return strlen(name) == len && memcmp(name, other, len) == 0;
}

static bool take_text(const char *name, size_t len, const char *value)
{
	for (size_t i = 0; i < TEXTS; i++)
		if (is_same(texts[i].name, name, len)) {
			*texts[i].value = value;
			return true;
		}
	return false;
}

static const struct variable *find(const char *name, size_t len)
{
	for (size_t i = 0; i < VARIABLES; i++)
		if (is_same(variables[i].name, name, len))
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
		if (take_text(*e, (size_t)(equals - *e), equals + 1))
			continue;
		v = find(*e, (size_t)(equals - *e));
		if (v && parse(v, equals + 1))
			continue;
		refuse(*e, v);
		mpg_settings.refused = true;
	}
}
