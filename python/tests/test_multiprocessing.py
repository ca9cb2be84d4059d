# SPDX-License-Identifier: MIT
"""multiprocessing as it is, in programs of their own; each prints what it has seen."""
import pytest

METHODS = ["fork", "spawn", "forkserver"]

HEAD = """
import sys
from gevent import monkey; monkey.patch_all()
import gevent, multiprocessing, os, time

class Ticker:
    def __init__(self):
        self.ticks, self.gap, self.last = 0, 0, time.monotonic()
        gevent.spawn(self.run)
    def run(self):
        while True:
            gevent.sleep(.005)
            now = time.monotonic()
            self.gap, self.last = max(self.gap, now - self.last), now
            self.ticks += 1

def slowly(seconds):
    gevent.sleep(seconds)
"""

MAIN = """
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    main()
"""


def program(body):
    return HEAD + body + MAIN


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def test_a_pipe_to_a_process(script, method):
    assert script(program("""
def work(connection):
    for _ in range(3):
        value = connection.recv()
        slowly(.1)
        connection.send(value * 2)

def main():
    for duplex in True, False:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=work, args=(there,))
        process.start()
        ticker = Ticker()
        for i in range(3):
            here.send(i)
            assert here.recv() == 2 * i
        assert ticker.ticks > 10, ticker.ticks
        process.join()
        assert process.exitcode == 0
    print("done")
"""), method) == "done\n"


def test_a_queue_from_a_process(script, method):
    assert script(program("""
def work(queue):
    for i in range(5):
        slowly(.05)
        queue.put(i)

def main():
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=work, args=(queue,))
    process.start()
    ticker = Ticker()
    assert [queue.get() for _ in range(5)] == list(range(5))
    assert ticker.ticks > 10, ticker.ticks
    process.join()
    print("done")
"""), method) == "done\n"


def test_a_manager(script, method):
    assert script(program("""
def work(d, event):
    event.wait()
    slowly(.1)
    d["answer"] = 42

def main():
    with multiprocessing.Manager() as manager:
        d, event = manager.dict(), manager.Event()
        process = multiprocessing.Process(target=work, args=(d, event))
        process.start()
        ticker = Ticker()
        gevent.spawn_later(.1, event.set)
        event.wait()
        process.join()
        assert d["answer"] == 42
        assert ticker.ticks > 10, ticker.ticks
    print("done")
"""), method) == "done\n"


def test_big_messages_both_ways_at_once(script, method):
    assert script(program("""
SIZE = 1 << 22

def work(connection):
    sending = gevent.spawn(connection.send_bytes, b"c" * SIZE)
    assert connection.recv_bytes() == b"p" * SIZE
    sending.get()

def main():
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=work, args=(there,))
    process.start()
    ticker = Ticker()
    sending = gevent.spawn(here.send_bytes, b"p" * SIZE)
    assert here.recv_bytes() == b"c" * SIZE
    sending.get()
    process.join()
    assert process.exitcode == 0
    print("done")
"""), method) == "done\n"


def test_children_of_children_are_green_too(script, method):
    assert script(program("""
def work(connection, depth):
    import mpgreen
    ticker = Ticker()
    if depth:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=work, args=(there, depth - 1))
        process.start()
        connection.send(here.recv() + [(mpgreen.attached(), ticker.ticks > 3)])
        process.join()
    else:
        slowly(.1)
        connection.send([(mpgreen.attached(), ticker.ticks > 3)])

def main():
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=work, args=(there, 2))
    process.start()
    assert here.recv() == [(True, True)] * 3
    process.join()
    print("done")
"""), method) == "done\n"


def test_a_listener_and_a_client(script):
    assert script(program("""
from multiprocessing.connection import Client, Listener

def work(address):
    with Client(address, authkey=b"key") as client:
        for _ in range(3):
            client.send(client.recv() + 1)

def main():
    with Listener(authkey=b"key") as listener:
        process = multiprocessing.Process(target=work, args=(listener.address,))
        process.start()
        ticker = Ticker()
        with listener.accept() as connection:
            for i in range(3):
                slowly(.05)
                connection.send(i)
                assert connection.recv() == i + 1
        process.join()
    print("done")
"""), "fork") == "done\n"


def test_a_forked_process_has_none_of_the_parents_greenlets(script):
    assert script(program("""
def work(connection):
    seen.clear()
    slowly(.2)
    connection.send(seen)
    gevent.spawn(seen.append, "own").join()
    connection.send(seen)

seen = []

def chatter(name):
    while True:
        gevent.sleep(.01)
        seen.append(name)

def reader(fd):
    seen.append(os.read(fd, 1))

def cleaned_up():
    try:
        gevent.sleep(1000)
    finally:
        os.write(2, b"a finally block of the parent's has run in the child")

def main():
    r, w = os.pipe()
    for i in range(3):
        gevent.spawn(chatter, i)
    gevent.spawn(reader, r)
    gevent.spawn(cleaned_up)
    gevent.sleep(.05)
    def start():
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=work, args=(there,))
        process.start()
        os.write(w, b"x")
        assert here.recv() == []
        assert here.recv() == ["own"]
        process.join()
        assert process.exitcode == 0, process.exitcode
    start()
    gevent.spawn(start).get()
    assert b"x" in seen
    print("done")
    sys.stdout.flush()
    os._exit(0)
"""), "fork") == "done\n"


def test_subprocess_works(script):
    assert script(program("""
import subprocess

def main():
    ticker = Ticker()
    done = subprocess.run(["sh", "-c", "sleep .2; cat; exit 3"], input=b"in", stdout=subprocess.PIPE)
    assert (done.stdout, done.returncode) == (b"in", 3)
    assert ticker.ticks > 10, ticker.ticks
    assert subprocess.check_output(["echo", "out"]) == b"out\\n"
    print("done")
"""), "fork") == "done\n"


def test_a_pool_does_all_it_can(script, method):
    assert script(program("""
def square(n):
    time.sleep(.001)
    return n * n

def add(a, b):
    return a + b

def fails(n):
    raise KeyError(n)

def pid(_):
    time.sleep(.001)
    return os.getpid()

def main():
    ticker = Ticker()
    squares = [n * n for n in range(50)]
    heard = []
    with multiprocessing.Pool(3) as pool:
        assert pool.apply(add, (1, 2)) == pool.apply(add, (), {"a": 1, "b": 2}) == 3
        assert pool.map(square, range(50), 7) == squares
        assert list(pool.imap(square, range(50))) == squares
        assert sorted(pool.imap_unordered(square, range(50), 3)) == squares
        assert pool.starmap(add, [(1, 2), (3, 4)]) == [3, 7]
        assert pool.starmap_async(add, [(1, 2)]).get() == [3]
        result = pool.map_async(square, range(50), callback=heard.append)
        assert result.get(30) == squares and result.successful() and heard == [squares]
        result = pool.apply_async(fails, (1,), error_callback=heard.append)
        result.wait()
        assert not result.successful() and type(heard.pop()) is KeyError
        try:
            pool.map(fails, range(3))
        except KeyError:
            pass
    pool.join()
    with multiprocessing.Pool(2, maxtasksperchild=2) as pool:
        assert len(set(pool.map(pid, range(12), 1))) > 3
        pool.close()
        pool.join()
    assert ticker.ticks > 10, ticker.ticks
    print("done")
"""), method) == "done\n"


def test_a_pool_is_terminated_while_its_workers_work(script, method):
    assert script(program("""
def main():
    ticker = Ticker()
    for _ in range(3):
        pool = multiprocessing.Pool(2)
        result = pool.map_async(time.sleep, [60] * 10, 1)
        slowly(.05)
        pool.terminate()
        pool.join()
    assert ticker.ticks > 10, ticker.ticks
    print("done")
"""), method) == "done\n"


def test_processes_end_in_every_way(script, method):
    assert script(program("""
import signal

def work(how):
    if how == "exit":
        sys.exit(3)
    if how == "raise":
        sys.stderr.close()
        raise KeyError
    while how == "wait":
        time.sleep(60)

def main():
    from multiprocessing.connection import wait
    ticker = Ticker()
    codes = []
    for how in "return", "exit", "raise":
        process = multiprocessing.Process(target=work, args=(how,))
        process.start()
        assert wait([process.sentinel], 30) == [process.sentinel]
        process.join()
        codes.append(process.exitcode)
        process.close()
    for end in "terminate", "kill":
        process = multiprocessing.Process(target=work, args=("wait",))
        process.start()
        process.join(.05)
        assert process.is_alive() and process.exitcode is None
        getattr(process, end)()
        process.join(30)
        assert not process.is_alive()
        codes.append(process.exitcode)
    assert codes == [0, 3, 1, -signal.SIGTERM, -signal.SIGKILL], codes
    assert multiprocessing.active_children() == []
    assert ticker.ticks > 10, ticker.ticks
    print("done")
"""), method) == "done\n"


def test_shared_memory(script, method):
    assert script(program("""
from multiprocessing import shared_memory
from multiprocessing.managers import SharedMemoryManager

def work(name, several, value, array):
    memory = shared_memory.SharedMemory(name)
    memory.buf[:5] = b"child"
    memory.close()
    several[1] = "child"
    with value.get_lock():
        value.value += 1
    array[2] = 2.5

def main():
    value, array = multiprocessing.Value("i", 1), multiprocessing.Array("d", 3)
    with SharedMemoryManager() as manager:
        memory, several = manager.SharedMemory(1 << 16), manager.ShareableList([1, "parent", None])
        process = multiprocessing.Process(target=work, args=(memory.name, several, value, array))
        process.start()
        process.join()
        assert process.exitcode == 0
        assert bytes(memory.buf[:5]) == b"child" and several[1] == "child"
        memory.close()
        several.shm.close()
    assert value.value == 2 and array[:] == [0, 0, 2.5]
    own = shared_memory.SharedMemory(create=True, size=10)
    own.close()
    own.unlink()
    print("done")
"""), method, timeout=30) == "done\n"


def test_the_managers_objects(script, method):
    assert script(program("""
import queue

def work(o):
    o["list"].append(1)
    o["dict"]["a"] = o["Namespace"].x
    o["Value"].value += 1
    o["Array"][0] = 7
    o["Queue"].put("item")
    o["JoinableQueue"].get()
    o["JoinableQueue"].task_done()
    with o["Condition"]:
        o["Condition"].notify_all()
    o["Event"].set()
    o["Semaphore"].release()
    o["Barrier"].wait()
    with o["Lock"], o["RLock"], o["RLock"], o["BoundedSemaphore"]:
        pass

def main():
    ticker = Ticker()
    with multiprocessing.Manager() as manager:
        o = {name: getattr(manager, name)() for name in (
            "list", "dict", "Namespace", "Queue", "JoinableQueue", "Condition", "Event", "Lock",
            "RLock", "BoundedSemaphore")}
        o["Value"], o["Array"] = manager.Value("i", 1), manager.Array("i", [1, 2])
        o["Semaphore"], o["Barrier"] = manager.Semaphore(0), manager.Barrier(2)
        o["Namespace"].x = "x"
        o["JoinableQueue"].put(1)
        try:
            o["Queue"].get(timeout=.01)
        except queue.Empty:
            pass
        process = multiprocessing.Process(target=work, args=(o,))
        with o["Condition"]:
            process.start()
            assert o["Condition"].wait(30)
        assert o["Event"].wait(30) and o["Semaphore"].acquire()
        assert o["Queue"].get() == "item"
        o["JoinableQueue"].join()
        o["Barrier"].wait()
        process.join()
        assert process.exitcode == 0
        assert o["list"][:] == [1] and o["dict"].copy() == {"a": "x"}
        assert o["Value"].value == 2 and list(o["Array"]) == [7, 2]
        pool = manager.Pool(2)
        assert pool.map(str, [1, 2]) == ["1", "2"]
        pool.terminate()
    assert ticker.ticks > 10, ticker.ticks
    print("done")
"""), method) == "done\n"


def test_an_interrupted_call_of_a_proxy_is_not_answered_later(script):
    assert script(program("""
def main():
    with multiprocessing.Manager() as manager:
        event, numbers = manager.Event(), manager.list([1, 2, 3])
        with gevent.Timeout(.05, False):
            event.wait()
        # Its answer is True.
        event.set()
        assert [numbers.pop() for _ in range(3)] == [3, 2, 1]
        for _ in range(2):
            try:
                numbers.pop()
            except IndexError:
                connection = numbers._tls.connection
        assert numbers._tls.connection is connection
    print("done")
"""), "fork") == "done\n"


def test_an_executor(script, method):
    assert script(program("""
from concurrent import futures

def square(n):
    time.sleep(.001)
    return n * n

def main():
    ticker = Ticker()
    context = multiprocessing.get_context()
    with futures.ProcessPoolExecutor(2, context) as executor:
        assert list(executor.map(square, range(50))) == [n * n for n in range(50)]
        done = [executor.submit(square, n) for n in range(20)]
        assert sorted(f.result() for f in futures.as_completed(done)) == [n * n for n in range(20)]
        assert len(futures.wait(done).done) == 20
        failing = executor.submit(os._exit, 3)
        try:
            failing.result()
        except futures.process.BrokenProcessPool:
            print("broken")
    assert ticker.ticks > 10, ticker.ticks
    with gevent.Timeout(20):
        with futures.ProcessPoolExecutor(2, context) as executor:
            with gevent.Timeout(.05, False):
                executor.submit(time.sleep, .3).result()
                print("the Timeout is lost")
    print("done")
"""), method) == "broken\ndone\n"


def test_nothing_is_left_to_the_resource_tracker(tmp_path):
    from conftest import run_python
    path = tmp_path / "program.py"
    path.write_text(program("""
def main():
    locks = [getattr(multiprocessing, kind)() for kind in (
        "Lock", "RLock", "Condition", "Event", "Queue", "JoinableQueue", "SimpleQueue")]
    with multiprocessing.Pool(2) as pool:
        assert pool.map(str, [1]) == ["1"]
    del locks
"""))
    done = run_python(str(path), "spawn")
    assert (done.returncode, done.stderr) == (0, "")
