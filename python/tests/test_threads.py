# SPDX-License-Identifier: MIT
import gc
import os

import gevent
import pytest
from gevent import monkey

import mpgreen
from conftest import close_now, native_thread, open_fds, settle


def wait_for_a_byte():
    reader, writer = os.pipe()
    gevent.spawn_later(0.005, os.write, writer, b"t")
    data = os.read(reader, 1)
    close_now(reader)
    close_now(writer)
    return data


def test_a_thread_is_attached_while_it_has_a_hub_and_no_longer():
    def body():
        states = [mpgreen.attached()]
        hub = gevent.get_hub()
        states.append(mpgreen.attached())
        hub.destroy(destroy_loop=True)
        states.append(mpgreen.attached())
        return states
    assert native_thread(body).join() == [False, True, False]


def test_a_thread_gets_a_new_hub_when_it_has_lost_one():
    def body():
        for _ in range(5):
            assert wait_for_a_byte() == b"t"
            gevent.get_hub().destroy(destroy_loop=True)
    native_thread(body).join()


def test_threads_with_hubs_wait_side_by_side():
    def body():
        return b"".join(wait_for_a_byte() for _ in range(20))
    threads = [native_thread(body) for _ in range(8)]
    assert [t.join() for t in threads] == [b"t" * 20] * 8


def test_a_thread_without_a_hub_blocks_for_real_and_makes_none(pipe):
    from gevent._hub_local import get_hub_if_exists

    def body():
        before = mpgreen.stats()["waits"]
        data = os.read(pipe[0], 1)
        return data, get_hub_if_exists(), mpgreen.attached(), before
    thread = native_thread(body)
    monkey.get_original("time", "sleep")(0.01)
    os.write(pipe[1], b"x")
    data, hub, attached, _ = thread.join()
    assert (data, hub, attached) == (b"x", None, False)


def test_the_threadpool_works_as_ever(pipe):
    pool = gevent.get_hub().threadpool
    reading = pool.spawn(os.read, pipe[0], 1)
    settle()
    os.write(pipe[1], b"p")
    assert reading.get() == b"p"


def test_a_second_hub_of_a_thread_is_left_alone(pipe):
    second = gevent.hub.Hub(default=False)
    gevent.spawn_later(0.001, os.write, pipe[1], b"x")
    assert os.read(pipe[0], 1) == b"x"
    second.destroy(destroy_loop=True)
    assert mpgreen.attached()


def test_a_hub_that_is_destroyed_under_a_parked_greenlet_is_no_harm(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, mpgreen, os, _thread
def wait_for_a_byte():
    r, w = os.pipe()
    gevent.spawn_later(.005, os.write, w, b"t")
    return os.read(r, 1)
def body():
    r, w = os.pipe()
    parked = gevent.spawn(lambda: os.read(r, 1))
    gevent.sleep(.01)
    gevent.get_hub().destroy(destroy_loop=True)
    states = [mpgreen.attached(), wait_for_a_byte(), mpgreen.attached(), parked.ready()]
    os.write(result_w, repr(states).encode())
result_r, result_w = os.pipe()
monkey.get_original("_thread", "start_new_thread")(body, ())
print(os.read(result_r, 100).decode())
""") == "[False, b't', True, False]\n"


@pytest.mark.parametrize("destroys", [True, False])
def test_threads_that_come_and_go_leave_nothing_behind(destroys):
    def body():
        wait_for_a_byte()
        if destroys:
            gevent.get_hub().destroy(destroy_loop=True)

    def count(kind):
        return sum(kind in os.readlink("/proc/self/fd/" + fd) for fd in open_fds()
                   if os.path.lexists("/proc/self/fd/" + fd))

    native_thread(body).join()
    settle()
    before = count("timerfd")
    for _ in range(20):
        native_thread(body).join()
    settle()
    gc.collect()
    assert count("timerfd") <= before


def test_hubs_older_than_patch_all_are_attached(script):
    assert script("""
import _thread, os, gevent
ready_r, ready_w = os.pipe()
result_r, result_w = os.pipe()

def body():
    import time
    os.write(ready_w, b"x")
    for _ in range(1000):
        gevent.sleep(.005)
        if mpgreen is not None and mpgreen.attached():
            break
    r, w = os.pipe()
    gevent.spawn_later(.005, os.write, w, b"old")
    os.write(result_w, os.read(r, 3))

mpgreen = None
gevent.get_hub()
_thread.start_new_thread(body, ())
os.read(ready_r, 1)
from gevent import monkey
monkey.patch_all()
import mpgreen
assert mpgreen.attached()
print(os.read(result_r, 3))
""") == "b'old'\n"
