# SPDX-License-Identifier: MIT
"""multiprocessing and billiard, hooked where what they do is not a matter of blocking calls alone.

Handles that gevent has made non-blocking; children that are clean, and patched as their parent is;
recursive locks whose owners are greenlets.
"""
import functools

from . import _child, _gevent, _start, _synchronize, _waiting
from ._modules import when_imported


def install():
    for package in "multiprocessing", "billiard":
        when_imported(package + ".connection", _mark_connections)
        when_imported(package + ".util", _clean_children)
        when_imported(package + ".spawn", _clean_served)
        when_imported(package + ".synchronize", _synchronize.install)
        when_imported(package + ".managers", _abandon_calls)
        when_imported(package + ".resource_sharer", _waiting.install_signals)
    when_imported("multiprocessing.connection", _waiting.install_selector)
    for module in "multiprocessing.util", "billiard.forkserver", "billiard.popen_spawn_posix":
        when_imported(module, _patch_children)


def _mark_connections(module):
    connection = getattr(module, "_ConnectionBase", None)
    if connection is not None:
        connection.__init__ = _marking(connection.__init__)


def _clean_children(module):
    # The registry holds its keys weakly: a module lives long enough.
    module.register_after_fork(_child, _child.clean)


def _clean_served(module):
    module._main = _start.cleaning(module._main)


def _patch_children(module):
    module.spawnv_passfds = _start.patching(module.spawnv_passfds)


def _abandon_calls(module):
    proxy = module.BaseProxy
    proxy._callmethod = _abandoning(proxy._callmethod)


def _abandoning(original):
    """The answer to a call that is interrupted must not be taken for that to the next one."""
    @functools.wraps(original)
    def _callmethod(self, *args, **kwargs):
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            # What the manager has answered is raised by the method itself.
            method = error.__traceback__.tb_next
            interrupted = method is not None and method.tb_next is not None
            connection = getattr(self._tls, "connection", None)
            if interrupted and connection is not None:
                del self._tls.connection
                connection.close()
            raise
    return _callmethod


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
