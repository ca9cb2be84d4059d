# SPDX-License-Identifier: MIT
"""Blocking calls of C code, made cooperative under gevent.

Preload libmpgreen.so and call gevent.monkey.patch_all(): nothing else is needed, and nothing here
needs to be called. Without the preload, or without gevent, importing this package changes nothing.
"""
import contextlib

from . import _gevent

__all__ = ["loaded", "version", "attach", "detach", "attached", "mark", "unmark", "marks", "wake",
           "stats", "native"]

loaded = _gevent.loaded
version = _gevent.version
detach = _gevent.detach
attached = _gevent.attached
unmark = _gevent.unmark
marks = _gevent.marks
wake = _gevent.wake
stats = _gevent.stats


def attach():
    """Let this thread's blocking calls wait in its gevent hub; patch_all() does it by itself."""
    from . import _hubs
    _hubs.attach()


def mark(fd, always=False):
    """Make calls on fd cooperative whatever its kind; `always`: even if it is non-blocking."""
    _gevent.mark(fd, _gevent.ALWAYS if always else 0)


@contextlib.contextmanager
def native():
    """A section whose calls block the thread. Do not switch greenlets by other means inside."""
    token = _gevent.native_enter()
    try:
        yield
    finally:
        _gevent.native_leave(token)
