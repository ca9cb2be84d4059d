# SPDX-License-Identifier: MIT
"""The tests run as greenlets with the library preloaded, or as threads with neither: see `run`."""
import contextlib
import faulthandler
import os
import sys

GREEN = os.environ["CLIENTS_WAY"] == "greenlets"
if GREEN:
    from gevent import monkey
    monkey.patch_all()

import threading  # noqa: E402
import time  # noqa: E402

import pytest  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "python", "tests"))

import record  # noqa: E402
import report  # noqa: E402
import servers  # noqa: E402
import table  # noqa: E402
from stopwatch import PERIOD, Machine, Stopwatch  # noqa: E402

LIMIT = 60
LONGEST_GAP = 0.05
# What pytest does not capture.
REPORT = 3

# Threads cannot be interrupted.
greenlets_only = pytest.mark.greenlets_only


def pytest_configure(config):
    config.pluginmanager.register(record.Record(config, os.environ["CLIENTS_RECORD"]))
    config.addinivalue_line("markers", "greenlets_only: not for threads")
    config.addinivalue_line("markers", "needs(what, ...): not for clients that cannot do it")
    if GREEN:
        import gevent
        import mpgreen
        gevent.get_hub()
        if not mpgreen.attached():
            pytest.exit("libmpgreen.so is not preloaded, or gevent did not find the entry point", 1)


def pytest_collection_modifyitems(config, items):
    left_out = [] if GREEN else [item for item in items if item.get_closest_marker("greenlets_only")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session):
    servers.stop_all()


def pytest_terminal_summary(terminalreporter):
    for line in report.table(terminalreporter.stats.get("passed", [])):
        terminalreporter.write_line(line)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol():
    """A test that hangs hangs in C: only the interpreter itself can end it. So do the servers then."""
    faulthandler.dump_traceback_later(LIMIT, exit=True, file=REPORT)
    yield
    faulthandler.cancel_dump_traceback_later()


def client_or_skip(name):
    try:
        return table.client(name)
    except servers.Missing as missing:
        pytest.skip("for this, install %s" % missing)


@pytest.fixture
def connect():
    """connect(client, ...): closed at the end of the test, whatever has become of it."""
    opened = []

    def connect(client, **where):
        opened.append((client, client.connect(**where)))
        return opened[-1][1]
    yield connect
    for client, connection in opened:
        with contextlib.suppress(Exception):
            client.close(connection)


class Task(threading.Thread):
    """A greenlet, or a thread; result() is what its function returned, or raises what it raised."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.function, self.arguments = function, arguments
        self.value = self.error = None
        self.start()

    def run(self):
        try:
            self.value = self.function(*self.arguments)
        except BaseException as error:
            self.error = error

    def result(self, timeout=LIMIT / 2):
        self.join(timeout)
        assert not self.is_alive(), "it still waits"
        if self.error is not None:
            raise self.error
        return self.value


def side_by_side(function, arguments):
    """function(argument) for each of them at once; their results."""
    tasks = [Task(function, argument) for argument in arguments]
    return [task.result() for task in tasks]


def on_another_thread(function):
    """A real one; what the function returns."""
    from gevent import monkey
    ended, ends = os.pipe()
    results = []

    def run():
        try:
            results.append(function())
        finally:
            os.write(ends, b"x")
    monkey.get_original("_thread", "start_new_thread")(run, ())
    os.read(ended, 1)
    os.close(ended)
    os.close(ends)
    return results[0]


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp("clock") / "stalls")
    yield machine
    machine.end()


class Ticking:
    """Within it another task ticks: nobody keeps it from that for long. `seconds` is how long it took."""

    def __init__(self, machine, record):
        self.machine = machine
        self.record = record
        self.gaps = []

    def _note(self):
        stopwatch, now = self._stopwatch(), time.monotonic()
        self.gaps.append((stopwatch - self._last[0], self._last[1], now))
        self._last = stopwatch, now

    def _tick(self):
        self._stopwatch = Stopwatch()
        self._last = self._stopwatch(), time.monotonic()
        self._began.set()
        while not self._ended:
            time.sleep(PERIOD)
            self._note()

    def __enter__(self):
        self._began, self._ended = threading.Event(), False
        self._task = Task(self._tick)
        self._began.wait()
        self.began = time.monotonic()
        return self

    def __exit__(self, kind, *_):
        now = time.monotonic()
        self._ended = True
        self._task.result()
        self.stall = self.machine.stall(self.began, now)
        self.seconds = now - self.began - self.stall
        gap, began, ended = max(self.gaps)
        self.record("gap", gap - self.machine.stall(began, ended))
        # Threads that compute keep others waiting for the interpreter's lock.
        if GREEN and kind is None:
            assert gap < LONGEST_GAP + self.machine.stall(began, ended), \
                "%.3f s after the beginning" % (began - self.began)


@pytest.fixture
def ticking(machine, record_property):
    """`with ticking():`, or `with ticking() as time:` and afterwards time.seconds."""
    return lambda: Ticking(machine, record_property)
