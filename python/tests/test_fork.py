# SPDX-License-Identifier: MIT
import os

import gevent
import pytest
from gevent import monkey

import mpgreen
from conftest import native_thread, settle

# gevent's own fork() is for the main thread only.
native_fork = monkey.get_original("os", "fork")


def in_child(function, fork=os.fork):
    """What function says in a fork child, as bytes."""
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        status = 1
        try:
            os.write(writer, function())
            status = 0
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(status)
    os.close(writer)
    settle()
    answer = b""
    while True:
        data = os.read(reader, 4096)
        if not data:
            break
        answer += data
    os.close(reader)
    # gevent's loop reaps children that are not its own, too.
    if fork is os.fork:
        assert os.waitpid(pid, 0)[1] == 0, answer
    return answer


def wait_for_a_byte():
    reader, writer = os.pipe()
    gevent.spawn_later(0.01, os.write, writer, b"c")
    return os.read(reader, 1)


def test_a_fork_child_is_attached_and_waits(pipe):
    wait_for_a_byte()
    assert in_child(wait_for_a_byte) == b"c"
    assert wait_for_a_byte() == b"c"


def test_so_is_its_child(pipe):
    assert in_child(lambda: in_child(lambda: in_child(wait_for_a_byte))) == b"c"


def test_a_child_made_by_a_spawned_greenlet_waits(pipe):
    assert gevent.spawn(in_child, wait_for_a_byte).get() == b"c"


def test_greenlets_parked_in_the_parent_are_woken_there_and_only_there(pipe):
    reader, writer = pipe
    reading = gevent.spawn(os.read, reader, 10)
    settle()

    def child():
        os.write(writer, b"for the parent")
        wait_for_a_byte()
        return b"1" if reading.ready() else b"0"

    assert in_child(child) == b"0"
    assert reading.get() == b"for the pa"


def test_the_parents_timers_survive_a_child():
    def child():
        wait_for_a_byte()
        gevent.sleep(0.05)
        return b""
    ended = []
    sleeping = gevent.spawn(lambda: (_sleep(0.02), ended.append(1)))
    settle(1)
    in_child(child)
    sleeping.get(timeout=5)
    assert ended == [1]


def test_a_timeout_works_in_the_child(pipe):
    def child():
        with pytest.raises(gevent.Timeout):
            with gevent.Timeout(0.01):
                os.read(pipe[0], 1)
        return b"timed out"
    assert in_child(child) == b"timed out"


def test_a_child_of_another_thread_waits(pipe):
    def body():
        wait_for_a_byte()
        return in_child(lambda: wait_for_a_byte() + bytes([mpgreen.attached()]), native_fork)
    assert native_thread(body).join() == b"c\x01"


def test_a_timeout_works_in_a_child_of_another_thread(pipe):
    def child():
        with pytest.raises(gevent.Timeout):
            with gevent.Timeout(0.01):
                os.read(pipe[0], 1)
        return b"timed out"

    def body():
        wait_for_a_byte()
        return in_child(child, native_fork)
    assert native_thread(body).join() == b"timed out"


def _sleep(seconds):
    monkey.get_original("time", "sleep")(seconds)
