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


def test_a_pool_that_is_closed_and_joined(script):
    assert script(program("""
def square(n):
    time.sleep(.01)
    return n * n

def main():
    ticker = Ticker()
    pool = multiprocessing.get_context("spawn").Pool(2)
    assert pool.map(square, range(20)) == [n * n for n in range(20)]
    pool.close()
    pool.join()
    assert ticker.ticks > 10, ticker.ticks
    print("done")
    sys.stdout.flush()
    os._exit(0)
"""), "spawn") == "done\n"
