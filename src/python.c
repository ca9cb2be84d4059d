/* SPDX-License-Identifier: MIT */
#include "python.h"
#include "libc.h"

/* Where the package may lie, seen from the library: installed, and in the build tree. */
static const char *const places[] = { "mpgreen/python", "../python" };

static bool is_python(void)
{
	bool found = dlsym(RTLD_DEFAULT, "Py_BytesMain") || dlsym(RTLD_DEFAULT, "Py_Initialize");

	dlerror();
	return found;
}

static bool is_package(const char *directory)
{
	char file[PATH_MAX];

	return snprintf(file, sizeof(file), "%s/mpgreen/__init__.py", directory) < (int)sizeof(file)
		&& access(file, R_OK) == 0;
}

static bool find_package(char directory[PATH_MAX])
{
	char here[PATH_MAX], place[PATH_MAX];
	Dl_info info;
	char *slash;

	if (!dladdr(places, &info) || !realpath(info.dli_fname, here))
		return false;
	slash = strrchr(here, '/');
	if (!slash)
		return false;
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(place, sizeof(place), "%s/%s", here, places[i]) < (int)sizeof(place)
		    && realpath(place, directory) && is_package(directory))
			return true;
	return false;
}

static bool is_on_path(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	for (const char *p = path; p; p = strchr(p, ':'), p = p ? p + 1 : NULL)
		if (strncmp(p, directory, len) == 0 && (p[len] == ':' || p[len] == '\0'))
			return true;
	return false;
}

/* Last on the path, so that it hides nothing of the program's. */
void mpg_python_prepare(void)
{
	const char *path = getenv("PYTHONPATH");
	char directory[PATH_MAX], *joined;

	if (getauxval(AT_SECURE) || !is_python() || !find_package(directory)
	    || is_on_path(path, directory))
		return;
	if (!path || !*path) {
		setenv("PYTHONPATH", directory, 1);
		return;
	}
	if (asprintf(&joined, "%s:%s", path, directory) < 0)
		return;
	setenv("PYTHONPATH", joined, 1);
	free(joined);
}
