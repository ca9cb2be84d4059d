# SPDX-License-Identifier: MIT
"""The tests run with the library preloaded, under patch_all(), attached by gevent's entry point."""
import faulthandler
import os
import subprocess
import sys

from gevent import monkey
monkey.patch_all()

import gevent  # noqa: E402
import pytest  # noqa: E402

import mpgreen  # noqa: E402

LIMIT = 60
# gevent's own os.close() may close later than it returns.
close_now = monkey.get_original("os", "close")


def pytest_configure(config):
    gevent.get_hub()
    if not mpgreen.attached():
        pytest.exit("libmpgreen.so is not preloaded, or gevent did not find the entry point", 1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol():
    """A test that hangs, be it in its fixtures, hangs in C: only the interpreter itself can end it."""
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def open_fds():
    settle()
    return set(os.listdir("/proc/self/fd"))


@pytest.fixture
def no_fd_leaks():
    before = open_fds()
    yield
    assert len(open_fds()) <= len(before)


@pytest.fixture
def pipe():
    fds = os.pipe()
    yield fds
    for fd in fds:
        try:
            close_now(fd)
        except OSError:
            pass


class Ticker:
    """Counts how often another greenlet gets its turn."""

    def __init__(self):
        self.ticks = 0
        self._greenlet = gevent.spawn(self._run)

    def _run(self):
        while True:
            gevent.sleep(0.001)
            self.ticks += 1

    def wait(self, ticks):
        until = self.ticks + ticks
        while self.ticks < until:
            gevent.sleep(0.001)

    def stop(self):
        self._greenlet.kill()


@pytest.fixture
def ticker():
    ticker = Ticker()
    yield ticker
    ticker.stop()


def settle(turns=3):
    """Let every greenlet that can run do so until it waits."""
    for _ in range(turns):
        gevent.sleep(0.001)


def native_thread(function):
    """Runs function on a real thread; the result has join() and .value, or raises its error."""
    return _NativeThread(function)


class _NativeThread:
    def __init__(self, function):
        self._function = function
        self._ended, self._ends = os.pipe()
        self.error = self.value = None
        monkey.get_original("_thread", "start_new_thread")(self._run, ())

    def _run(self):
        try:
            self.value = self._function()
        except BaseException as error:
            self.error = error
        finally:
            os.write(self._ends, b"x")

    def join(self):
        os.read(self._ended, 1)
        os.close(self._ended)
        os.close(self._ends)
        if self.error is not None:
            raise self.error
        return self.value


def run_python(code, *arguments, preload=True, flags=(), timeout=LIMIT, **options):
    """Runs code in a new Python; from a file, as multiprocessing's children need."""
    environment = dict(os.environ, **options.pop("env", {}))
    if not preload:
        environment.pop("LD_PRELOAD", None)
    return subprocess.run([sys.executable, *flags, code, *arguments], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                          universal_newlines=True, **options)


@pytest.fixture
def script(tmp_path):
    """script(code, ...): runs it as a program, which must succeed; returns what it has printed."""
    def run(code, *arguments, status=0, **options):
        path = tmp_path / "program.py"
        path.write_text(code)
        done = run_python(str(path), *arguments, **options)
        assert done.returncode == status, done.stderr
        return done.stdout
    return run
