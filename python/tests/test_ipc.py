# SPDX-License-Identifier: MIT
"""Message queues and System V semaphores, called by ctypes: other greenlets go on meanwhile."""
import ctypes
import os
import subprocess
import sys
import time

import gevent
import pytest

from conftest import LIMIT, settle

# What both this process and a peer without the library need.
CALLS = """
import ctypes, errno, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
try:
    libc.mq_unlink
except AttributeError:
    libc = ctypes.CDLL("librt.so.1", use_errno=True)

class Operation(ctypes.Structure):
    _fields_ = [("number", ctypes.c_ushort), ("change", ctypes.c_short), ("flags", ctypes.c_short)]

class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_long), ("text", ctypes.c_char * 2048)]

class Attributes(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_long), ("most", ctypes.c_long), ("size", ctypes.c_long),
                ("now", ctypes.c_long), ("rest", ctypes.c_long * 4)]

def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def semop(id, change):
    return check(libc.semop(id, ctypes.byref(Operation(0, change, 0)), ctypes.c_size_t(1)))

def msgsnd(id, type, text):
    return check(libc.msgsnd(id, ctypes.byref(Message(type, text)), ctypes.c_size_t(len(text)), 0))

def msgrcv(id, flags=0):
    message = Message()
    n = check(libc.msgrcv(id, ctypes.byref(message), ctypes.c_size_t(2048), ctypes.c_long(0), flags))
    return message.text[:n]

def mq_open(name):
    return check(libc.mq_open(name, os.O_RDWR | os.O_CREAT, 0o600,
                              ctypes.byref(Attributes(most=2, size=2048))))

def mq_send(queue, text):
    return check(libc.mq_send(queue, text, ctypes.c_size_t(len(text)), 0))

def mq_receive(queue):
    text = ctypes.create_string_buffer(2048)
    n = check(libc.mq_receive(queue, text, ctypes.c_size_t(2048), None))
    return text.raw[:n]
"""
exec(CALLS)
IPC_RMID, CREATE = 0, 0o1600


class Semaphore:
    fills = False

    def __init__(self):
        self.id = check(libc.semget(0, 1, CREATE))
        self.argument = str(self.id)

    def get(self):
        return semop(self.id, -1)

    give = "semop(int(sys.argv[1]), 1)"

    def put(self):
        semop(self.id, 1)

    def close(self):
        libc.semctl(self.id, 0, IPC_RMID)


class SystemVQueue:
    fills = True

    def __init__(self):
        self.id = check(libc.msgget(0, CREATE))
        self.argument = str(self.id)

    def get(self):
        return msgrcv(self.id)

    give = "msgsnd(int(sys.argv[1]), 1, b'x' * 2048)"

    def put(self):
        msgsnd(self.id, 1, b"x" * 2048)

    def close(self):
        libc.msgctl(self.id, IPC_RMID, None)


class PosixQueue:
    fills = True

    def __init__(self):
        self.argument = "/mpgreen-python-%d" % os.getpid()
        self.id = mq_open(self.argument.encode())

    def get(self):
        return mq_receive(self.id)

    give = "mq_send(mq_open(sys.argv[1].encode()), b'x' * 2048)"

    def put(self):
        mq_send(self.id, b"x" * 2048)

    def close(self):
        libc.mq_unlink(self.argument.encode())
        libc.mq_close(self.id)


@pytest.fixture(params=[Semaphore, SystemVQueue, PosixQueue])
def thing(request):
    thing = request.param()
    yield thing
    thing.close()


@pytest.fixture
def queue(thing):
    """One that is full."""
    if not thing.fills:
        pytest.skip("a semaphore has room for ever")
    filling = gevent.spawn(fill, thing)
    settle()
    filling.kill(timeout=5)
    return thing


def fill(thing):
    while True:
        thing.put()


def longest_gap(function):
    """How long a ticker of 10 ms has to wait while function runs, and what that returns."""
    gaps = []

    def tick():
        while True:
            began = time.monotonic()
            gevent.sleep(0.01)
            gaps.append(time.monotonic() - began)

    ticking = gevent.spawn(tick)
    try:
        result = function()
    finally:
        ticking.kill()
    assert len(gaps) > 5
    return max(gaps), result


def peer(code, *arguments):
    """A process that has not loaded the library."""
    environment = dict(os.environ)
    environment.pop("LD_PRELOAD")
    return subprocess.Popen([sys.executable, "-c", CALLS + code, *arguments], env=environment)


def test_others_go_on_while_one_waits_for_a_peer(thing):
    with_peer = peer("time.sleep(.3); " + thing.give, thing.argument)
    gap, got = longest_gap(thing.get)
    assert got in (0, b"x" * 2048)
    assert gap < 0.25
    assert with_peer.wait(LIMIT) == 0


def test_others_go_on_while_one_waits_for_room(queue):
    gevent.spawn_later(0.2, queue.get)
    gap, _ = longest_gap(queue.put)
    assert gap < 0.15


def test_a_timeout_comes_out_as_itself_and_it_still_works(thing):
    timeout = gevent.Timeout(0.2)
    began = time.monotonic()
    with pytest.raises(gevent.Timeout) as caught, timeout:
        thing.get()
    assert caught.value is timeout
    assert 0.19 < time.monotonic() - began < 5
    thing.put()
    assert thing.get() in (0, b"x" * 2048)


def test_a_timeout_ends_a_wait_for_room(queue):
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.05):
        queue.put()
    assert queue.get() == b"x" * 2048
    queue.put()


def test_kill_ends_a_waiting_greenlet_that_takes_nothing(thing):
    killed, other = gevent.spawn(thing.get), gevent.spawn(thing.get)
    settle()
    killed.kill(timeout=5)
    assert isinstance(killed.value, gevent.GreenletExit)
    assert not other.ready()
    thing.put()
    assert other.get(timeout=5) in (0, b"x" * 2048)


def test_waiters_that_give_up_neither_lose_nor_steal(thing):
    """A peer gives n; what was got and what is left are n in all."""
    n = 300
    giving = peer("""
for i in range(%d):
    %s
    time.sleep(i %% 3 * .001)
""" % (n, thing.give), thing.argument)
    got = []

    def take(patience):
        while True:
            with gevent.Timeout(patience, False):
                got.append(thing.get())

    taking = [gevent.spawn(take, 0.001 * (i + 1)) for i in range(4)]
    while giving.poll() is None:
        gevent.sleep(0.01)
    with gevent.Timeout(LIMIT / 2):
        while len(got) < n:
            gevent.sleep(0.01)
    gevent.killall(taking, timeout=5)
    assert giving.returncode == 0
    assert len(got) == n


def test_no_descriptor_and_no_thread_is_left(thing, no_fd_leaks):
    def threads():
        return len(os.listdir("/proc/self/task"))

    before = threads()
    for _ in range(30):
        with gevent.Timeout(0.001, False):
            thing.get()
    with gevent.Timeout(5):
        while threads() > before:
            gevent.sleep(0.01)
