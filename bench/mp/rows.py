# SPDX-License-Identifier: MIT
"""What is measured, one function for each row; bench/multiprocessing defines the words.

Each is called in a process of its own, pinned to `here`, and gives a dict of figures. Its second
process pins itself to `there` and goes on until it is killed.
"""
import json
import os
import time

from columns import pin, raise_fd_limit

SECONDS = 0.2
POOL_TASKS = 10000
QUEUE_ITEMS = 20000
BATCH = 1000
WAITER_MESSAGE = b"w" * 16
REPORT, END = b"r" * 16, b"e" * 16


def rate(go, batch):
    """Times per second that go(count) does what it counts."""
    go(batch)
    done = 0
    began = time.perf_counter()
    while True:
        go(batch)
        done += batch
        took = time.perf_counter() - began
        if took >= SECONDS:
            return done / took


def echo(column, there, handle, size):
    pin(there)
    receive, send = column.end(handle, size)
    while True:
        send(receive())


def ping_pong(size, column, there):
    handle, other = column.pipe(size)
    column.start(echo, column, there, other, size)
    receive, send = column.end(handle, size)
    message = b"x" * size

    def go(count):
        for _ in range(count):
            send(message)
            receive()
    return {"value": rate(go, 200)}


def lock(column, there):
    import multiprocessing
    it = multiprocessing.Lock()
    acquire, release = it.acquire, it.release

    def go(count):
        for _ in range(count):
            acquire()
            release()
    return {"value": 1e9 / rate(go, 2000)}


def hand_back(there, taken, given):
    pin(there)
    while True:
        given.acquire()
        taken.release()


def hand_over(column, there):
    import multiprocessing
    taken, given = multiprocessing.Semaphore(0), multiprocessing.Semaphore(0)
    column.start(hand_back, there, taken, given)
    acquire, release = taken.acquire, given.release

    def go(count):
        for _ in range(count):
            release()
            acquire()
    return {"value": 2 * rate(go, 500)}


def fill(there, queue):
    pin(there)
    for number in range(QUEUE_ITEMS):
        queue.put(number)
    queue.close()
    queue.join_thread()


def queue_get(column, there):
    import multiprocessing
    queue = multiprocessing.Queue()
    column.start(fill, there, queue)
    queue.get()
    began = time.perf_counter()
    for _ in range(QUEUE_ITEMS - 1):
        queue.get()
    return {"value": (QUEUE_ITEMS - 1) / (time.perf_counter() - began)}


def no_op(_):
    pass


def pool_map(column, there):
    import multiprocessing
    pool = multiprocessing.Pool(2, pin, (there,))
    column.keep(pool, [worker.pid for worker in pool._pool])
    pool.map(no_op, range(100), 1)
    began = time.perf_counter()
    pool.map(no_op, range(POOL_TASKS), 1)
    return {"value": POOL_TASKS / (time.perf_counter() - began)}


def resident_kib():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def wake_in_turn(column, there, *handles):
    """The second process of `waiters`: wakes a batch, has its answers, goes on to the next."""
    pin(there)
    ends = [column.end(handle, len(WAITER_MESSAGE)) for handle in handles]
    batches = [ends[at:at + BATCH] for at in range(0, len(ends), BATCH)]

    def once_round(count):
        for batch in batches:
            for _, send in batch:
                send(WAITER_MESSAGE)
            for receive, _ in batch:
                receive()
    once_round(1)
    receive, send = ends[0]
    send(REPORT)
    receive()
    print(json.dumps({"value": len(ends) * rate(once_round, 1)}), flush=True)
    send(END)
    # The other one is at its end too, and says nothing more.
    time.sleep(60)


def waiters(count, column, there):
    count = min(count, (raise_fd_limit(4 * count + 200) - 200) // 2)
    pairs = [column.pipe(len(WAITER_MESSAGE)) for _ in range(count)]
    column.start(wake_in_turn, column, there, *(other for _, other in pairs))
    before = resident_kib()
    figures = {"waiters": count}

    def wait(handle):
        receive, send = column.end(handle, len(WAITER_MESSAGE))
        while True:
            message = receive()
            if message == END:
                return
            if message == REPORT:
                figures["kib"] = (resident_kib() - before) / count
            send(message)
    first, *_ = [column.spawn(wait, handle) for handle, _ in pairs]
    first.join()
    return figures
