#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: check-direct-calls.sh [build directory]
#
# Fails when an object file of the library refers to an intercepted name: the call would come back
# into the library, where REAL(name) was meant. chk.c alone is a second door to our own calls.
set -eu

src=$(dirname "$0")/..
build=${1:-.}

names=$(sed -n 's/^\(CALL\|ALIAS_OF\)(\([A-Za-z0-9_]*\).*/\2/p' "$src/src/calls.def")
objects=$(find "$build/src" -name '*.o' ! -name chk.o ! -path "$build/src/ev/*")
if [ -z "$names" ] || [ -z "$objects" ]; then
	echo "check-direct-calls: no names or no object files below $build/src" >&2
	exit 99
fi

status=0
for object in $objects; do
	for name in $(nm -u "$object" | sed 's/^ *[Uvw] //; s/@.*//'); do
		if echo "$names" | grep -qx "$name"; then
			echo "$object refers to $name: write REAL($name)" >&2
			status=1
		fi
	done
done
exit $status
