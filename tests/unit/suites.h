/* SPDX-License-Identifier: MIT */
/* Every suite of the unit tests: one for each file of src/, lowest layer first. */
#ifndef UNIT_SUITES_H
#define UNIT_SUITES_H

#define SUITES \
	SUITE(settings) \
	SUITE(real) \
	SUITE(fds) \
	SUITE(policy) \
	SUITE(private) \
	SUITE(process) \
	SUITE(nowait) \
	SUITE(events) \
	SUITE(uring) \
	SUITE(fdset) \
	SUITE(clock) \
	SUITE(turn) \
	SUITE(stats) \
	SUITE(doorbell) \
	SUITE(scheduler) \
	SUITE(held) \
	SUITE(signals) \
	SUITE(inside) \
	SUITE(wait) \
	SUITE(interrupted) \
	SUITE(progress) \
	SUITE(signature) \
	SUITE(pool) \
	SUITE(serial) \
	SUITE(job) \
	SUITE(lookup) \
	SUITE(abandoned) \
	SUITE(offload) \
	SUITE(child) \
	SUITE(futex) \
	SUITE(parking) \
	SUITE(iovec) \
	SUITE(control) \
	SUITE(readiness) \
	SUITE(imports) \
	SUITE(rules) \
	SUITE(bindings) \
	SUITE(python)

#define SUITE(name) Suite *name##_suite(void);
SUITES
#undef SUITE

#endif
