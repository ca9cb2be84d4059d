# SPDX-License-Identifier: MIT
"""Locks on files and the opening of FIFOs: other greenlets go on while one waits."""
import ctypes
import fcntl
import os
import subprocess
import sys
import time

import gevent
import pytest

from conftest import LIMIT, settle
from stopwatch import Ticker, stopwatch

F_OFD_SETLKW = getattr(fcntl, "F_OFD_SETLKW", 38)

# What holds a lock, or opens the other end, and has not loaded the library.
PEER = """
import ctypes, fcntl, os, struct, sys, time
path, kind, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
if kind in ("read", "write"):
    time.sleep(seconds)
    fd = os.open(path, os.O_RDONLY if kind == "read" else os.O_WRONLY)
else:
    fd = os.open(path, os.O_RDWR)
    (fcntl.flock if kind == "flock" else fcntl.lockf)(fd, fcntl.LOCK_EX)
print("ready", flush=True)
if kind in ("read", "write"):
    sys.stdin.read()
else:
    time.sleep(seconds)
"""


def peer(path, kind, seconds):
    environment = dict(os.environ)
    environment.pop("LD_PRELOAD")
    process = subprocess.Popen([sys.executable, "-c", PEER, str(path), kind, str(seconds)],
                               env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if kind not in ("read", "write"):
        assert process.stdout.readline() == b"ready\n"
    return process


def end(process):
    process.stdin.close()
    process.stdout.close()
    process.kill()
    process.wait(LIMIT)


class Flock(ctypes.Structure):
    _fields_ = [("type", ctypes.c_short), ("whence", ctypes.c_short), ("start", ctypes.c_int64),
                ("len", ctypes.c_int64), ("pid", ctypes.c_int)]


def by_flock(fd):
    fcntl.flock(fd, fcntl.LOCK_EX)


def by_lockf(fd):
    fcntl.lockf(fd, fcntl.LOCK_EX)


def by_fcntl(fd):
    fcntl.fcntl(fd, fcntl.F_SETLKW, bytes(Flock(type=fcntl.F_WRLCK)))


def by_description(fd):
    fcntl.fcntl(fd, F_OFD_SETLKW, bytes(Flock(type=fcntl.F_WRLCK)))


def by_os(fd):
    os.lockf(fd, os.F_LOCK, 0)


LOCKS = [(by_flock, "flock"), (by_lockf, "lockf"), (by_fcntl, "lockf"), (by_description, "lockf"),
         (by_os, "lockf")]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    return path


@pytest.fixture
def fd(path):
    fd = os.open(path, os.O_RDWR)
    yield fd
    os.close(fd)


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def os_reader(path):
    return os.open(path, os.O_RDONLY)


def os_writer(path):
    return os.open(path, os.O_WRONLY)


def file_reader(path):
    return open(path, "rb", buffering=0)


def file_writer(path):
    return open(path, "wb", buffering=0)


OPENS = [(os_reader, "write"), (file_reader, "write"), (os_writer, "read"), (file_writer, "read")]


def kill(waiting):
    """At once, and so it ends."""
    began = stopwatch()
    waiting.kill(timeout=5)
    assert stopwatch() - began < 0.1
    assert isinstance(waiting.value, gevent.GreenletExit)


class Timeout(gevent.Timeout):
    """After 0.2 s it comes out as itself, within 0.1 s of a processor's time."""

    def __init__(self):
        super().__init__(0.2)

    def __enter__(self):
        self._began = time.monotonic(), stopwatch()
        return super().__enter__()

    def check(self, caught):
        assert caught.value is self
        assert time.monotonic() - self._began[0] > 0.19
        assert stopwatch() - self._began[1] < 0.3


def close(opened):
    if isinstance(opened, int):
        os.close(opened)
    else:
        opened.close()


def longest_gap(function, *arguments):
    """Of a ticker of 10 ms while function runs, and what that returns."""
    ticker = Ticker()
    settle()
    result = function(*arguments)
    return ticker.stop()[0], result


@pytest.mark.parametrize("lock, kind", LOCKS)
def test_others_go_on_while_one_waits_for_a_lock(lock, kind, path, fd):
    holder = peer(path, kind, 0.3)
    began = time.monotonic()
    gap, _ = longest_gap(lock, fd)
    assert time.monotonic() - began > 0.1
    assert gap < 0.05
    end(holder)


@pytest.mark.parametrize("lock, kind", LOCKS)
def test_a_timeout_comes_out_of_the_wait_for_a_lock(lock, kind, path, fd):
    holder = peer(path, kind, LIMIT)
    timeout = Timeout()
    with pytest.raises(gevent.Timeout) as caught, timeout:
        lock(fd)
    timeout.check(caught)
    end(holder)
    # Nobody is left who waits, or holds it.
    end(peer(path, kind, 0))
    lock(fd)


@pytest.mark.parametrize("lock, kind", LOCKS)
def test_kill_ends_the_wait_for_a_lock(lock, kind, path, fd):
    holder = peer(path, kind, LIMIT)
    waiting = gevent.spawn(lock, fd)
    settle()
    kill(waiting)
    end(holder)
    end(peer(path, kind, 0))


@pytest.mark.parametrize("lock", [by_flock, by_description])
def test_greenlets_have_a_lock_one_after_the_other(lock, path):
    inside = []
    most = []

    def enter():
        own = os.open(path, os.O_RDWR)
        lock(own)
        inside.append(own)
        most.append(len(inside))
        gevent.sleep(0.02)
        inside.remove(own)
        os.close(own)

    gap, _ = longest_gap(lambda: gevent.joinall([gevent.spawn(enter) for _ in range(10)],
                                                raise_error=True))
    assert most == [1] * 10
    assert gap < 0.05


def test_as_many_wait_as_there_are(path):
    """Far more than any pool has workers: who lets go must not wait for its turn behind them."""
    holder = peer(path, "flock", LIMIT)
    fds = [os.open(path, os.O_RDWR) for _ in range(100)]
    waiting = [gevent.spawn(fcntl.flock, fd, fcntl.LOCK_SH) for fd in fds]
    settle()
    assert not any(w.ready() for w in waiting)
    end(holder)
    gevent.joinall(waiting, timeout=20, raise_error=True)
    assert all(w.successful() for w in waiting)
    for fd in fds:
        os.close(fd)


def test_closing_a_file_ends_the_wait_for_its_lock(path, fd):
    holder = peer(path, "flock", LIMIT)
    own = os.open(path, os.O_RDWR)
    waiting = gevent.spawn(by_flock, own)
    settle()
    os.close(own)
    with pytest.raises(OSError, match="Bad file descriptor"):
        waiting.get(timeout=5)
    end(holder)
    by_flock(fd)


@pytest.mark.parametrize("opens, kind", OPENS)
def test_others_go_on_while_one_opens_a_fifo(opens, kind, fifo):
    other = peer(fifo, kind, 0.3)
    began = time.monotonic()
    gap, opened = longest_gap(opens, fifo)
    assert time.monotonic() - began > 0.1
    assert gap < 0.05
    close(opened)
    end(other)


@pytest.mark.parametrize("opens, kind", OPENS)
def test_a_timeout_comes_out_of_the_opening_of_a_fifo(opens, kind, fifo, no_fd_leaks):
    timeout = Timeout()
    with pytest.raises(gevent.Timeout) as caught, timeout:
        opens(fifo)
    timeout.check(caught)
    # Nobody is left who has it open.
    with pytest.raises(OSError, match="No such device"):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


@pytest.mark.parametrize("opens, kind", OPENS)
def test_kill_ends_the_opening_of_a_fifo(opens, kind, fifo, no_fd_leaks):
    opening = gevent.spawn(opens, fifo)
    settle()
    kill(opening)
    with pytest.raises(OSError, match="No such device"):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_greenlets_open_both_ends_and_talk(fifo):
    def say():
        with open(fifo, "w") as out:
            out.write("hello\n")

    saying = gevent.spawn(say)
    with open(fifo) as listens:
        assert listens.readline() == "hello\n"
    saying.get(timeout=5)


def test_libc_s_fopen_of_a_fifo_waits_too(fifo):
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    writing = gevent.spawn(os_writer, fifo)
    gap, stream = longest_gap(libc.fopen, os.fsencode(fifo), b"r")
    assert stream
    libc.fclose(ctypes.c_void_p(stream))
    os.close(writing.get(timeout=5))


def test_no_thread_is_left(fifo, path, fd):
    def threads():
        return len(os.listdir("/proc/self/task"))

    holder = peer(path, "flock", LIMIT)
    before = threads()
    for _ in range(20):
        with gevent.Timeout(0.001, False):
            by_flock(fd)
        with gevent.Timeout(0.001, False):
            os_reader(fifo)
    with gevent.Timeout(10):
        while threads() > before:
            gevent.sleep(0.01)
    end(holder)
