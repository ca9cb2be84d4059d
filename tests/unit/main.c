/* SPDX-License-Identifier: MIT */
/*
 * Runs all suites. Each test has a process of its own (Check forks), so that what the library keeps
 * for the process, from the first attach on, begins anew in each. CK_RUN_SUITE=wait runs one.
 */
#include "support.h"
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

#define SUITE(name) srunner_add_suite(runner, name##_suite());
	SUITES
#undef SUITE
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
