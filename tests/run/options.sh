#!/bin/sh
# SPDX-License-Identifier: MIT
# The options of greenmp-run: one for each MPGREEN_* variable, checked before anything runs.
. "$(dirname -- "$0")/lib.sh"

fake_tree "$dir/tree"
script=$dir/tree/scripts/greenmp-run

# sets OPTION VALUE VARIABLE
sets() {
	same "$1 $2" "$2" "$("$script" "$1" "$2" printenv "$3")"
	same "$1=$2" "$2" "$("$script" "$1=$2" printenv "$3")"
	same "$1 wins over the environment" "$2" "$(env "$3=other" "$script" "$1" "$2" printenv "$3")"
	has "--help tells of $1" "  $1 " "$("$script" --help)"
	has "--help tells of $3" "$3" "$("$script" --help)"
}

# rejects OPTION VALUE ALLOWED
rejects() {
	refused "$1 '$2'" 125 "$1: '$2'" "$script" "$1" "$2" echo ran
	has "$1 '$2' tells what is allowed" "$3" "$err"
	refused "$1 without a value" 125 "$1 wants a value" "$script" "$1"
}

for value in none poll; do sets --scheduler $value MPGREEN_SCHEDULER; done
for value in all marked; do sets --fds $value MPGREEN_FDS; done
for value in native green; do sets --stdio $value MPGREEN_STDIO; done
for value in 0 10 60000; do sets --turn-ms $value MPGREEN_TURN_MS; done
for value in auto uring worker; do sets --accept $value MPGREEN_ACCEPT; done
for value in auto uring waitv worker; do sets --sem $value MPGREEN_SEM; done
for value in 0 8 256; do sets --workers $value MPGREEN_WORKERS; done
sets --only kind:socket,peer:10.0.0.0/8 MPGREEN_ONLY
sets --skip 'lib:libpq.so.*' MPGREEN_SKIP
sets --rules "$dir/rules.txt" MPGREEN_RULES
for value in on off; do sets --python $value MPGREEN_PYTHON; done
for value in epoll '' Poll 'none poll'; do rejects --scheduler "$value" 'none poll'; done
rejects --fds some 'all marked'
rejects --stdio on 'native green'
for value in 60001 -1 x 1.5 '' 99999999999999999999 ' 1'; do
	rejects --turn-ms "$value" '0 to 60000'
done
for value in -1 257 x ''; do rejects --workers "$value" '0 to 256'; done
rejects --accept thread 'auto uring worker'
rejects --sem thread 'auto uring waitv worker'
rejects --python yes 'on off'

same "a file of rules is found from another folder" "$dir/rules.txt" \
	"$(cd "$dir" && "$script" --rules rules.txt printenv MPGREEN_RULES)"
refused "no file of rules" 125 "--rules wants a file" "$script" --rules '' echo ran

for name in $(grep -o '"MPGREEN_[A-Z_]*"' "$top/src/settings.c" | tr -d '"'); do
	[ "$name" = MPGREEN_ ] || has "there is an option for $name" "$name" "$("$script" --help)"
done
same "the library's other variables pass" x "$(MPGREEN_FDS=x "$script" printenv MPGREEN_FDS)"
run "$script" printenv MPGREEN_SCHEDULER
same "nothing is set that was not asked for" '' "$out"
same "options add up" "poll marked 5" "$("$script" --scheduler poll --fds=marked --turn-ms 5 -- \
	sh -c 'echo $MPGREEN_SCHEDULER $MPGREEN_FDS $MPGREEN_TURN_MS')"

run "$script" --help
same "--help: exit status" 0 "$status"
same "--help: silent on stderr" '' "$err"
has "--help begins with the usage" 'Usage: greenmp-run [options] [--] command [args...]' "$out"
for word in --library --patch --version 127 126; do
	has "--help tells of $word" "$word" "$out"
done
same "--help fits 100 columns" '' "$(printf '%s\n' "$out" | grep -E '.{101}')"
run "$script" --version
same "--version: exit status" 0 "$status"
same "--version: one line" 1 "$(printf '%s\n' "$out" | wc -l | tr -d ' ')"
[ -z "$VERSION" ] || same "--version is the package's" "greenmp-run (libmpgreen) $VERSION" "$out"
cp "$SOURCE" "$dir/alone"
run "$dir/alone" --version
same "--version needs no library" 0 "$status"
run "$dir/alone" --help
same "--help needs no library" 0 "$status"

refused "no command" 125 'no command' "$script"
refused "no command behind --" 125 'no command' "$script" --scheduler none --
refused "an unknown option" 125 '--frobnicate: no such option' "$script" --frobnicate true
refused "an unknown option with a value" 125 'no such option' "$script" --frob=1 true
refused "--library without a path" 125 '--library wants a path' "$script" --library= true
refused "--patch takes no value" 125 'no such option' "$script" --patch=yes true
finish
