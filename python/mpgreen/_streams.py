# SPDX-License-Identifier: MIT
"""Buffered streams that greenlets share.

CPython's BufferedWriter and BufferedReader have a lock, and know who holds it by the thread. A
greenlet that is parked in a write holds it; the next one on the same stream is of the same thread,
so Python takes it for a reentrant call and raises RuntimeError. So open() gives streams on files
that can be waited for, a pipe for instance, buffers that let one greenlet at a time come near that
lock, and so does standard input. All other streams are as ever.
"""
import builtins
import functools
import io
import os
import stat
import sys

from . import _gevent

_original = io.open


def install():
    io.open = builtins.open = _Open()
    sys.stdin = _shared_input(sys.stdin)
    builtins.input = _in_turn(builtins.input)
    if os.environ.get("MPGREEN_STDIO") == "green":
        sys.stdout = _on_same_file(sys.stdout)
        sys.stderr = _on_same_file(sys.stderr)


def _may_park():
    """Other threads have no greenlets that could be parked; the hub cannot wait."""
    from gevent import get_hub, getcurrent
    return _gevent.attached() and getcurrent() is not get_hub()


def _alone(method):
    @functools.wraps(method)
    def call(self, *args, **kwargs):
        if not _may_park():
            return method(self, *args, **kwargs)
        with self.turns:
            return method(self, *args, **kwargs)
    return call


def _in_turn(function):
    """For input(), which on a terminal has a lock of the same kind."""
    from gevent.lock import RLock
    turns = RLock()

    @functools.wraps(function)
    def call(*args):
        if not _may_park():
            return function(*args)
        with turns:
            return function(*args)
    return call


class _Turns:
    def __init__(self, *args, **kwargs):
        from gevent.lock import RLock
        super().__init__(*args, **kwargs)
        self.turns = RLock()


class BufferedWriter(_Turns, io.BufferedWriter):
    write = _alone(io.BufferedWriter.write)
    flush = _alone(io.BufferedWriter.flush)
    close = _alone(io.BufferedWriter.close)


class BufferedReader(_Turns, io.BufferedReader):
    read = _alone(io.BufferedReader.read)
    read1 = _alone(io.BufferedReader.read1)
    readinto = _alone(io.BufferedReader.readinto)
    readinto1 = _alone(io.BufferedReader.readinto1)
    readline = _alone(io.BufferedReader.readline)
    peek = _alone(io.BufferedReader.peek)
    __next__ = _alone(io.BufferedReader.__next__)
    close = _alone(io.BufferedReader.close)


class _Lines(_Turns, io.TextIOWrapper):
    """Whose lines are whole, though each greenlet reads a piece at a time."""
    read = _alone(io.TextIOWrapper.read)
    readline = _alone(io.TextIOWrapper.readline)
    __next__ = _alone(io.TextIOWrapper.__next__)


_SHARED = {io.BufferedWriter: BufferedWriter, io.BufferedReader: BufferedReader}


class _Open:
    """Not a function: one that is an attribute of a class would become a method."""

    def __init__(self):
        functools.update_wrapper(self, _original)

    def __call__(self, *args, **kwargs):
        return _open(*args, **kwargs)


def _open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True,
          opener=None):
    stream = _original(file, mode, buffering, encoding, errors, newline, closefd, opener)
    try:
        can_wait = _gevent.marks(stream.fileno())
    except (OSError, ValueError):
        can_wait = False
    if not can_wait:
        return stream
    if not isinstance(stream, io.TextIOWrapper):
        return _shared(stream, buffering)
    settings = stream.encoding, stream.errors, newline, stream.line_buffering
    text = io.TextIOWrapper(_shared(stream.detach(), buffering), *settings)
    text.mode = mode
    return text


def _shared(buffer, buffering):
    kind = _SHARED.get(type(buffer))
    if kind is None:
        return buffer
    raw = buffer.detach()
    return kind(raw, buffering if buffering > 1 else max(raw._blksize, io.DEFAULT_BUFFER_SIZE))


def _on_same_file(text):
    """For sys.stdout. Whoever has the old one can go on with it."""
    if type(getattr(text, "buffer", None)) is not io.BufferedWriter:
        return text
    text.flush()
    other = io.TextIOWrapper(BufferedWriter(text.buffer.raw), text.encoding, text.errors,
                             line_buffering=text.line_buffering,
                             write_through=text.write_through)
    other.mode = text.mode
    return other


def _shared_input(text):
    """For sys.stdin; the same one if it has been read from, for what it holds nobody can take out."""
    if type(getattr(text, "buffer", None)) is not io.BufferedReader:
        return text
    try:
        if stat.S_ISREG(os.fstat(text.fileno()).st_mode) or _was_read_from(text):
            return text
    except (OSError, ValueError):
        return text
    # As Python itself makes it.
    other = _Lines(BufferedReader(text.buffer.raw), text.encoding, text.errors, "\n",
                   text.line_buffering)
    other.mode = text.mode
    return other


def _was_read_from(text):
    try:
        text.reconfigure(errors=text.errors)
    except io.UnsupportedOperation:
        return True
    return bool(_read_ahead(text.buffer))


def _read_ahead(buffer):
    """peek() reads where there is nothing: from nowhere."""
    raw, fd, name = buffer.raw, buffer.fileno(), buffer.raw.name
    with _original(os.devnull, "rb", 0) as nothing:
        raw.__init__(nothing.fileno(), closefd=False)
        try:
            return buffer.peek()
        finally:
            raw.__init__(fd, closefd=False)
            raw.name = name
