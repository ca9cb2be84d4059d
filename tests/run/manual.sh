#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual page of greenmp-run formats without a warning and tells of every option.
. "$(dirname -- "$0")/lib.sh"

command -v man >/dev/null || skip "no man"
page=$top/docs/greenmp-run.1
man --version 2>/dev/null | grep -q '^man 2' || skip "not the man that knows --warnings"
run env LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page"
same "warnings" '' "$err"
text=$(LC_ALL=C MANROFFSEQ='' MANWIDTH=100 man -E ascii -l "$page" 2>/dev/null | sed 's/.\x08//g')
[ -n "$text" ] || skip "no formatter behind man"
"$SOURCE" --help | grep -o -e '--[a-z][a-z-]*' | sort -u >"$dir/options"
[ -s "$dir/options" ] || fail "--help has options"
while read -r option; do
	has "the page tells of $option" "$option" "$text"
done <"$dir/options"
for variable in $("$SOURCE" --help | grep -o 'MPGREEN_[A-Z_]*' | sort -u); do
	has "the page tells of $variable" "$variable" "$text"
done
for status in 125 126 127; do
	has "the page tells of exit status $status" "  $status  " "$text"
done
finish
