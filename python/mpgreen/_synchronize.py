# SPDX-License-Identifier: MIT
"""RLock and Condition of multiprocessing, for greenlets.

CPython's SemLock knows the owner of a recursive mutex by its thread, and all greenlets of a thread
are that. Here the semaphore is the same, and so is what is pickled: processes that know nothing of
this share the lock. Only who owns it, and how often, is kept elsewhere.
"""
import functools

from greenlet import getcurrent


class RecursiveSemLock:
    """Around a SemLock that is no recursive one, what one of that kind has."""

    def __init__(self, semlock, kind):
        self._semlock = semlock
        self._owner = None
        self._times = 0
        self.kind = kind
        for name in "handle", "maxvalue", "name", "_get_value", "_is_zero":
            if hasattr(semlock, name):
                setattr(self, name, getattr(semlock, name))

    def acquire(self, block=True, timeout=None):
        me = getcurrent()
        if self._owner is me:
            self._times += 1
            return True
        if not self._semlock.acquire(block, timeout):
            return False
        self._owner = me
        self._times = 1
        return True

    def release(self):
        if self._owner is not getcurrent():
            raise AssertionError("attempt to release recursive lock not owned by thread")
        if self._times == 1:
            self._owner = None
            self._times = 0
            self._semlock.release()
        else:
            self._times -= 1

    def __enter__(self):
        return self.acquire()

    def __exit__(self, kind=None, value=None, traceback=None):
        self.release()

    def _is_mine(self):
        return self._owner is getcurrent()

    def _count(self):
        return self._times

    def _after_fork(self):
        self._owner = None
        self._times = 0
        self._semlock._after_fork()


def install(synchronize):
    """On the module, of multiprocessing or billiard."""
    _own_by_greenlets(synchronize.RLock, synchronize.SemLock, synchronize)
    condition = synchronize.Condition
    condition.wait = functools.wraps(condition.wait)(_wait)


def _own_by_greenlets(rlock, base, kinds):
    def wrap(self):
        self._semlock = RecursiveSemLock(self._semlock, kinds.RECURSIVE_MUTEX)
        self._make_methods()

    @functools.wraps(rlock.__init__)
    def __init__(self, *args, **kwargs):
        base.__init__(self, kinds.SEMAPHORE, 1, 1, *args, **kwargs)
        wrap(self)

    @functools.wraps(rlock.__setstate__)
    def __setstate__(self, state):
        base.__setstate__(self, (state[0], kinds.SEMAPHORE) + tuple(state[2:]))
        wrap(self)

    rlock.__init__ = __init__
    rlock.__setstate__ = __setstate__


def _wait(self, timeout=None):
    """Condition.wait(), which has the lock again whatever it ends with.

    Otherwise its owner-to-be would release a lock that it does not have, which is an error of its
    own, or frees that of another process.
    """
    semlock = self._lock._semlock
    assert semlock._is_mine(), "must acquire() condition before using wait()"
    self._sleeping_count.release()
    times = semlock._count()
    for _ in range(times):
        self._lock.release()
    try:
        return self._wait_semaphore.acquire(True, timeout)
    finally:
        self._woken_count.release()
        _acquire(self._lock, times)


def _acquire(lock, times):
    interrupt = None
    while times:
        try:
            lock.acquire()
            times -= 1
        except BaseException as error:
            # What the lock itself raises is of just these types; a Timeout may raise any other.
            if type(error) in (AssertionError, OSError, ValueError):
                raise
            interrupt = error
    if interrupt is not None:
        raise interrupt
