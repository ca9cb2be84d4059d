# SPDX-License-Identifier: MIT
"""RLock and Condition of multiprocessing and billiard: the owner is a greenlet, the semaphore is everyone's."""
import importlib
import os
import pickle
import threading

import gevent
import pytest

from conftest import native_thread, settle


@pytest.fixture(params=["multiprocessing", "billiard"])
def package(request):
    pytest.importorskip(request.param)
    return request.param


@pytest.fixture
def context(package):
    return importlib.import_module(package).get_context("fork")


def in_greenlet(function, *arguments):
    return gevent.spawn(function, *arguments).get()


def test_a_greenlet_takes_it_as_often_as_it_likes(context):
    lock = context.RLock()
    for _ in range(3):
        assert lock.acquire() is True
    assert lock._semlock._count() == 3 and lock._semlock._is_mine()
    for _ in range(3):
        lock.release()
    assert lock._semlock._count() == 0 and not lock._semlock._is_mine()
    assert lock._semlock._get_value() == 1 and not lock._semlock._is_zero()


def test_two_greenlets_are_two_owners(context):
    lock = context.RLock()
    with lock:
        assert in_greenlet(lock.acquire, False) is False
        assert in_greenlet(lock._semlock._is_mine) is False
        with lock:
            assert in_greenlet(lock.acquire, False) is False
        assert in_greenlet(lock.acquire, False) is False
    assert in_greenlet(lambda: (lock.acquire(False), lock.release())) == (True, None)


def test_so_are_two_threads(context):
    lock = context.RLock()
    with lock:
        assert native_thread(lambda: lock.acquire(False)).join() is False
    assert native_thread(lambda: (lock.acquire(False), lock.release())).join() == (True, None)


def test_only_its_owner_releases_it(context):
    lock = context.RLock()
    with pytest.raises(AssertionError, match="not owned by thread"):
        lock.release()
    with lock:
        with pytest.raises(AssertionError, match="not owned by thread"):
            in_greenlet(lock.release)
        assert lock._semlock._is_mine()


def test_it_looks_like_the_one_it_replaces(context):
    lock = context.RLock()
    assert (lock._semlock.kind, lock._semlock.maxvalue) == (0, 1)
    assert isinstance(lock._semlock.handle, int)
    assert lock._semlock.name is None
    assert repr(lock) == "<RLock(None, 0)>"
    with lock, lock:
        name = "MainProcess"
        if threading.current_thread().name != "MainThread":
            name += "|" + threading.current_thread().name
        assert repr(lock) == "<RLock(%s, 2)>" % name
        assert in_greenlet(repr, lock) == "<RLock(SomeOtherThread, nonzero)>"
    assert lock.acquire(block=True, timeout=1.5) is True
    lock.release()
    with pytest.raises(TypeError):
        lock.acquire(1, 2, 3)


def test_it_is_pickled_for_children_only(context):
    with pytest.raises(RuntimeError):
        pickle.dumps(context.RLock())


def test_two_greenlets_wait_for_each_other(context):
    lock = context.RLock()
    order = []

    def take(name):
        with lock, lock:
            order.append(name)
            gevent.sleep(0.01)
            order.append(name)
    gevent.joinall([gevent.spawn(take, name) for name in "abc"], timeout=10, raise_error=True)
    assert order == list("aabbcc")


def test_a_greenlet_that_waits_is_killed_and_owns_nothing(context):
    lock = context.RLock()
    with lock:
        waiting = gevent.spawn(lock.acquire)
        settle()
        waiting.kill(timeout=5)
        assert isinstance(waiting.value, gevent.GreenletExit)
        assert lock._semlock._count() == 1
    assert in_greenlet(lock.acquire, False) is True


def test_a_condition_releases_all_of_it_while_it_waits(context):
    condition = context.Condition()
    with condition, condition:
        with pytest.raises(AssertionError):
            in_greenlet(condition.wait, 0.05)

        def notify():
            with condition:
                condition.notify()
        gevent.spawn(notify)
        assert condition.wait(10) is True
        assert condition._lock._semlock._count() == 2


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_a_condition_has_its_lock_again_when_a_timeout_ends_its_wait(context, kind):
    condition = context.Condition(getattr(context, kind)())
    taken = []

    def holder():
        with condition:
            gevent.sleep(0.05)
            taken.append(1)
    with condition:
        gevent.spawn(holder)
        with pytest.raises(gevent.Timeout) as caught:
            with gevent.Timeout(0.02) as timeout:
                condition.wait()
        assert caught.value is timeout
        assert taken and condition._lock._semlock._is_mine()
        assert condition._lock._semlock._is_zero()
    assert condition._lock._semlock._get_value() == 1

    def notify():
        with condition:
            condition.notify()
    with condition:
        gevent.spawn(notify)
        assert condition.wait(10) is True


@pytest.mark.parametrize("error", [gevent.GreenletExit, KeyError, TimeoutError])
def test_a_condition_has_its_lock_again_whatever_interrupts_it_after_a_notification(context, error):
    condition = context.Condition()

    def notify_and_hold():
        with condition:
            condition.notify()
            gevent.sleep(0.2)
    with condition:
        gevent.spawn(notify_and_hold)
        with pytest.raises(error):
            with gevent.Timeout(0.1, error("interrupted")):
                condition.wait()
        assert condition._lock._semlock._is_mine()
    assert condition._lock._semlock._get_value() == 1


def test_a_forked_child_owns_nothing_of_what_its_parent_holds(context):
    lock = context.RLock()
    with lock:
        process = context.Process(target=_exit_with, args=(lambda: lock.acquire(False),))
        process.start()
        process.join()
        assert process.exitcode == 0


def test_a_child_of_fork_itself_does_so_as_ever(context):
    lock = context.RLock()
    with lock:
        pid = os.fork()
        if pid == 0:
            os._exit(lock._semlock._count())
        assert os.waitpid(pid, 0)[1] >> 8 == 1


def _exit_with(function):
    os._exit(int(function()))


SHARED = """
import importlib, os, sys

def work(lock, told, tells):
    mpgreen = sys.modules.get("mpgreen")
    assert (mpgreen is not None and mpgreen.loaded()) == (sys.argv[2] == "green")
    assert lock._semlock.kind == 0
    tells.send(lock.acquire(False))
    told.recv()
    tells.send((lock.acquire(), lock.acquire(), lock._semlock._count()))
    told.recv()
    lock.release()
    lock.release()
    tells.send("released")

if __name__ == "__main__":
    from gevent import monkey; monkey.patch_all()
    import gevent, shared
    package, child, method = sys.argv[1:]
    if child == "plain":
        del os.environ["LD_PRELOAD"]
    context = importlib.import_module(package).get_context(method)
    lock = context.RLock()
    # No sockets, which gevent makes non-blocking: a plain child could not wait for them.
    told, tell = context.Pipe(duplex=False)
    hear, tells = context.Pipe(duplex=False)
    lock.acquire()
    process = context.Process(target=shared.work, args=(lock, told, tells))
    process.start()
    assert hear.recv() is False
    lock.release()
    tell.send("released")
    assert hear.recv() == (True, True, 2)
    assert lock.acquire(False) is False
    assert "SomeOtherProcess" in repr(lock), repr(lock)
    waiting = gevent.spawn(lambda: (lock.acquire(), lock.release()))
    gevent.sleep(.01)
    tell.send("release it")
    hear.recv()
    waiting.get()
    assert repr(lock) == "<RLock(None, 0)>"
    process.join()
    print(process.exitcode)
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("child", ["green", "plain"])
def test_it_is_shared_with_children(script, tmp_path, package, child, method):
    """Also with those that have nothing but CPython's own."""
    (tmp_path / "shared.py").write_text(SHARED)
    assert script(SHARED, package, child, method) == "0\n"
