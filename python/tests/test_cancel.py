# SPDX-License-Identifier: MIT
"""Exceptions raised in a greenlet that is parked in C code come out of it as themselves."""
import os
import time

import gevent
import pytest
from gevent import monkey

from conftest import native_thread, settle


class Strange(BaseException):
    pass


def both_kinds_of_thread(test):
    return pytest.mark.parametrize("run", [lambda f: f(), lambda f: native_thread(f).join()],
                                   ids=["main thread", "other thread"])(test)


@both_kinds_of_thread
def test_a_timeout_comes_out_of_a_read(run, pipe):
    def body():
        began = time.monotonic()
        timeout = gevent.Timeout(0.05)
        with pytest.raises(gevent.Timeout) as caught:
            with timeout:
                os.read(pipe[0], 1)
        assert caught.value is timeout
        assert 0.04 < time.monotonic() - began < 5
    run(body)


@both_kinds_of_thread
def test_a_silent_timeout_is_silent(run, pipe):
    def body():
        with gevent.Timeout(0.02, False):
            os.read(pipe[0], 1)
            raise AssertionError("the read came back")
        return True
    run(body)


@both_kinds_of_thread
def test_a_timeout_can_be_caught_at_the_call(run, pipe):
    def body():
        timeout = gevent.Timeout.start_new(0.02)
        try:
            os.read(pipe[0], 1)
        except gevent.Timeout as caught:
            assert caught is timeout
        except OSError:
            raise AssertionError("an error instead of the exception")
        else:
            raise AssertionError("the read came back")
        finally:
            timeout.close()
    run(body)


@both_kinds_of_thread
def test_again_and_again(run, pipe):
    def body():
        for _ in range(20):
            with pytest.raises(gevent.Timeout):
                with gevent.Timeout(0.001):
                    os.read(pipe[0], 1)
    run(body)


@both_kinds_of_thread
def test_kill_ends_a_blocked_greenlet(run, pipe):
    def body():
        reading = gevent.spawn(lambda: os.read(pipe[0], 1))
        settle()
        reading.kill(timeout=5)
        assert reading.ready() and isinstance(reading.value, gevent.GreenletExit)
    run(body)


@both_kinds_of_thread
def test_any_exception_comes_out_with_its_arguments(run, pipe):
    def body():
        def read():
            try:
                os.read(pipe[0], 1)
            except Strange as strange:
                return strange
        reading = gevent.spawn(read)
        settle()
        thrown = Strange("a", 1)
        reading.kill(thrown, timeout=5)
        assert reading.value is thrown
    run(body)


@both_kinds_of_thread
def test_finally_blocks_run_and_can_wait(run, pipe):
    def body():
        other = os.pipe()

        def read():
            try:
                os.read(pipe[0], 1)
            finally:
                steps.append(os.read(other[0], 1))

        steps = []
        reading = gevent.spawn(read)
        settle()
        reading.kill(block=False)
        settle()
        assert not reading.ready()
        os.write(other[1], b"y")
        reading.join(5)
        assert steps == [b"y"]
        for fd in other:
            os.close(fd)
    run(body)


@both_kinds_of_thread
def test_nobody_else_gets_it_and_no_data_is_lost(run, pipe):
    def body():
        reader, writer = pipe
        first, second, third = (gevent.spawn(lambda: os.read(reader, 1)) for _ in range(3))
        settle()
        second.kill(timeout=5)
        os.write(writer, b"ab")
        assert (first.get(timeout=5), third.get(timeout=5)) == (b"a", b"b")
    run(body)


@both_kinds_of_thread
def test_a_sleep_in_c_is_ended(run):
    def body():
        began = time.monotonic()
        with pytest.raises(gevent.Timeout):
            with gevent.Timeout(0.02):
                monkey.get_original("time", "sleep")(30)
        assert time.monotonic() - began < 5
    run(body)


@both_kinds_of_thread
def test_a_foreign_function_is_ended(run, pipe):
    """ctypes: C code that knows nothing of Python's signals."""
    def body():
        import ctypes
        read = ctypes.CDLL(None).read
        with pytest.raises(gevent.Timeout):
            with gevent.Timeout(0.02):
                read(pipe[0], ctypes.create_string_buffer(1), 1)
                for _ in range(1000):
                    pass
    run(body)


def driver_that_fails():
    """Like a driver in C: an error of the call is an exception of its own, signals mean nothing."""
    import ctypes
    read = ctypes.CDLL(None).read
    read.errcheck = pow
    return lambda fd: read(fd, ctypes.create_string_buffer(1), 1)


@both_kinds_of_thread
def test_an_error_that_the_c_code_makes_of_it_is_not_seen(run, pipe):
    def body():
        driver = driver_that_fails()
        handled = False
        with gevent.Timeout(0.02, False):
            try:
                driver(pipe[0])
            except TypeError:
                handled = True
        assert not handled
    run(body)


@both_kinds_of_thread
def test_what_finally_calls_is_called(run, pipe):
    """It would give back a lock, for instance."""
    def body():
        called = []
        driver = driver_that_fails()
        with pytest.raises(gevent.Timeout):
            with gevent.Timeout(0.02):
                try:
                    driver(pipe[0])
                finally:
                    (lambda: called.append(True))()
        assert called == [True]
    run(body)


@both_kinds_of_thread
def test_c_code_that_tries_again_is_ended_where_it_makes_an_error_of_it(run, pipe):
    """It has a class of its own for that, as pyzmq has, whose next try would be fatal."""
    def body():
        import collections
        import ctypes
        import itertools

        class Interrupted(InterruptedError):
            def __init__(self, result, function, arguments):
                made.append(ctypes.get_errno())

        made = []
        read = ctypes.CDLL(None, use_errno=True).read
        read.errcheck = Interrupted
        fds = itertools.repeat(pipe[0])
        with pytest.raises(gevent.Timeout):
            with gevent.Timeout(0.02):
                collections.deque(map(read, fds, itertools.repeat(ctypes.create_string_buffer(1)),
                                      itertools.repeat(1)), 0)
        assert made == []
    run(body)


@both_kinds_of_thread
def test_a_write_of_which_some_has_gone_is_ended(run, pipe):
    def body():
        with pytest.raises(gevent.Timeout):
            with gevent.Timeout(0.02):
                os.write(pipe[1], b"x" * (1 << 20))
                for _ in range(1000):
                    pass
    run(body)


def test_a_read_that_need_not_wait_loses_nothing_to_a_timeout(script):
    """It lets others run now and then: what comes meanwhile must not come out of it with the data."""
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, os, random, struct, subprocess, sys
writer = subprocess.Popen([sys.executable, "-c", '''
import os, struct
for n in range(0, 1 << 40, 512):
    os.write(1, b"".join(struct.pack("q", n + i) for i in range(512)))
'''], stdout=subprocess.PIPE)
fd = os.dup(writer.stdout.fileno())
os.set_blocking(fd, True)
expected = 0
for _ in range(60):
    try:
        with gevent.Timeout(random.uniform(.005, .03)):
            while True:
                number, = struct.unpack("q", os.read(fd, 8))
                assert number == expected, (number, expected)
                expected += 1
    except gevent.Timeout:
        pass
writer.kill()
print("nothing is lost")
""") == "nothing is lost\n"


def test_a_child_that_has_ended_is_not_lost_to_a_timeout(script):
    """The same for a status: in one of the rounds it is waitpid() that owes the others a turn."""
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, os, time
waitpid = monkey.get_original("os", "waitpid")
class Interrupt(Exception): pass
def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
def interrupt(greenlet):
    spin(.15)
    greenlet.kill(Interrupt, block=False)
def wait(calls):
    ours, theirs = os.pipe()
    gevent.spawn(os.write, theirs, b"x")
    os.read(ours, 1)
    child = os.posix_spawn("/bin/sleep", ["sleep", ".1"], os.environ)
    for _ in range(33):
        os.write(theirs, b"x"); os.read(ours, 1)
    spin(.02)
    gevent.spawn(interrupt, gevent.getcurrent())
    for n in range(calls):
        os.write(theirs, b"x") if n % 2 == 0 else os.read(ours, 1)
    pid = None
    try:
        pid = waitpid(child, 0)[0]
        gevent.sleep(.2)
    except Interrupt:
        pass
    if pid is None:
        pid = waitpid(child, 0)[0]
    assert pid == child
    os.close(ours); os.close(theirs)
for calls in range(20, 34):
    greenlet = gevent.spawn(wait, calls)
    greenlet.join()
    if isinstance(greenlet.exception, ChildProcessError): raise greenlet.exception
print("nothing is lost")
""") == "nothing is lost\n"


@both_kinds_of_thread
def test_under_a_tracer_it_comes_out_too(run, pipe):
    import sys

    def body():
        sys.settrace(lambda *arguments: None)
        try:
            with pytest.raises(gevent.Timeout):
                with gevent.Timeout(0.02):
                    try:
                        os.read(pipe[0], 1)
                    except OSError:
                        pass
                    for _ in range(1000):
                        pass
        finally:
            sys.settrace(None)
    run(body)


@pytest.mark.parametrize("call", [lambda fd: os.read(fd, 1), driver_that_fails()],
                         ids=["read", "driver"])
@both_kinds_of_thread
def test_no_tracer_is_left_behind(run, call, pipe):
    import sys

    def body():
        def calls():
            nonlocal frame
            frame = sys._getframe()
            call(pipe[0])

        frame = None
        with pytest.raises(gevent.Timeout):
            with gevent.Timeout(0.02):
                calls()
        assert sys.gettrace() is None
        assert frame.f_trace is None
        assert sys._getframe().f_trace is None
    run(body)


def test_an_interrupt_comes_out_of_the_main_greenlet(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, os, signal
r, w = os.pipe()
gevent.spawn_later(.05, os.kill, os.getpid(), signal.SIGINT)
try:
    os.read(r, 1)
except KeyboardInterrupt:
    print("KeyboardInterrupt")
gevent.spawn_later(.001, os.write, w, b"x")
print(os.read(r, 1))
""") == "KeyboardInterrupt\nb'x'\n"


def test_an_interrupt_that_nobody_catches_ends_the_program(script):
    import signal
    import subprocess
    import sys
    program = subprocess.Popen([sys.executable, "-c", """
from gevent import monkey; monkey.patch_all()
import gevent, os
r, w = os.pipe()
gevent.spawn(print, "waits", flush=True)
os.read(r, 1)
"""], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout.readline() == b"waits\n"
    program.send_signal(signal.SIGINT)
    out, err = program.communicate()
    assert b"KeyboardInterrupt" in err
    assert program.returncode in (-signal.SIGINT, 1)


def test_a_signal_handler_runs_while_c_code_waits(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, os, signal
r, w = os.pipe()
signal.signal(signal.SIGALRM, lambda *a: os.write(w, b"x"))
signal.setitimer(signal.ITIMER_REAL, .05)
print(os.read(r, 1))
""") == "b'x'\n"


def test_a_parked_greenlet_that_is_dropped_is_no_harm(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import gc, gevent, os
from greenlet import greenlet
r, w = os.pipe()
seen = []
def read():
    try:
        os.read(r, 1)
    except BaseException as error:
        seen.append(type(error).__name__)
        raise
g = greenlet(read, gevent.get_hub())
gevent.get_hub().loop.run_callback(g.switch)
gevent.sleep(.01)
gevent.get_hub().loop.run_callback(g.throw, gevent.GreenletExit)
gevent.sleep(.01)
print(seen)
""") == "['GreenletExit']\n"
