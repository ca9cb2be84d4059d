#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that does not use the library does not notice it: a bare LD_PRELOAD changes no output
# and no exit status, a refused configuration is one line, and a set-uid process reads none at all.
. "$(dirname -- "$0")/lib.sh"

library=$build/.libs/libmpgreen.so
[ -f "$library" ] || skip "$library is not built"

# alike WHAT COMMAND...: the same with the library as without it. The command's stdin is a pipe.
alike() {
	what=$1
	shift
	printf 'some\ninput' | { run "$@"; printf '%s\n%s\n%s\n' "$status" "$out" "$err" >"$dir/plain"; }
	printf 'some\ninput' | {
		run env LD_PRELOAD="$library" "$@"
		printf '%s\n%s\n%s\n' "$status" "$out" "$err" >"$dir/loaded"
	}
	cmp -s "$dir/plain" "$dir/loaded" ||
		fail "$what is not the same:$newline$(diff "$dir/plain" "$dir/loaded")"
}

true_path=$(command -v env | sed 's/env$/true/')
alike "true" "$true_path"
alike "false" "${true_path%true}false"
alike "cat of a pipe" cat
alike "cat of a file" cat "$0"
alike "cat of what is not there" cat "$dir/nothing"
alike "sh" sh -c 'echo out; echo err >&2; cat; exit 3'
alike "a pipeline" sh -c 'cat | tr a-z A-Z | sort; echo $?'
alike "a background job" sh -c 'echo one & wait; echo two'
alike "a shell that is killed" sh -c 'kill -KILL $$'
alike "a here document" sh -c 'cat <<END
text
END'
alike "many processes" sh -c 'i=0; while [ $i -lt 20 ]; do i=$((i + 1)); echo $i | cat; done'
alike "closed standard streams" sh -c 'cat <&- >&-; echo $?'
alike "a writer without a reader" sh -c 'yes | head -n 1'
printf 'int main(void) { return 7; }\n' >"$dir/seven.c"
if $CC -static -o "$dir/seven" "$dir/seven.c" 2>/dev/null; then
	alike "a static program" "$dir/seven"
fi
program='import os, socket, sys, threading
a, b = socket.socketpair()
thread = threading.Thread(target=a.sendall, args=(b"x" * 100000,))
thread.start()
print(len(b.recv(100000, socket.MSG_WAITALL)), "gevent" in sys.modules)
thread.join()
print(sys.stdin.read())
sys.stderr.write("done")'
if "$PYTHON" -c '' 2>/dev/null; then
	alike "Python" "$PYTHON" -c "$program"
	alike "Python without site (nor gevent)" "$PYTHON" -S -c "$program"
	alike "isolated Python" "$PYTHON" -I -c "$program"
	alike "Python that fails" "$PYTHON" -S -c 'raise SystemExit("no")'
fi

# wrong VARIABLE VALUE ALLOWED
wrong() {
	run env LD_PRELOAD="$library" "$1=$2" cat "$0"
	same "$1='$2': the program runs on" 0 "$status"
	same "$1='$2': its output" "$(cat "$0")" "$out"
	lines "$1='$2': lines on stderr ($err)" 1 "$err"
	has "$1='$2': the line names the variable" "$1" "$err"
	has "$1='$2': the line has the value" "$2" "$err"
	for allowed in $3; do
		has "$1='$2': the line tells what is allowed" "$allowed" "$err"
	done
}

wrong MPGREEN_SCHEDULER epoll 'none poll'
wrong MPGREEN_FDS some 'all marked'
wrong MPGREEN_STDIO on 'native green'
wrong MPGREEN_TURN_MS 60001 '0 60000'
wrong MPGREEN_TURN_MS -1 '0 60000'
wrong MPGREEN_TURN_MS 1x '0 60000'
wrong MPGREEN_ACCEPT thread 'auto uring worker'
wrong MPGREEN_SEM thread 'auto uring waitv worker'
wrong MPGREEN_PYTHON yes 'on off'
wrong MPGREEN_SCHEDULR poll MPGREEN_SCHEDULER
for right in SCHEDULER=none FDS=marked FDS=all STDIO=green STDIO=native TURN_MS=0 TURN_MS=60000 \
	ACCEPT=auto ACCEPT=uring ACCEPT=worker \
	SEM=auto SEM=uring SEM=waitv SEM=worker PYTHON=off PYTHON=on SCHEDULER=poll; do
	run env LD_PRELOAD="$library" "MPGREEN_$right" cat "$0"
	same "MPGREEN_$right is silent" '' "$err"
	same "MPGREEN_$right: output" "$(cat "$0")" "$out"
done

# Linked, not preloaded: the system would preload nothing into a set-uid program.
cat >"$dir/probe.c" <<'END'
#include <stdio.h>
#include <sys/auxv.h>
#include <time.h>
#include "mpgreen.h"

int main(void)
{
	struct timespec moment = { .tv_nsec = 1000000 };
	mpgreen_stats stats;

	nanosleep(&moment, NULL);
	mpgreen_stats_read(&stats, sizeof(stats));
	printf("secure %lu, waits %s\n", getauxval(AT_SECURE), stats.waits ? "some" : "none");
	return 0;
}
END
chmod 755 "$dir"
cp "$library" "$dir/libmpgreen.so"
chmod 755 "$dir/libmpgreen.so"
ln -s libmpgreen.so "$dir/libmpgreen.so.0"
$CC -I"$top/include" -o "$dir/probe" "$dir/probe.c" "$dir/libmpgreen.so" -Wl,-rpath,"$dir" ||
	fail "the probe compiles"
run env MPGREEN_SCHEDULER=poll "$dir/probe"
same "the poll scheduler is used" "secure 0, waits some" "$out$err"
run env MPGREEN_SCHEDULER=poll MPGREEN_FDS=wrong "$dir/probe"
same "a refused configuration hooks nothing" "secure 0, waits none" "$out"
lines "and is told once" 1 "$err"

# secure WHAT PROGRAM: run by another user, it reads no configuration.
secure() {
	run setpriv --reuid=65534 --regid=65534 --clear-groups env MPGREEN_SCHEDULER=poll "$2"
	case $out in
	"secure 1"*) ;;
	*)
		echo "$1 is not secure here ($out$err): not tested"
		return ;;
	esac
	same "$1: MPGREEN_SCHEDULER is not read" "secure 1, waits none" "$out$err"
	run setpriv --reuid=65534 --regid=65534 --clear-groups env MPGREEN_FDS=wrong MPGREEN_NO=1 "$2"
	same "$1: nor is a wrong value" "secure 1, waits none" "$out$err"
}

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cp "$dir/probe" "$dir/suid"
	chmod 4755 "$dir/suid"
	secure "a set-uid program" "$dir/suid"
	cp "$dir/probe" "$dir/capable"
	if setcap cap_net_raw+ep "$dir/capable" 2>/dev/null; then
		secure "a program with file capabilities" "$dir/capable"
	fi
else
	echo "not root: set-uid programs are not tested"
fi
finish
