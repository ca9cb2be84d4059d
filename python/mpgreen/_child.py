# SPDX-License-Identifier: MIT
"""A fork child of multiprocessing starts with none of its parent's greenlets.

gevent lets the copies of them run on in the child as soon as it waits. Here they stay where they
are: all that could wake them is stopped. They are kept, too, for one that is collected would run
its finally blocks.
"""
import gc
import itertools
import os

_forked_in = None
_asleep = []

# The parent's I/O, timers and children. Signals are inherited as handlers are; fork and async
# watchers belong to gevent itself.
_STOPPED = ("io", "timer", "idle", "child", "stat")


def forked():
    """Called in every fork child."""
    global _forked_in
    _forked_in = os.getpid()


def clean(_=None):
    """Called in every child of multiprocessing, also in those that were not forked."""
    global _forked_in
    if _forked_in != os.getpid():
        return
    _forked_in = None
    from gevent._hub_local import get_hub_if_exists
    hub = get_hub_if_exists()
    if hub is None or hub.loop is None:
        return
    from . import _gevent
    # Our own watcher goes with the rest, and is made anew.
    if _gevent.attached():
        _gevent.detach()
    _put_to_sleep(hub.loop)
    for callback in list(hub.loop._callbacks):
        callback.stop()
    from ._hubs import try_to_attach
    try_to_attach(hub)


def _put_to_sleep(loop):
    from greenlet import greenlet
    things = gc.get_objects()
    # There are tens of thousands of objects, of some hundred types. To look at them before fork(),
    # in the parent, costs as much there: the pages that it touches are shared with earlier children.
    types = list(map(type, things))
    kinds = set(types)
    greenlets = {kind for kind in kinds if issubclass(kind, greenlet)}
    watchers = {kind for kind in kinds
                if kind.__name__ in _STOPPED and kind.__module__.startswith("gevent.")
                and hasattr(kind, "stop")}

    def of(wanted):
        return itertools.compress(things, map(wanted.__contains__, types))

    _asleep.extend(of(greenlets))
    for thing in of(watchers):
        if getattr(thing, "loop", None) is loop:
            thing.stop()
