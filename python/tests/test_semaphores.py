# SPDX-License-Identifier: MIT
"""multiprocessing's locks, contended by processes: the other greenlets go on meanwhile."""
import pytest

HEAD = """
import sys
from gevent import monkey; monkey.patch_all()
import gevent, gevent.threadpool, multiprocessing, os, time
multiprocessing = multiprocessing.get_context(sys.argv[1])

class Ticker:
    def __init__(self):
        self.ticks, self.gap, self.last = 0, 0, time.monotonic()
        self.greenlet = gevent.spawn(self.run)
    def run(self):
        while True:
            gevent.sleep(.005)
            now = time.monotonic()
            self.gap, self.last = max(self.gap, now - self.last), now
            self.ticks += 1
    def check(self, ticks):
        assert self.ticks >= ticks, self.ticks
        self.greenlet.kill()

def in_process(function, *arguments):
    process = multiprocessing.Process(target=function, args=arguments)
    process.start()
    return process

def ended_well(process):
    process.join()
    assert process.exitcode == 0, process.exitcode

class Gone(Exception):
    pass
"""

MAIN = """
def there(function, *arguments):
    if sys.argv[2] == "main":
        function(*arguments)
    else:
        gevent.threadpool.ThreadPool(1).apply(function, arguments)

if __name__ == "__main__":
    main()
    print("done")
"""


@pytest.fixture(params=["auto", "uring", "waitv", "worker"])
def run(request, script):
    """run(body, ...): on the main thread, by fork, as a rule. gevent forks on the main thread only."""
    def run_program(body, method="fork", thread="main"):
        output = script(HEAD + body + MAIN, method, thread, env={"MPGREEN_SEM": request.param})
        assert output == "done\n"
    return run_program


HOLDER = """
def hold(lock, held, seconds):
    with lock:
        held.set()
        time.sleep(seconds)

def held_elsewhere(lock, seconds):
    held = multiprocessing.Event()
    process = in_process(hold, lock, held, seconds)
    held.wait()
    return process
"""

KINDS = ["Lock()", "RLock()", "Semaphore(1)", "BoundedSemaphore(1)"]


@pytest.mark.parametrize("thread", ["main", "thread"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_another_process_holds(run, kind, thread):
    run(HOLDER + f"""
def check(lock):
    ticker = Ticker()
    assert not lock.acquire(block=False)
    assert not lock.acquire(timeout=.05)
    assert lock.acquire()
    ticker.check(10)
    lock.release()

def main():
    lock = multiprocessing.{kind}
    process = held_elsewhere(lock, .5)
    there(check, lock)
    ended_well(process)
""", thread=thread)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_every_start_method(run, method):
    run(HOLDER + """
def main():
    lock = multiprocessing.Lock()
    process = held_elsewhere(lock, .5)
    ticker = Ticker()
    with lock:
        ticker.check(10)
    ended_well(process)
""", method=method)


@pytest.mark.parametrize("thread", ["main", "thread"])
def test_a_timeout_comes_out_as_itself_and_takes_no_token(run, thread):
    run(HOLDER + """
def check(lock):
    ticker = Ticker()
    for acquire in lock.acquire, lambda: lock.acquire(timeout=30):
        began = time.monotonic()
        timeout = gevent.Timeout(.1)
        timeout.start()
        try:
            acquire()
        except gevent.Timeout as caught:
            assert caught is timeout
        else:
            assert False, "no Timeout"
        finally:
            timeout.close()
        assert .09 < time.monotonic() - began < .25
    assert lock.acquire(timeout=10)
    assert not lock.acquire(block=False)
    lock.release()
    assert lock.acquire(block=False)
    lock.release()
    ticker.check(20)

def main():
    lock = multiprocessing.Lock()
    process = held_elsewhere(lock, .6)
    there(check, lock)
    ended_well(process)
""", thread=thread)


def test_a_greenlet_that_is_killed_takes_no_token(run):
    run(HOLDER + """
def main():
    lock = multiprocessing.Semaphore(1)
    process = held_elsewhere(lock, .3)
    def wait():
        try:
            lock.acquire()
        except Gone:
            return "killed"
        return "taken"
    waiters = [gevent.spawn(wait) for _ in range(5)]
    gevent.sleep(.05)
    for waiter in waiters[:4]:
        waiter.kill(Gone, timeout=5)
    assert [waiter.value for waiter in waiters[:4]] == ["killed"] * 4
    assert waiters[4].get(timeout=10) == "taken"
    assert not lock.acquire(block=False)
    ended_well(process)
""")


def test_an_event(run):
    run("""
def work(go, gone):
    go.wait()
    time.sleep(.1)
    gone.set()

def main():
    go, gone = multiprocessing.Event(), multiprocessing.Event()
    process = in_process(work, go, gone)
    ticker = Ticker()
    assert not gone.wait(.05)
    gevent.spawn_later(.1, go.set)
    assert gone.wait(30)
    ticker.check(15)
    ended_well(process)
""")


def test_a_condition(run):
    run("""
def work(condition, number):
    with condition:
        while number.value < 1:
            condition.wait()
        number.value += 1
        condition.notify_all()

def main():
    condition, number = multiprocessing.Condition(), multiprocessing.Value("i", 0, lock=False)
    processes = [in_process(work, condition, number) for _ in range(2)]
    ticker = Ticker()
    def begin():
        while ticker.ticks < 10:
            gevent.sleep(.005)
        with condition:
            number.value = 1
            condition.notify_all()
    beginning = gevent.spawn(begin)
    with condition:
        while number.value < 3:
            assert condition.wait(30)
    beginning.get()
    for process in processes:
        ended_well(process)
""")


def test_a_barrier(run):
    run("""
def work(barrier):
    for _ in range(3):
        time.sleep(.2)
        barrier.wait(30)

def main():
    barrier = multiprocessing.Barrier(3)
    processes = [in_process(work, barrier) for _ in range(2)]
    ticker = Ticker()
    for _ in range(3):
        barrier.wait(30)
    ticker.check(15)
    for process in processes:
        ended_well(process)
""")


def test_greenlets_and_processes_share_the_tokens(run):
    run("""
ROUNDS = 200

def count(lock, number):
    for _ in range(ROUNDS):
        with lock:
            before = number.value
            if before % 7 == 0:
                gevent.sleep(0)
            number.value = before + 1

def work(lock, number):
    gevent.joinall([gevent.spawn(count, lock, number) for _ in range(5)], raise_error=True)

def main():
    lock, number = multiprocessing.Lock(), multiprocessing.Value("i", 0, lock=False)
    processes = [in_process(work, lock, number) for _ in range(2)]
    work(lock, number)
    for process in processes:
        ended_well(process)
    assert number.value == 15 * ROUNDS, number.value
""")


def test_a_thousand_greenlets_wait_for_one_semaphore(run):
    run("""
def work(semaphore, ready):
    ready.wait()
    for _ in range(1000):
        semaphore.release()

def main():
    semaphore, ready = multiprocessing.Semaphore(0), multiprocessing.Event()
    process = in_process(work, semaphore, ready)
    waiters = [gevent.spawn(semaphore.acquire) for _ in range(1000)]
    gevent.sleep(.2)
    ready.set()
    gevent.joinall(waiters, timeout=50, raise_error=True)
    assert all(waiter.value for waiter in waiters)
    assert not semaphore.acquire(block=False)
    ended_well(process)
""")
