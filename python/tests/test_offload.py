# SPDX-License-Identifier: MIT
"""mpgreen_offload() below gevent: functions of C that never wait for a descriptor."""
import ctypes
import ctypes.util
import errno

import gevent
import pytest

from stopwatch import Ticker, stopwatch

process = ctypes.CDLL(None, use_errno=True)


def offload(signature, function, result, *arguments):
    values = (ctypes.c_void_p * len(arguments))(
        *(ctypes.cast(ctypes.pointer(argument), ctypes.c_void_p) for argument in arguments))
    pointer = ctypes.cast(function, ctypes.c_void_p)
    error = process.mpgreen_offload(signature, pointer, ctypes.byref(result), values, 0)
    if error:
        raise OSError(-error, "mpgreen_offload")
    return result.value


def sleep(seconds):
    # The one that ctypes finds is ours, which would wait without a worker.
    libc = ctypes.CDLL("libc.so.6")
    return offload(b"int usleep(uint)", libc.usleep, ctypes.c_int(5),
                   ctypes.c_uint(int(seconds * 1e6)))


def crypt(key, salt):
    library = ctypes.CDLL(ctypes.util.find_library("crypt"))
    return offload(b"ptr crypt(str, str)", library.crypt, ctypes.c_char_p(),
                   ctypes.c_char_p(key), ctypes.c_char_p(salt))


@pytest.fixture(autouse=True)
def available():
    result = ctypes.c_int()
    try:
        offload(b"int getpid()", process.getpid, result)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        pytest.skip("built without libffi")


def test_the_ticker_goes_on_while_a_function_runs():
    ticker = Ticker()
    assert sleep(.5) == 0
    assert ticker.stop()[0] < .05


def test_functions_run_at_the_same_time():
    began = stopwatch()
    gevent.joinall([gevent.spawn(sleep, .3) for _ in range(8)], raise_error=True)
    assert stopwatch() - began < 8 * .3 / 2


def test_more_than_the_workers_stand_in_line():
    began = stopwatch()
    gevent.joinall([gevent.spawn(sleep, .1) for _ in range(33)], raise_error=True)
    assert stopwatch() - began >= .2


def test_a_timeout_does_not_wait_for_the_function():
    began = stopwatch()
    with pytest.raises(gevent.Timeout):
        with gevent.Timeout(.2):
            sleep(1)
    assert .2 <= stopwatch() - began < .3


def test_kill_does_not_wait_for_the_function():
    sleeper = gevent.spawn(sleep, 1)
    gevent.sleep(.05)
    began = stopwatch()
    sleeper.kill()
    assert stopwatch() - began < .1
    assert isinstance(sleeper.value, gevent.GreenletExit)


def test_greenlets_have_hashes_of_their_own():
    if not ctypes.util.find_library("crypt"):
        pytest.skip("no libcrypt")
    keys = [b"key %d" % i for i in range(8)]
    alone = [crypt(key, b"$5$rounds=5000$salt") for key in keys]
    assert len(set(alone)) == 8 and all(hashed.startswith(b"$5$") for hashed in alone)
    together = [gevent.spawn(crypt, key, b"$5$rounds=5000$salt") for key in keys]
    ticker = Ticker()
    gevent.joinall(together, raise_error=True)
    assert [greenlet.value for greenlet in together] == alone
    assert ticker.stop()[0] < .05
