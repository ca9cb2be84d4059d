# SPDX-License-Identifier: MIT
"""How an exception raised in a parked greenlet comes out of the C code it is parked in.

The extension keeps it until control is back in Python code of that greenlet. On the main thread a
reserved signal is tripped, whose handler raises it: C functions of Python look for signals when
they are interrupted. Signals do not run on other threads. There the C code ends with an error, and
a trace function on the frame that has called it replaces that error, or whatever comes first.
"""
import signal
import sys

from . import _gevent

_number = 0


def install():
    global _number
    _number = _unused_signal()
    _gevent.interrupt_by(_number, _interrupt_thread)


def _unused_signal():
    for number in range(signal.SIGRTMAX, signal.SIGRTMIN, -1):
        if signal.getsignal(number) == signal.SIG_DFL:
            return number
    raise RuntimeError("mpgreen needs a real-time signal, and none is free")


def signals_run_here():
    """Installs the handler. Only the thread whose signals Python runs can do that."""
    try:
        signal.signal(_number, _gevent.raise_kept)
    except ValueError:
        return False
    signal.siginterrupt(_number, False)
    return True


def _interrupt_thread():
    try:
        frame = sys._getframe(1)
    except ValueError:
        # C code from top to bottom: it gets its error, and there is no Python code to get this.
        _gevent.pop_kept()
        return None
    if sys.gettrace() is None:
        frame.f_trace = _raise_here
        sys.settrace(_ignore)
        return None
    # Another tracer is at work. What is returned is raised asynchronously, a little later.
    return _late(type(_gevent.kept()))


def _ignore(frame, event, argument):
    """For frames that begin before control is back in ours."""


def _raise_here(frame, event, argument):
    error = _gevent.pop_kept()
    frame.f_trace = None
    sys.settrace(None)
    if error is not None:
        raise error


def _late(kind):
    """A class, as PyThreadState_SetAsyncExc() wants, that makes the exception there is."""
    def __new__(cls, error=None, *more):
        # Python asks more than once, and shows what it has got.
        return _gevent.pop_kept() if error is None else error
    return type(kind.__name__, (kind,), {"__new__": __new__})
