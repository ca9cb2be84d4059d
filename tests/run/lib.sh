# SPDX-License-Identifier: MIT
# Sourced by the tests of greenmp-run: a scratch directory, a library to preload, and assertions
# that say what they expected. Each check goes on after a failure; `finish` ends the test.
# shellcheck shell=sh disable=SC2034

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
top=$(CDPATH='' cd -- "$here/../.." && pwd -P)
build=$(pwd -P)
if [ -f tests/run/env.sh ]; then
	# shellcheck source=/dev/null
	. tests/run/env.sh
else
	CC=cc PYTHON=/usr/bin/python3 VERSION='' SOURCE=$top/scripts/greenmp-run
fi
case $top$build in
*[!A-Za-z0-9_/.+-]*)
	echo "skipped: the tree's name has a character that LD_PRELOAD or this test cannot carry"
	exit 77 ;;
esac

dir=$(mktemp -d) || exit 99
dir=$(CDPATH='' cd -- "$dir" && pwd -P)
trap 'chmod -R u+rwx "$dir"; rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM
for name in $(env | sed -n 's/^\(MPGREEN_[A-Z_]*\)=.*/\1/p'); do
	unset "$name"
done
unset LD_PRELOAD PYTHONPATH PYTHONSTARTUP
export PYTHONDONTWRITEBYTECODE=1
newline='
'
failures=0

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

# same WHAT EXPECTED GOT
same() {
	[ "$2" = "$3" ] || fail "$1${newline}  expected: $2${newline}  got:      $3"
}

# has WHAT PART WHOLE
has() {
	case $3 in
	*"$2"*) ;;
	*) fail "$1${newline}  expected it to contain: $2${newline}  got: $3" ;;
	esac
}

# lines WHAT COUNT TEXT
lines() {
	same "$1" "$2" "$(printf '%s' "$3${3:+$newline}" | wc -l | tr -d ' ')"
}

# run COMMAND...: its output to $out, stderr to $err, exit status to $status.
run() {
	status=0
	"$@" >"$dir/.out" 2>"$dir/.err" || status=$?
	out=$(cat "$dir/.out")
	err=$(cat "$dir/.err")
}

# refused WHAT STATUS PART COMMAND...: one line on stderr that says PART, no output, that status.
refused() {
	what=$1 wanted=$2 part=$3
	shift 3
	run "$@"
	same "$what: exit status" "$wanted" "$status"
	lines "$what: lines on stderr ($err)" 1 "$err"
	has "$what: the message" "$part" "$err"
	same "$what: nothing on stdout" '' "$out"
}

# fake_library FILE [TEXT]: a preloadable library; loaded, it appends TEXT to $FAKE_LOG.
fake_library() {
	cat >"$dir/fake.c" <<-END
		#include <stdio.h>
		#include <stdlib.h>
		__attribute__((constructor)) static void loaded(void)
		{
			const char *path = getenv("FAKE_LOG");
			FILE *log = path ? fopen(path, "a") : NULL;

			if (!log)
				return;
			fputs("${2-loaded}\n", log);
			fclose(log);
		}
	END
	$CC -shared -fPIC -o "$1" "$dir/fake.c" || skip "no compiler for a library to preload"
}

# fake_tree DIR: a build tree with the script and a library.
fake_tree() {
	mkdir -p "$1/scripts" "$1/.libs" "$1/python-patch"
	cp "$SOURCE" "$1/scripts/greenmp-run"
	cp "$top/python-patch/sitecustomize.py" "$1/python-patch"
	[ -f "$dir/fake.so" ] || fake_library "$dir/fake.so"
	cp "$dir/fake.so" "$1/.libs/libmpgreen.so"
}

finish() {
	[ "$failures" = 0 ] && exit 0
	echo "$failures failed"
	exit 1
}
