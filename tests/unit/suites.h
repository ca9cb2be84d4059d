/* SPDX-License-Identifier: MIT */
/* Every suite of the unit tests: one for each file of src/, lowest layer first. */
#ifndef UNIT_SUITES_H
#define UNIT_SUITES_H

#define SUITES \
	SUITE(settings) \
	SUITE(real) \
	SUITE(fds) \
	SUITE(private) \
	SUITE(process) \
	SUITE(uring) \
	SUITE(fdset) \
	SUITE(clock)

#define SUITE(name) Suite *name##_suite(void);
SUITES
#undef SUITE

#endif
