# SPDX-License-Identifier: MIT
"""How long greenlets are kept from running: by this process, not by a machine that has other work."""
import os
import subprocess
import sys
import time

import gevent

PERIOD = 0.01

CLOCK = """
import os, sys, time
last = time.monotonic()
while os.getppid() == int(sys.argv[1]):
    time.sleep(%s)
    now = time.monotonic()
    if now - last > 2 * %s:
        print(last, now, flush=True)
    last = now
""" % (PERIOD, PERIOD)


class Machine:
    """How long it keeps a process waiting that only sleeps: told by one without the library."""

    def __init__(self, path):
        self._path = path
        environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        with open(path, "wb") as out:
            self._clock = subprocess.Popen([sys.executable, "-c", CLOCK, str(os.getpid())],
                                           stdout=out, env=environment)

    def stall(self, since, until):
        with open(self._path) as lines:
            gaps = [tuple(map(float, line.split())) for line in lines if line.endswith("\n")]
        return max((end - begin for begin, end in gaps if begin < until and end > since),
                   default=0)

    def end(self):
        self._clock.kill()
        self._clock.wait()


class Stopwatch:
    """Does not count the time for which the thread has been ready and others had the processor."""

    def __init__(self):
        try:
            self._kernel = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        except OSError:
            self._kernel = None

    def __call__(self):
        if self._kernel is None:
            return time.monotonic()
        kept_waiting = int(os.pread(self._kernel, 100, 0).split()[1])
        return time.monotonic() - kept_waiting / 1e9


stopwatch = Stopwatch()


class Ticker:
    def __init__(self):
        self._last = stopwatch(), time.monotonic()
        self._gaps = []
        self._ticking = gevent.spawn(self._tick)

    def _note(self):
        before, self._last = self._last, (stopwatch(), time.monotonic())
        self._gaps.append((self._last[0] - before[0], before[1], self._last[1]))

    def _tick(self):
        while True:
            gevent.sleep(PERIOD)
            self._note()

    def stop(self):
        """The longest gap and when it was; when all of them were."""
        self._ticking.kill()
        self._note()
        return max(self._gaps) + (self._gaps[0][1], self._last[1])
