# SPDX-License-Identifier: MIT
import errno
import os

import gevent
import pytest

import mpgreen
from conftest import native_thread, settle


def error_of(function, *arguments):
    with pytest.raises(OSError) as failure:
        function(*arguments)
    return failure.value.errno


def test_the_library_is_there():
    assert mpgreen.loaded() and mpgreen.attached()
    assert mpgreen.version().count(".") == 2


def test_attaching_twice_is_an_error():
    assert error_of(mpgreen.attach) == errno.EALREADY
    assert mpgreen.attached()


def test_detaching_while_greenlets_wait_is_an_error_and_loses_nothing(pipe):
    reading = gevent.spawn(os.read, pipe[0], 1)
    settle()
    assert error_of(mpgreen.detach) == errno.EBUSY
    os.write(pipe[1], b"x")
    assert reading.get() == b"x"


def test_detached_and_attached_again_works(pipe, ticker, no_fd_leaks):
    mpgreen.detach()
    assert not mpgreen.attached()
    assert error_of(mpgreen.detach) == errno.ENOENT
    mpgreen.attach()
    gevent.spawn(lambda: (ticker.wait(3), os.write(pipe[1], b"x")))
    assert os.read(pipe[0], 1) == b"x"


def test_marks_are_seen_and_changed(pipe):
    os.set_blocking(pipe[0], False)
    assert error_of(mpgreen.marks, 9999) == errno.EBADF
    mpgreen.mark(pipe[0], always=True)
    assert mpgreen.marks(pipe[0]) == 3
    gevent.spawn_later(0.001, os.write, pipe[1], b"x")
    assert os.read(pipe[0], 1) == b"x"
    mpgreen.unmark(pipe[0])
    assert mpgreen.marks(pipe[0]) == 0
    with pytest.raises(BlockingIOError):
        os.read(pipe[0], 1)


@pytest.mark.parametrize("fd", [-1, 9999, 2**31 - 1])
def test_an_fd_that_is_not_open_is_refused(fd):
    assert error_of(mpgreen.mark, fd) == errno.EBADF
    assert error_of(mpgreen.unmark, fd) == errno.EBADF
    assert error_of(mpgreen.marks, fd) == errno.EBADF


def test_a_regular_file_cannot_be_marked(tmp_path):
    with open(str(tmp_path / "file"), "w") as file:
        assert error_of(mpgreen.mark, file.fileno()) == errno.EPERM


def test_waking_nobody_wakes_nobody(pipe):
    assert mpgreen.wake(pipe[0], errno.EINTR) == 0
    assert error_of(mpgreen.wake, pipe[0], 0) == errno.EINVAL
    assert error_of(mpgreen.wake, -1, errno.EINTR) == errno.EBADF


def test_counts_grow(pipe):
    before = mpgreen.stats()
    gevent.spawn_later(0.001, os.write, pipe[1], b"x")
    os.read(pipe[0], 1)
    after = mpgreen.stats()
    assert after["waits"] > before["waits"] and after["ready"] > before["ready"]


def test_a_thread_without_a_hub_is_not_attached():
    assert native_thread(mpgreen.attached).join() is False
