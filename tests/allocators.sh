#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fails when the library does not start together with an allocator that locks mutexes while it starts
# itself, inside the library's first dlsym(). Either may be preloaded first.
set -eu

# ldconfig is not on the PATH of every user.
PATH=$PATH:/sbin:/usr/sbin
library=${top_builddir:-.}/.libs/libmpgreen.so
tried=77
for allocator in $(ldconfig -p | sed -n 's/.*=> \(.*lib\(jemalloc\|tcmalloc_minimal\)\.so\.[0-9]*\)$/\1/p'); do
	tried=0
	for both in "$library:$allocator" "$allocator:$library"; do
		LD_PRELOAD=$both MPGREEN_SCHEDULER=poll ls /dev/null >/dev/null
	done
done
[ $tried = 0 ] || echo "allocators.sh: no such allocator here" >&2
exit $tried
