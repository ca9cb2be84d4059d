# SPDX-License-Identifier: MIT
"""multiprocessing and billiard: connections whose sockets gevent has made non-blocking."""
import functools

from . import _gevent
from ._modules import when_imported


def install():
    when_imported("multiprocessing.connection", _mark_connections)
    when_imported("billiard.connection", _mark_connections)


def _mark_connections(module):
    connection = getattr(module, "_ConnectionBase", None)
    if connection is not None:
        connection.__init__ = _marking(connection.__init__)


def _marking(original):
    @functools.wraps(original)
    def __init__(self, handle, *args, **kwargs):
        original(self, handle, *args, **kwargs)
        try:
            _gevent.mark(handle.__index__(), _gevent.ALWAYS)
        except OSError:
            # Not open, or nothing that can be waited for: the first use will say so.
            pass
    return __init__
