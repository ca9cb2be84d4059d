#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fails when a name of src/calls.def is called in no test: the object files of the conformance suite
# must refer to each of them. Aliases count as names.
set -eu

build=${top_builddir:-.}
source=${srcdir:-.}

names=$(sed -n 's/^\(CALL\|ALIAS_OF\)(\([A-Za-z0-9_]*\).*/\2/p' "$source/src/calls.def")
called=$(nm -u "$build/tests/.libs/libconformance.a" "$build/tests/.libs/libfortified.a" |
	sed -n 's/^ *[Uvw] \([^@]*\).*/\1/p' | sort -u)
if [ -z "$names" ] || [ -z "$called" ]; then
	echo "coverage.sh: no names in calls.def, or no object files of the tests" >&2
	exit 99
fi

status=0
for name in $names; do
	if ! printf '%s\n' "$called" | grep -qx "$name"; then
		echo "$name: intercepted, but called in no file of tests/conformance" >&2
		status=1
	fi
done
exit $status
