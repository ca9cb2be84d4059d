# SPDX-License-Identifier: MIT
"""Attaches the threads that have a gevent hub, for as long as they have it, and no others."""
import atexit
import errno
import functools
import os
import sys

from . import _child, _gevent, _interrupt, _multiprocessing, _start, _streams

_installed = False


def did_patch_all(event=None):
    """gevent's entry point gevent.plugins.monkey.did_patch_all."""
    if not _gevent.loaded():
        return
    if event is not None:
        _start.parent_is_patched(event)
    install()


def install():
    global _installed
    if _installed:
        return
    _installed = True
    from gevent.hub import Hub
    Hub.__init__ = _noticing_birth(Hub.__init__)
    Hub.destroy = _noticing_death(Hub.destroy)
    _turn_after_close()
    _fork_in_threads()
    _interrupt.install()
    _multiprocessing.install()
    _streams.install()
    os.register_at_fork(after_in_child=_forked)
    atexit.register(_gevent.decline)
    _attach_existing(Hub)


def _turn_after_close():
    """Since 25.8 gevent's os.close() closes when the loop turns next, which may be never."""
    import gevent.os
    deferred = getattr(gevent.os, "close", None)
    if deferred is None or os.close is not deferred:
        return

    @functools.wraps(deferred)
    def close(fd):
        deferred(fd)
        _gevent.ring()
    os.close = gevent.os.close = close


def _fork_in_threads():
    """gevent's os.fork() watches the child, which only the first thread's loop can: it raised."""
    import gevent.os
    watching = gevent.os.fork
    if os.fork is not watching:
        return

    @functools.wraps(watching)
    def fork(*args, **kwargs):
        from gevent import get_hub
        if args or kwargs or get_hub().loop.default:
            return watching(*args, **kwargs)
        return gevent.os.fork_gevent()
    os.fork = gevent.os.fork = fork


def attach():
    import gevent
    install()
    _attach(gevent.get_hub())


def _attach(hub):
    _gevent.attach(hub, _interrupt.signals_run_here())


def try_to_attach(hub):
    try:
        _attach(hub)
    except OSError as error:
        # The library has said itself why it is of no use.
        if error.errno == errno.ENOTSUP:
            return
        print("mpgreen: a thread with a hub is not attached: %s" % error, file=sys.stderr)


def _noticing_birth(original):
    @functools.wraps(original)
    def __init__(self, *args, **kwargs):
        from gevent._hub_local import get_hub_if_exists
        original(self, *args, **kwargs)
        # A second hub of a thread is nobody's scheduler.
        if get_hub_if_exists() is None and not _gevent.attached():
            try_to_attach(self)
    return __init__


def _noticing_death(original):
    @functools.wraps(original)
    def destroy(self, *args, **kwargs):
        _gevent.destroyed(self)
        return original(self, *args, **kwargs)
    return destroy


def _attach_existing(hub_class):
    """Hubs older than patch_all(): each thread can only attach itself."""
    from gevent._hub_local import get_hub_if_exists
    import gc
    mine = get_hub_if_exists()
    for hub in [o for o in gc.get_objects() if isinstance(o, hub_class)]:
        if hub is mine:
            if not _gevent.attached():
                try_to_attach(hub)
        elif hub.loop is not None and hasattr(hub.loop, "run_callback_threadsafe"):
            hub.loop.run_callback_threadsafe(try_to_attach, hub)


def _forked():
    _child.forked()
    hub = _gevent.forked()
    if hub is not None:
        try_to_attach(hub)
