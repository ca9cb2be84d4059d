# SPDX-License-Identifier: MIT
"""What the web application and the tasks do: work in other processes, in the usual ways.

Nothing here knows of gevent or libmpgreen. The work only takes its time, so that what is measured is
the waiting for it and not how busy the machine is.
"""
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

WORK_SECONDS = 1.0


def work(number):
    time.sleep(WORK_SECONDS)
    return number * number


def send_work(connection, number):
    connection.send(work(number))


def put_work(queue, number):
    queue.put(work(number))


def by_pipe(number):
    ours, theirs = multiprocessing.Pipe()
    worker = multiprocessing.Process(target=send_work, args=(theirs, number))
    worker.start()
    answer = ours.recv()
    worker.join()
    return answer


def by_queue(number, processes=multiprocessing):
    queue = processes.Queue()
    worker = processes.Process(target=put_work, args=(queue, number))
    worker.start()
    answer = queue.get()
    worker.join()
    return answer


def by_pool(number):
    pool = multiprocessing.Pool(2)
    try:
        return pool.map(work, [number, number + 1])[0]
    finally:
        # Not terminate(), nor `with`: servers handle SIGTERM, their children inherit the handler, and
        # then do not always end. This is so without gevent, too.
        pool.close()
        pool.join()


def by_executor(number):
    with ProcessPoolExecutor(2) as executor:
        return list(executor.map(work, [number, number + 1]))[0]


WAYS = {"pipe": by_pipe, "queue": by_queue, "pool": by_pool, "executor": by_executor}
