#!/bin/sh
# SPDX-License-Identifier: MIT
# The comparison with CPython's own tests sees what it must: failures, crashes, hangs, and nothing
# where there is nothing.
. "$(dirname -- "$0")/lib.sh"

"$PYTHON" -c 'import test.test_epoll' 2>/dev/null || skip "$PYTHON has no test suite"

# compare WHAT STATUS BODY: test_epoll with a library whose epoll_ctl() does BODY where it should
# modify.
compare() {
	cat >"$dir/bad.c" <<-END
		#include <errno.h>
		#include <stdlib.h>
		#include <sys/epoll.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
		{
			if (op == EPOLL_CTL_MOD) {
				$3;
			}
			return syscall(SYS_epoll_ctl, epfd, op, fd, event);
		}
	END
	$CC -shared -fPIC -o "$dir/bad.so" "$dir/bad.c" || skip "no compiler for a library to preload"
	run "$PYTHON" "$top/tests/transparency/compare.py" --python "$PYTHON" --library "$dir/bad.so" \
		--repeat 1 --test-limit 3 test_epoll
	same "$1: exit status ($out$err)" "$2" "$status"
}

run "$PYTHON" "$top/tests/transparency/compare.py" --python "$PYTHON" test_epoll
same "plain meets plain: exit status ($out$err)" 0 "$status"
has "plain meets plain: says so" "0 real differences" "$out"

compare "a call that fails" 1 'errno = EIO; return -1'
has "the test is named" "DIFFERS test.test_epoll.TestEPoll.test_control_and_wait" "$out"
has "and what it ended with" "OSError: [Errno 5]" "$out"
compare "a call that crashes" 1 'abort()'
has "a crash is told" "killed by signal 6" "$out"
has "in one test" "1 real differences, 0 flaky" "$out"
has "and the tests behind it have run" "1 to look at" "$out"
compare "a call that hangs" 1 'for (;;) pause()'
has "a hang is told" "preloaded: hung" "$out"
run "$PYTHON" "$top/tests/transparency/compare.py" --library "$dir/nothing.so" test_epoll
same "a library that is not there" 2 "$status"
run "$PYTHON" "$top/tests/transparency/compare.py" --python "$PYTHON" test_of_nothing
same "a module that is not there: exit status" 2 "$status"
has "a module that is not there: says so" "also without the library: test_of_nothing" "$out"
finish
