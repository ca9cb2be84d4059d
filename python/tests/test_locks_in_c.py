# SPDX-License-Identifier: MIT
"""Mutexes and conditions of C libraries, with greenlets on one thread."""
import ctypes
import os
import sqlite3
import time

import gevent
import pytest

import mpgreen
from conftest import native_thread, settle

C = ctypes.CDLL(None)
NORMAL, RECURSIVE, ERRORCHECK = range(3)


class Mutex:
    """A pthread_mutex_t, used by C functions that release the GIL."""

    def __init__(self, kind=NORMAL):
        attributes = ctypes.create_string_buffer(64)
        self._memory = ctypes.create_string_buffer(64)
        C.pthread_mutexattr_init(attributes)
        C.pthread_mutexattr_settype(attributes, kind)
        assert C.pthread_mutex_init(self._memory, attributes) == 0

    def __enter__(self):
        assert C.pthread_mutex_lock(self._memory) == 0

    def __exit__(self, *error):
        assert C.pthread_mutex_unlock(self._memory) == 0


class Condition:
    def __init__(self):
        self.mutex = Mutex()
        self._memory = ctypes.create_string_buffer(64)
        assert C.pthread_cond_init(self._memory, None) == 0

    def wait(self):
        assert C.pthread_cond_wait(self._memory, self.mutex._memory) == 0

    def wait_until(self, moment):
        class Timespec(ctypes.Structure):
            _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]
        time = Timespec(int(moment), int(moment % 1 * 1e9))
        return C.pthread_cond_timedwait(self._memory, self.mutex._memory, ctypes.byref(time))

    def signal(self):
        assert C.pthread_cond_signal(self._memory) == 0


all_kinds = pytest.mark.parametrize("kind", [NORMAL, RECURSIVE, ERRORCHECK],
                                    ids=["normal", "recursive", "error-checking"])


@all_kinds
def test_greenlets_exclude_each_other_and_the_others_go_on(kind, ticker):
    mutex, inside, order = Mutex(kind), [], []

    def use(name):
        with mutex:
            assert not inside
            inside.append(name)
            C.usleep(20000)
            order.append(inside.pop())

    gevent.joinall([gevent.spawn(use, n) for n in range(5)], timeout=30, raise_error=True)
    assert order == list(range(5))
    assert ticker.ticks >= 5


@all_kinds
def test_a_kill_of_who_waits_for_a_mutex_comes_when_it_has_it(kind, pipe):
    mutex, seen = Mutex(kind), []

    def hold():
        with mutex:
            os.read(pipe[0], 1)

    def wait():
        try:
            C.pthread_mutex_lock(mutex._memory)
        finally:
            seen.append(C.pthread_mutex_unlock(mutex._memory))

    holding, waiting = gevent.spawn(hold), gevent.spawn(wait)
    settle()
    waiting.kill(block=False)
    settle()
    assert not waiting.ready() and not seen
    os.write(pipe[1], b"x")
    gevent.joinall([holding, waiting], timeout=30)
    assert isinstance(waiting.value, gevent.GreenletExit)
    assert seen == [0]
    with gevent.Timeout(10):
        with mutex:
            pass


def test_a_timeout_of_who_waits_for_a_mutex_is_raised_as_itself(pipe):
    mutex = Mutex(RECURSIVE)

    def hold():
        with mutex:
            os.read(pipe[0], 1)

    holding = gevent.spawn(hold)
    settle()
    gevent.spawn_later(0.2, os.write, pipe[1], b"x")
    timeout, began = gevent.Timeout(0.05), time.monotonic()
    with pytest.raises(gevent.Timeout) as caught:
        with timeout:
            C.pthread_mutex_lock(mutex._memory)
            C.usleep(10000000)
    assert caught.value is timeout
    assert 0.15 < time.monotonic() - began < 5
    C.pthread_mutex_unlock(mutex._memory)
    holding.join()


def test_a_thread_of_the_library_signals_a_condition(ticker):
    condition, ready = Condition(), []

    def signal():
        C.usleep(300000)
        with condition.mutex:
            ready.append(True)
            condition.signal()

    thread = native_thread(signal)
    longest, last = [0.0], [time.monotonic()]

    def tick():
        while not ready:
            gevent.sleep(0.005)
            now = time.monotonic()
            longest[0], last[0] = max(longest[0], now - last[0]), now

    ticking = gevent.spawn(tick)
    with condition.mutex:
        while not ready:
            condition.wait()
    ticking.join()
    thread.join()
    assert longest[0] < 0.05
    assert ticker.ticks >= 20


def test_a_greenlet_signals_a_condition():
    condition, ready = Condition(), []

    def signal():
        with condition.mutex:
            ready.append(True)
            condition.signal()

    gevent.spawn(signal)
    with condition.mutex:
        while not ready:
            condition.wait()


def test_a_timeout_ends_a_timed_wait_at_once_and_the_mutex_is_held_again():
    condition, began = Condition(), time.monotonic()
    with pytest.raises(gevent.Timeout):
        with gevent.Timeout(0.05):
            with condition.mutex:
                condition.wait_until(time.time() + 30)
    assert time.monotonic() - began < 5
    with gevent.Timeout(10), condition.mutex:
        pass


def test_joining_a_thread_of_a_library_lets_others_run(ticker):
    body = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _: C.usleep(100000))
    thread = ctypes.c_ulong()
    assert C.pthread_create(ctypes.byref(thread), None, body, None) == 0
    assert C.pthread_join(thread, None) == 0
    assert ticker.ticks >= 5


def test_greenlets_on_one_sqlite_connection_exclude_each_other(tmp_path, ticker):
    """One waits for the file's lock, in C, and holds the connection's mutex, which is recursive."""
    path, order = str(tmp_path / "db"), []
    blocker = sqlite3.connect(path, isolation_level=None)
    shared = sqlite3.connect(path, isolation_level=None, timeout=20)
    blocker.execute("create table t (n)")
    blocker.execute("begin exclusive")

    def insert():
        shared.execute("insert into t values (1)")
        order.append("inserted")

    def select():
        shared.execute("select 1").fetchone()
        order.append("selected")

    inserting = gevent.spawn(insert)
    settle()
    selecting = gevent.spawn(select)
    ticker.wait(50)
    assert order == []
    blocker.execute("commit")
    gevent.joinall([inserting, selecting], timeout=30, raise_error=True)
    assert order == ["inserted", "selected"]


SLEEPS_IN_CALLBACK = """
from gevent import monkey; monkey.patch_all()
import ctypes, gevent, greenlet, os, sqlite3, sys, threading
libc = ctypes.CDLL(None)

def run():
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    ends, told = os.pipe(), []
    def twice():
        gevent.sleep(0.05)
        told.append(connection.execute("select 2").fetchone()[0])
        return told[-1]
    connection.create_function("twice", 0, twice)
    def select():
        told.append(connection.execute("select twice()").fetchone()[0])
    def read():
        libc.read(ends[0], ctypes.create_string_buffer(1), 1)
    selecting, reading = gevent.spawn(select), gevent.spawn(read)
    selecting.join(20)
    os.write(ends[1], b"x")
    reading.join(20)
    print(selecting.dead, reading.dead, told)

BEFORE
if sys.argv[1] == "main":
    run()
else:
    thread = monkey.get_original("_thread", "start_new_thread")
    from gevent import get_hub
    done = get_hub().loop.async_()
    def body():
        run()
        done.send()
    waiter = gevent.hub.Waiter()
    done.start(waiter.switch, None)
    thread(body, ())
    waiter.get()
"""

TRACERS = {
    "none": "",
    "chains": """
calls = []
before = greenlet.settrace(lambda *a: calls.append(a))
""",
    "replaced": """
def replace():
    gevent.sleep(0.01)
    greenlet.settrace(lambda *a: None)
replacing = gevent.spawn(replace)
""",
    "removed": """
def replace():
    while True:
        gevent.sleep(0.005)
        greenlet.settrace(None)
replacing = gevent.spawn(replace)
""",
}


@pytest.mark.parametrize("tracer", TRACERS)
@pytest.mark.parametrize("thread", ["main", "other"])
def test_who_sleeps_in_a_callback_still_has_the_mutex_of_its_connection(script, thread, tracer):
    """gevent.sleep() is no wait of the library; another greenlet waits in C meanwhile."""
    code = SLEEPS_IN_CALLBACK.replace("BEFORE", TRACERS[tracer])
    assert script(code, thread) == "True True [2, 2]\n"


def burn(until):
    while time.monotonic() < until:
        sum(range(1000))


def test_the_gil_is_not_ours():
    """A green thread that waits for the GIL blocks, and asks nobody."""
    until = time.monotonic() + 0.3
    thread = native_thread(lambda: burn(until))
    before = mpgreen.stats()["waits"]
    burn(until)
    waits = mpgreen.stats()["waits"] - before
    thread.join()
    assert waits == 0


@pytest.mark.parametrize("name", ["pthread_mutex_lock", "pthread_mutex_unlock",
                                  "pthread_cond_timedwait", "pthread_cond_signal"])
def test_the_interpreter_calls_libc(name):
    restore = ctypes.cast(ctypes.pythonapi.PyEval_RestoreThread, ctypes.c_void_p)
    assert C.mpgreen_bind_native(restore, name.encode()) > 0
