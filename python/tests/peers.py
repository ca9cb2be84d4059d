# SPDX-License-Identifier: MIT
"""The other processes of test_blocking_cases.py. Where one yields, it waits for its parent's word."""
import os
from multiprocessing import connection as connections

AUTHKEY = b"key"
SMALL = b"s"


def payload(size):
    return b"p" * size


def run(control, function, *arguments):
    for _ in function(*arguments):
        control.send("ready")
        control.recv()


def sends_bytes(connection, size):
    data = payload(size)
    yield
    connection.send_bytes(data)


def sends(connection, size):
    data = payload(size)
    yield
    connection.send(data)


def receives(receive, answers, size):
    """Tells how many small ones came before the one of that size."""
    yield
    count = 0
    data = receive()
    while data == SMALL:
        count += 1
        data = receive()
    answers.send((count, data == payload(size)))


def puts(queue, size):
    yield
    queue.put(payload(size))


def finishes_a_task(queue):
    queue.get()
    yield
    queue.task_done()


def connects(address, authkey, size):
    yield
    with connections.Client(address, authkey=authkey) as client:
        client.send_bytes(payload(size))
        assert client.recv_bytes() == payload(size)


def accepts(answers, family, authkey, size):
    """Clients that have given up waiting are of no interest."""
    with connections.Listener(family=family, backlog=16, authkey=authkey) as listener:
        answers.send(listener.address)
        yield
        while True:
            try:
                with listener.accept() as connection:
                    connection.send_bytes(payload(size))
                    assert connection.recv_bytes() == payload(size)
                return
            except (EOFError, OSError, connections.AuthenticationError):
                pass


def holds(lock):
    with lock:
        yield


def holds_twice(lock):
    with lock, lock:
        yield


def releases(semaphore):
    yield
    semaphore.release()


def notifies(condition):
    yield
    with condition:
        condition.notify_all()


def sets(event):
    yield
    event.set()


def comes_to(barrier):
    yield
    barrier.wait()


def exits(status):
    yield
    os._exit(status)


def inherits(event):
    """The initializer of pools."""
    global inherited
    inherited = event


def waits(data):
    """A task."""
    inherited.wait()
    return data


def concatenates(one, other):
    inherited.wait()
    return one + other
