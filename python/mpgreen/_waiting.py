# SPDX-License-Identifier: MIT
"""Where gevent's patches do harm in multiprocessing, and are not needed, for its calls wait in C.

connection.wait(), and with it the poll() of connections, goes by the poll() of libc. gevent's own,
which is several times as slow, ends the process with libev's abort() when an fd is not open.

The resource sharer blocks all signals in its thread. That is a greenlet of the main thread then,
and the whole program would get no signal any more: no Ctrl-C, and no child that has ended.
"""
import selectors
import signal


def install_selector(connection):
    if getattr(connection, "_WaitSelector", None) is selectors.PollSelector:
        connection._WaitSelector = _selector()


def _selector():
    from gevent import get_hub, getcurrent, monkey, sleep
    from . import _gevent

    class Selector(selectors.PollSelector):
        _selector_cls = monkey.get_original("select", "poll")

        def select(self, timeout=None):
            ready = super().select(timeout)
            # A look that does not wait never lets others run. In a loop of such looks they must.
            if (not ready and timeout is not None and timeout <= 0 and _gevent.attached()
                    and getcurrent() is not get_hub()):
                sleep(0)
            return ready

    return Selector


def install_signals(resource_sharer):
    resource_sharer.signal = _Signals()


class _Signals:
    """The module signal, for a function that looks whether it has pthread_sigmask."""

    def __getattr__(self, name):
        from gevent import monkey
        if name == "pthread_sigmask" and monkey.is_module_patched("threading"):
            raise AttributeError(name)
        return getattr(signal, name)
