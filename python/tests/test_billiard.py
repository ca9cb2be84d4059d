# SPDX-License-Identifier: MIT
"""billiard, which Celery uses: what test_blocking_cases.py has of multiprocessing, in programs."""
import pytest

pytest.importorskip("billiard")

# Of a module: a child of billiard does not import the main module of its parent.
WORK = """
import sys, time

def sends(there):
    there.recv()
    time.sleep(.1)
    there.send_bytes(b"p" * (1 << 22))

def puts(queue, other):
    for i in range(3):
        time.sleep(.05)
        queue.put(i)
    assert other.get() == "last"

def holds(lock, here):
    with lock:
        here.send("held")
        time.sleep(.35)

def sets(event, condition, semaphore):
    time.sleep(.35)
    event.set()
    time.sleep(.1)
    with condition:
        condition.notify_all()
    time.sleep(.1)
    semaphore.release()

def exits(status):
    time.sleep(.3)
    sys.exit(status)

def square(n):
    time.sleep(.01)
    return n * n
"""

HEAD = """
from gevent import monkey; monkey.patch_all()
import sys, time
import billiard, gevent
import work

class Ticker:
    def __init__(self):
        self.ticks = 0
        gevent.spawn(self.run)
    def run(self):
        while True:
            gevent.sleep(.005)
            self.ticks += 1
    def has_run(self):
        ticks, self.ticks = self.ticks, 0
        assert ticks > 10, ticks

def started(function, *arguments):
    process = context.Process(target=function, args=arguments)
    process.start()
    return process

def interrupted(call, *arguments):
    for kill in False, True:
        if kill:
            waiting = gevent.spawn(call, *arguments)
            gevent.sleep(.02)
            assert not waiting.ready()
            waiting.kill(timeout=1)
            assert isinstance(waiting.value, gevent.GreenletExit), waiting
        else:
            timeout = gevent.Timeout.start_new(.05)
            try:
                call(*arguments)
                raise AssertionError("not interrupted")
            except gevent.Timeout as caught:
                assert caught is timeout
"""

MAIN = """
if __name__ == "__main__":
    context = billiard.get_context(sys.argv[1])
    ticker = Ticker()
    main()
    print("done")
"""


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def run(request, script, tmp_path):
    (tmp_path / "work.py").write_text(WORK)

    def run(main):
        assert script(HEAD + main + MAIN, request.param, timeout=40) == "done\n"
    return run


def test_pipes(run):
    run("""
def main():
    for duplex in True, False:
        here, there = context.Pipe()
        process = started(work.sends, there)
        interrupted(here.recv_bytes)
        here.send("go")
        assert here.recv_bytes() == b"p" * (1 << 22)
        process.join()
        ticker.has_run()
""")


def test_queues(run):
    run("""
def main():
    for kind in "Queue", "JoinableQueue", "SimpleQueue":
        queue, other = getattr(context, kind)(), context.Queue()
        interrupted(queue.get)
        if kind != "SimpleQueue":
            interrupted(queue.get, True, 30)
        process = started(work.puts, queue, other)
        assert [queue.get() for _ in range(3)] == [0, 1, 2]
        other.put("last")
        process.join()
        ticker.has_run()
""")


def test_locks(run):
    run("""
def main():
    for kind in "Lock", "RLock", "Semaphore", "BoundedSemaphore":
        lock = getattr(context, kind)()
        here, there = context.Pipe()
        process = started(work.holds, lock, there)
        here.recv()
        interrupted(lock.acquire)
        interrupted(lock.acquire, True, 30)
        assert lock.acquire()
        lock.release()
        process.join()
        ticker.has_run()
""")


def test_events_and_conditions(run):
    run("""
def main():
    event, condition, semaphore = context.Event(), context.Condition(), context.Semaphore(0)
    def wait(*timeout):
        with condition:
            return condition.wait(*timeout)
    process = started(work.sets, event, condition, semaphore)
    interrupted(event.wait)
    interrupted(event.wait, 30)
    interrupted(wait)
    waiting = gevent.spawn(wait, 30)
    assert event.wait(30)
    assert waiting.get()
    assert semaphore.acquire(timeout=30)
    process.join()
    ticker.has_run()
""")


def test_processes(run):
    run("""
from billiard.connection import wait

def main():
    process = started(work.exits, 7)
    interrupted(process.join)
    interrupted(process.join, 30)
    interrupted(wait, [process.sentinel])
    process.join()
    assert process.exitcode == 7
    process = started(work.exits, 7)
    process.terminate()
    process.join()
    assert process.exitcode not in (0, 7), process.exitcode
    ticker.has_run()
""")


def test_pools(run):
    """Their end is left out: to terminate one takes billiard half a minute, with gevent or without."""
    run("""
import os, signal

def main():
    pool = context.Pool(2)
    assert pool.map(work.square, range(30)) == [n * n for n in range(30)]
    assert pool.apply_async(work.square, (5,)).get(30) == 25
    interrupted(pool.apply, time.sleep, (.3,))
    assert pool.apply(work.square, (5,)) == 25
    ticker.has_run()
    for process in pool._pool:
        os.kill(process.pid, signal.SIGKILL)
    print("done", flush=True)
    os._exit(0)
""")
