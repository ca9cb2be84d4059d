/* SPDX-License-Identifier: MIT */
/*
 * Check locks a mutex for each assertion. Contended by another thread of the test that would be a
 * wait through the scheduler under test: not one that the test counts or expects.
 */
#include <check.h>

#include "mpgreen.h"

void __real__mark_point(const char *file, int line);
void __wrap__mark_point(const char *file, int line);

void __wrap__mark_point(const char *file, int line)
{
	int token = mpgreen_native_enter();

	__real__mark_point(file, line);
	mpgreen_native_leave(token);
}
