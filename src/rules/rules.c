/* SPDX-License-Identifier: MIT */
#include "rules/rules.h"
#include "real.h"
#include "settings.h"

#define FILE_MAX (1 << 20)
#define FAULTS_MAX 10

struct mpg_rule mpg_rules[MPG_RULES];
size_t mpg_rules_n;

struct reader {
	const char *path;
	char *text;
	unsigned line, faults;
};

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t\r");
}

static void fault(struct reader *r, size_t column, const char *why)
{
	mpg_settings_refuse("%s:%u:%zu: %s", r->path, r->line, column, why);
	r->faults++;
}

/* The library's name ends at its colon; NULL if there is something wrong with it. */
static char *library_of(struct reader *r, const char *line, const char *begin, const char *colon)
{
	const char *slash = memchr(begin, '/', (size_t)(colon - begin)), *end = colon;
	char *name;

	while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (end == begin)
		fault(r, (size_t)(begin - line) + 1, "the name of a library is expected");
	else if (slash)
		fault(r, (size_t)(slash - line) + 1, "a library has its name here, not its path");
	if (end == begin || slash)
		return NULL;
	name = strndup(begin, (size_t)(end - begin));
	if (!name)
		fault(r, 1, "no memory");
	return name;
}

static void read_rule(struct reader *r, const char *line, const char *begin)
{
	struct mpg_rule *rule = &mpg_rules[mpg_rules_n];
	const char *colon = strchr(begin, ':');
	struct mpg_signature_error error;

	if (mpg_rules_n == MPG_RULES)
		return fault(r, 1, "there are too many rules");
	if (!colon)
		return fault(r, strlen(line) + 1, "':' is expected, and a function");
	rule->library = library_of(r, line, begin, colon);
	if (!rule->library)
		return;
	rule->signature = mpg_signature_new(colon + 1, &error);
	if (rule->signature) {
		mpg_rules_n++;
		return;
	}
	free(rule->library);
	fault(r, (size_t)(colon + 1 - line) + error.column, error.message);
}

static void read_line(struct reader *r, char *line)
{
	const char *begin;

	line[strcspn(line, "#")] = '\0';
	for (size_t end = strlen(line); end && strchr(" \t\r", line[end - 1]); end--)
		line[end - 1] = '\0';
	begin = skip_blanks(line);
	if (*begin)
		read_rule(r, line, begin);
}

static void refuse(const char *path, const char *why)
{
	mpg_settings_refuse("MPGREEN_RULES=%s: %s", path, why);
}

/* Whoever can write the file decides how memory is read and written: that must not be everybody. */
static bool is_good(const struct stat *st, const char *path)
{
	if (!S_ISREG(st->st_mode))
		refuse(path, "not a regular file");
	else if (st->st_mode & S_IWOTH)
		refuse(path, "everybody may write to it");
	else if (st->st_size > FILE_MAX)
		refuse(path, "the file is too long");
	else
		return true;
	return false;
}

static char *read_open(int fd, const char *path)
{
	struct stat st;
	char *text;
	ssize_t n, done = 0;

	if (fstat(fd, &st) < 0 || !is_good(&st, path))
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	if (!text) {
		refuse(path, "no memory");
		return NULL;
	}
	do {
		n = REAL(read)(fd, text + done, (size_t)(st.st_size - done));
		done += n > 0 ? n : 0;
	} while (n > 0 && done < st.st_size);
	text[done] = '\0';
	if (n >= 0 && strlen(text) == (size_t)done)
		return text;
	refuse(path, n < 0 ? strerror(errno) : "not a text");
	free(text);
	return NULL;
}

static char *read_whole(const char *path)
{
	int fd = REAL(open)(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text;

	if (fd < 0) {
		refuse(path, strerror(errno));
		return NULL;
	}
	text = read_open(fd, path);
	REAL(close)(fd);
	return text;
}

void mpg_rules_read(const char *path)
{
	struct reader r = { .path = path };
	char *at, *line;

	if (!HAVE_FFI) {
		refuse(path, "libffi was not there when the library was built");
		return;
	}
	at = r.text = read_whole(path);
	while (at && r.faults < FAULTS_MAX && (line = strsep(&at, "\n"))) {
		r.line++;
		read_line(&r, line);
	}
	free(r.text);
	if (r.faults)
		mpg_rules_n = 0;
}
