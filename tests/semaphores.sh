#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The semaphores of the conformance suite once more for each way of waiting for a futex, forced.
# A way that this kernel lacks says so on stderr, and is left out.
set -eu

build=${top_builddir:-.}
status=0
for sem in uring waitv worker; do
	if CK_RUN_CASE=wait MPGREEN_SEM=$sem "$build/tests/way_poll" 2>&1 | grep -q "MPGREEN_SEM=$sem:"; then
		echo "$sem: not here"
		continue
	fi
	for way in poll fibers; do
		echo "$sem, $way:"
		for suite in sem sem_ends; do
			CK_RUN_SUITE=$suite MPGREEN_SEM=$sem "$build/tests/way_$way" || status=1
		done
	done
done
exit $status
