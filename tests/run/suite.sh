#!/bin/sh
# SPDX-License-Identifier: MIT
# The runner of CPython's tests of multiprocessing sees passes, hangs, exceptions that are listed, and
# runs that are not what they say.
. "$(dirname -- "$0")/lib.sh"

"$PYTHON" -c 'import test._test_multiprocessing, gevent' 2>/dev/null ||
	skip "$PYTHON has no test suite or no gevent"
library=$build/.libs/libmpgreen.so

# suite WHAT STATUS ARGUMENT...
suite() {
	what=$1
	expected=$2
	shift 2
	run "$PYTHON" "$top/tests/multiprocessing/suite.py" --python "$PYTHON" "$@"
	same "$what: exit status ($out$err)" "$expected" "$status"
}

suite "tests that pass" 0 fork --library "$library" --test 'WithProcessesTestQueue.*'
has "they have run both ways" "mpgreen    10 passed" "$out"
has "and differ in nothing" "0 real differences" "$out"
suite "a test that hangs" 0 fork --way plain --test TestWait.test_wait \
	--test TestWait.test_wait_timeout --test-limit 4
has "it is told, and costs itself alone" "1 passed    0 failed    1 hung" "$out"
suite "an exception that is listed" 0 fork --library "$library" --test WithThreadsTestLock.test_lock
has "its section is named" "listed (lock-release)" "$out"
MPGREEN_PYTHON=off
export MPGREEN_PYTHON
suite "a run that is not attached" 2 fork --library "$library" --way mpgreen --test TestWait.test_wait
unset MPGREEN_PYTHON
suite "a library that is not there" 2 --library "$dir/nothing.so"
finish
