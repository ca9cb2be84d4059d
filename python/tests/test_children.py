# SPDX-License-Identifier: MIT
"""Waiting for children: other greenlets go on, no status is lost, exceptions come out in time."""
import ctypes
import os
import signal
import subprocess
import time

import gevent
import pytest
from gevent import monkey

from conftest import settle

libc = ctypes.CDLL(None, use_errno=True)
libc.popen.restype = ctypes.c_void_p
libc.pclose.argtypes = [ctypes.c_void_p]

# gevent has its own, and knows the children that it starts.
posix_spawn = monkey.get_original("os", "posix_spawn")

STATUS = 7
LONG = 60


@pytest.fixture(autouse=True)
def gevent_reaps():
    """From its first child on gevent takes the status of every child."""
    assert subprocess.call(["true"]) == 0
    yield
    while has_child():
        gevent.sleep(0.01)


def has_child():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    except ChildProcessError:
        return False


class Children:
    """Starts children, and sees to it that none is left."""

    def __init__(self):
        self.pids = []

    def start(self, seconds):
        command = "sleep %s; exit %d" % (seconds, STATUS)
        self.pids.append(posix_spawn("/bin/sh", ["sh", "-c", command], os.environ))
        return self.pids[-1]

    def end(self):
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


@pytest.fixture
def children():
    children = Children()
    yield children
    children.end()


def c_waitpid(pid, whom=None):
    status = ctypes.c_int()
    assert libc.waitpid(whom or pid, ctypes.byref(status), 0) == pid
    return os.WEXITSTATUS(status.value)


def c_fork(seconds):
    pid = libc.fork()
    if pid == 0:
        libc.usleep(int(seconds * 1e6))
        libc._exit(STATUS)
    return pid


def of_tuple(result):
    return os.WEXITSTATUS(result[1])


def of_pidfd(pid):
    fd = os.pidfd_open(pid)
    try:
        return os.waitid(os.P_PIDFD, fd, os.WEXITED).si_status
    finally:
        os.close(fd)


ONE = {
    "waitpid in C": c_waitpid,
    "os.waitpid": lambda pid: of_tuple(os.waitpid(pid, 0)),
    "os.waitpid for stops too": lambda pid: of_tuple(os.waitpid(pid, os.WUNTRACED)),
    "os.wait4": lambda pid: of_tuple(os.wait4(pid, 0)),
    "os.waitid": lambda pid: os.waitid(os.P_PID, pid, os.WEXITED).si_status,
}
if hasattr(os, "pidfd_open"):
    ONE["os.waitid of a pidfd"] = of_pidfd

ANY = {
    "os.wait": lambda pid: of_tuple(os.wait()),
    "os.wait3": lambda pid: of_tuple(os.wait3(0)),
    "os.wait4 for any": lambda pid: of_tuple(os.wait4(-1, 0)),
    "waitpid in C for any": lambda pid: c_waitpid(pid, -1),
    "os.waitpid for its group": lambda pid: of_tuple(os.waitpid(0, 0)),
    "os.waitid for any": lambda pid: os.waitid(os.P_ALL, 0, os.WEXITED).si_status,
}


def by_name(table):
    return pytest.mark.parametrize("wait", list(table.values()), ids=list(table))


def shell(seconds):
    return "sleep %s; exit %d" % (seconds, STATUS)


def c_popen(seconds):
    stream = libc.popen(shell(seconds).encode(), b"r")
    return os.WEXITSTATUS(libc.pclose(stream))


def os_popen(seconds):
    return os.WEXITSTATUS(os.popen(shell(seconds)).close())


def os_fork(seconds):
    pid = os.fork()
    if pid == 0:
        time.sleep(seconds)
        os._exit(STATUS)
    return of_tuple(os.waitpid(pid, 0))


WHOLE = {
    "os.system": lambda seconds: os.WEXITSTATUS(os.system(shell(seconds))),
    "os.popen": os_popen,
    "popen in C": c_popen,
    "subprocess": lambda seconds: subprocess.call(shell(seconds), shell=True),
    "subprocess with all fds":
        lambda seconds: subprocess.call(shell(seconds), shell=True, close_fds=False),
    "os.fork": os_fork,
    "fork in C": lambda seconds: c_waitpid(c_fork(seconds)),
}


class Gaps:
    """A greenlet that wakes every 10 ms, and the longest time it could not."""

    def __enter__(self):
        self.longest = 0
        self.greenlet = gevent.spawn(self.run)
        settle()
        return self

    def run(self):
        last = time.monotonic()
        while True:
            gevent.sleep(0.01)
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now

    def __exit__(self, *error):
        settle()
        self.greenlet.kill()


def longest_gap(function):
    """Of three times the best: a busy machine may stop us, a call that blocks does so each time."""
    def once():
        with Gaps() as gaps:
            assert gevent.spawn(function).get() == STATUS
        return gaps.longest
    return min(once() for _ in range(3))


@by_name(dict(ONE, **ANY))
def test_other_greenlets_go_on(wait, children):
    assert longest_gap(lambda: wait(children.start(0.1))) < 0.05


@by_name(WHOLE)
def test_other_greenlets_go_on_from_start_to_end(wait):
    assert longest_gap(lambda: wait(0.1)) < 0.05


@by_name(ONE)
def test_a_status_that_gevent_has_taken_is_not_lost(wait, children):
    if wait is of_pidfd:
        pytest.skip("a pidfd does not tell whose it was")
    pid = children.start(0)
    while os.path.exists("/proc/%d" % pid):
        gevent.sleep(0.001)
    assert wait(pid) == STATUS
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_an_unknown_child_is_unknown_still():
    with pytest.raises(ChildProcessError):
        os.waitpid(os.getppid(), 0)
    assert not has_child()


def soonest(function):
    """How late the best of three ends was, for the same reason."""
    return min(function() for _ in range(3))


def timed_out_after(function):
    began = time.monotonic()
    with pytest.raises(gevent.Timeout):
        with gevent.Timeout(0.2):
            function()
    return time.monotonic() - began


@by_name(dict(ONE, **ANY))
def test_a_timeout_comes_out_in_time_and_the_child_can_be_waited_for(wait, children):
    pid = children.start(LONG)
    assert soonest(lambda: timed_out_after(lambda: wait(pid))) < 0.3
    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0) == (pid, signal.SIGKILL)


@by_name({name: WHOLE[name] for name in ("os.system", "popen in C", "subprocess", "fork in C")})
def test_a_timeout_comes_out_of_the_whole_in_time(wait):
    assert soonest(lambda: timed_out_after(lambda: wait(1))) < 0.3


@by_name(dict(ONE, **ANY))
def test_kill_ends_the_waiting_greenlet_and_the_child_can_be_waited_for(wait, children):
    pid = children.start(LONG)

    def killed_after():
        waiting = gevent.spawn(wait, pid)
        settle()
        began = time.monotonic()
        waiting.kill(timeout=5)
        assert isinstance(waiting.value, gevent.GreenletExit)
        return time.monotonic() - began
    assert soonest(killed_after) < 0.1
    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0) == (pid, signal.SIGKILL)


def test_the_shell_of_a_system_that_is_killed_ends_with_it(tmp_path):
    mark = tmp_path / "pid"
    waiting = gevent.spawn(os.system, "echo $$ >%s.new; mv %s.new %s; exec sleep 60" % ((mark,) * 3))
    while not mark.exists():
        gevent.sleep(0.01)
    pid = int(mark.read_text())
    waiting.kill(timeout=5)
    assert not os.path.exists("/proc/%d" % pid)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_many_children_each_with_a_greenlet():
    def one(i):
        return os.WEXITSTATUS(os.system("sleep 0.%d; exit %d" % (2 + i % 3, i)))

    def all_of_them():
        waiting = [gevent.spawn(one, i) for i in range(20)]
        gevent.joinall(waiting, timeout=20)
        assert [greenlet.value for greenlet in waiting] == list(range(20))
        return STATUS
    assert longest_gap(all_of_them) < 0.2


LOST = """
from gevent import monkey; monkey.patch_all()
import ctypes, gevent, os, subprocess
subprocess.call(["true"])
libc = ctypes.CDLL(None, use_errno=True)
pid = libc.fork()
if pid == 0:
    libc._exit(7)
gevent.sleep(.2)
status = ctypes.c_int()
print(libc.waitpid(pid, ctypes.byref(status), 0) == pid, os.WEXITSTATUS(status.value))
"""


def test_without_the_library_it_is_lost_and_with_it_is_not(script):
    assert script(LOST, preload=False) == "False 0\n"
    assert script(LOST) == "True 7\n"


SPAWN = """
from gevent import monkey; monkey.patch_all()
import gevent, multiprocessing, os, subprocess, sys

def work():
    os._exit(7)

if __name__ == "__main__":
    subprocess.call(["true"])
    context = multiprocessing.get_context(sys.argv[1])
    process = context.Process(target=work)
    process.start()
    while os.path.exists("/proc/%d" % process.pid):
        gevent.sleep(.01)
        if sys.argv[2] == "join":
            process.join()
    process.join(5)
    print(process.exitcode)
"""


@pytest.mark.parametrize("when", ["join", "later"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_of_multiprocessing_has_its_exit_code(script, method, when):
    assert script(SPAWN, method, when) == "7\n"


def test_no_fd_is_left_behind(children, no_fd_leaks):
    for wait in list(ONE.values()) + list(ANY.values()):
        assert wait(children.start(0.01)) == STATUS
