#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fails unless libmpgreen.so exports the names of src/calls.def and the functions of mpgreen.h, and
# nothing else. An intercepted name with a version would leave the preload silently inert; the
# library's own must carry theirs.
set -eu

build=${top_builddir:-.}
source=${srcdir:-.}
library=$build/.libs/libmpgreen.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What this libc does not declare is not in the table either: config.h knows.
printf '%s\n' "#include \"config.h\"" '#define CALL(name) expect name' \
	'#define ALIAS_OF(name, target) expect name' '#include "calls.def"' >"$work/table.c"
${CC:-cc} -E -P -I"$build" -I"$source/src" "$work/table.c" |
	sed -n 's/^ *expect //p' | sed 's/ *expect /\n/g' | tr -d ' ' >"$work/expected"
sed -n 's/^MPGREEN_API .*[ *]\(mpgreen_[a-z_]*\)(.*/\1@@MPGREEN_1/p' "$source/include/mpgreen.h" \
	>>"$work/expected"
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' >"$work/exported"
sort -u -o "$work/expected" "$work/expected"
sort -u -o "$work/exported" "$work/exported"
[ -s "$work/exported" ] || exit 99

diff -u "$work/expected" "$work/exported"
