#!/bin/sh
# SPDX-License-Identifier: MIT
# MPGREEN_RULES, MPGREEN_ONLY and MPGREEN_SKIP as a program meets them: what they decide, and that the
# library keeps out of everything when they are wrong.
set -eu

build=$(cd "${top_builddir:-.}" && pwd)
libs=$build/tests/rules/.libs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MPGREEN_RULES MPGREEN_ONLY MPGREEN_SKIP
export MPGREEN_SCHEDULER=poll
status=0
probe=probe

# expect WHAT EXPECTED VARIABLE=VALUE... -- probe's arguments
expect() {
	what=$1 expected=$2
	shift 2
	environment=
	while [ "$1" != -- ]; do
		environment="$environment $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # a list of assignments, without blanks in them
	got=$(env LD_PRELOAD="$build/.libs/libmpgreen.so" $environment "$build/tests/rules/$probe" "$@" 2>&1) ||
		true
	[ "$got" = "$expected" ] && return
	printf '%s, %s\nexpected: %s\ngot:      %s\n' "$probe" "$what" "$expected" "$got" >&2
	status=1
}

if "$build/tests/rules/probe" pipe | grep -qv 'not preloaded'; then
	echo "rules.sh: the probe runs without the library" >&2
	exit 99
fi
fds='pipe: green
unix: green
tcp: green'
expect "all is green" "$fds" -- pipe unix tcp
expect "one kind is left out" 'pipe: native
unix: green
tcp: green' MPGREEN_SKIP=kind:pipe -- pipe unix tcp
expect "one kind alone" 'pipe: native
unix: green
tcp: green' MPGREEN_ONLY=kind:socket -- pipe unix tcp
expect "one peer is left out" 'pipe: green
unix: green
tcp: native' MPGREEN_SKIP=peer:127.0.0.0/8 -- pipe unix tcp
expect "one peer alone" 'pipe: native
unix: native
tcp: green' 'MPGREEN_ONLY=peer:127.0.0.1:*' -- pipe unix tcp
expect "two lists" 'pipe: green
unix: native
tcp: green' 'MPGREEN_ONLY=kind:pipe,kind:socket' 'MPGREEN_SKIP=peer:unix:*' -- pipe unix tcp

echo 'libslow.so: long slow_wait(int)' >"$work/rules"
echo '*: long slow_wait(int)' >"$work/all"
for probe in probe probe_fixed; do
	for importer in importer_lazy.so importer_now.so; do
		expect "a library is left out, the program is not" "pipe: green
$importer: native
tcp: green" "MPGREEN_SKIP=lib:importer_*.so" -- pipe "$libs/$importer" tcp
		expect "one library alone" "pipe: native
$importer: green
tcp: native" MPGREEN_ONLY=lib:$importer -- pipe "$libs/$importer" tcp
		expect "the program is left out, a library is not" "pipe: native
$importer: green" MPGREEN_SKIP=lib:$probe -- pipe "$libs/$importer"
		expect "one function of one library" "$importer: green
$importer: native
pipe: green" -- "$libs/$importer" "-$libs/$importer" pipe
		expect "one function of the program" "$importer: green
pipe: green
-: native
$importer: green" -- "$libs/$importer" pipe - "$libs/$importer"
	done
	for caller in caller_lazy.so caller_now.so; do
		expect "without a rule" "$caller: here" -- "+$libs/$caller"
		for rules in rules all; do
			expect "with a rule" "$caller: on a worker" MPGREEN_RULES="$work/$rules" -- \
				"+$libs/$caller"
		done
		expect "with a rule, but no scheduler" "$caller: here" MPGREEN_RULES="$work/rules" \
			MPGREEN_SCHEDULER=none -- "+$libs/$caller"
	done
done
expect "without a rule, by its address" "+: here" -- +
for rules in rules all; do
	expect "with a rule, by its address" "+: on a worker" MPGREEN_RULES="$work/$rules" -- +
done
probe=probe

printf '# one\nlibslow.so: long slow_wait(integer)\n' >"$work/wrong"
end="; going on without the library"
expect "a wrong rule" "libmpgreen: $work/wrong:2:28: 'integer' is no type$end
pipe: native" MPGREEN_RULES="$work/wrong" -- pipe
expect "no file of rules" "libmpgreen: MPGREEN_RULES=$work/none: No such file or directory$end
pipe: native" MPGREEN_RULES="$work/none" -- pipe
chmod 666 "$work/rules"
expect "a file of rules that everybody may write to" \
	"libmpgreen: MPGREEN_RULES=$work/rules: everybody may write to it$end
pipe: native" MPGREEN_RULES="$work/rules" -- pipe
expect "a wrong kind" \
	"libmpgreen: MPGREEN_SKIP: 'kind:pty': allowed is kind:socket or pipe or tty or event or queue$end
pipe: native" MPGREEN_SKIP=kind:pty -- pipe
expect "a wrong item" \
	"libmpgreen: MPGREEN_ONLY: 'libpq': an item begins with kind: or lib: or peer:$end
pipe: native" MPGREEN_ONLY=kind:pipe,libpq -- pipe
exit $status
