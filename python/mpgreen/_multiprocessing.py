# SPDX-License-Identifier: MIT
"""multiprocessing and billiard: handles that gevent has made non-blocking, and clean children."""
import functools

from . import _child, _gevent
from ._modules import when_imported


def install():
    when_imported("multiprocessing.connection", _mark_connections)
    when_imported("billiard.connection", _mark_connections)
    when_imported("multiprocessing.util", _clean_children)
    when_imported("billiard.util", _clean_children)


def _mark_connections(module):
    connection = getattr(module, "_ConnectionBase", None)
    if connection is not None:
        connection.__init__ = _marking(connection.__init__)


def _clean_children(module):
    # The registry holds its keys weakly: a module lives long enough.
    module.register_after_fork(_child, _child.clean)


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
