# SPDX-License-Identifier: MIT
"""How an exception raised in a parked greenlet comes out of the C code it is parked in.

The extension keeps it until control is back in Python code of that greenlet. On the main thread a
reserved signal is tripped, whose handler raises it: C functions of Python look for signals when
they are interrupted. Signals do not run on other threads, and other C functions do not look. Their
C code ends with an error, and a trace function on the frame that has called it replaces that error,
or whatever comes first.
"""
import errno
import signal
import sys

from . import _gevent

_number = 0


def install():
    global _number
    _number = _unused_signal()
    _gevent.interrupt_by(_number, _raise_here, _elsewhere, _late)


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


def _elsewhere(frame, event, argument):
    """For frames that begin before control is back in ours: C code may call back.

    What makes an InterruptedError of its own is about to try again, as pyzmq does.
    """
    if not _makes_interrupted_error(frame):
        return
    caller = frame.f_back
    while caller is not None and caller.f_trace is not _raise_here:
        caller = caller.f_back
    if caller is not None:
        _raise_here(caller, event, argument)


def _makes_interrupted_error(frame):
    code = frame.f_code
    return (code.co_name == "__init__" and code.co_argcount > 0
            and isinstance(frame.f_locals.get(code.co_varnames[0]), InterruptedError))


def _raise_here(frame, event, argument):
    if event != "exception" or not _of_python(argument[1]):
        _gevent.break_kept()
    error = _gevent.pop_kept()
    frame.f_trace = None
    sys.settrace(None)
    if error is not None:
        raise error


def _of_python(error):
    """One of its own functions has failed: that has not begun to read anything."""
    return type(error) is OSError and error.errno == errno.ECANCELED


def _late(kind):
    """A class, as PyThreadState_SetAsyncExc() wants, that makes the exception there is."""
    def __new__(cls, error=None, *more):
        # Python asks more than once, and shows what it has got.
        return _gevent.pop_kept() if error is None else error
    return type(kind.__name__, (kind,), {"__new__": __new__})
