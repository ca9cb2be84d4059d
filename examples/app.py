#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A gevent program as people write it; it does not know of libmpgreen.

It talks to other processes through multiprocessing while a ticker greenlet wakes up every 10 ms.
Every wait of multiprocessing is a read() in C that gevent cannot see.

    app.py [--report FILE] [KIND...]      KIND: manager duplex simplex queue (all of them)

Prints a line for each kind. The report holds the times at which the ticker ran.
"""
from gevent import monkey

monkey.patch_all()

import argparse
import json
import multiprocessing
import os
import sys
import time

import gevent

JOB_SECONDS = 0.5  # what the worker needs for its answer
TICK_SECONDS = 0.01
MARGIN_TICKS = 10  # ticks seen before a step starts, and after it ended


class Ticker:
    """Writes down when it ran."""

    def __init__(self):
        self.owner = os.getpid()
        self.times = []
        gevent.spawn(self.run)

    def run(self):
        # A forked worker inherits a copy of this greenlet: that copy ends here.
        while os.getpid() == self.owner:
            self.times.append(time.monotonic())
            gevent.sleep(TICK_SECONDS)

    def wait_for_ticks(self, count):
        goal = len(self.times) + count
        while len(self.times) < goal:
            gevent.sleep(TICK_SECONDS)


def job():
    time.sleep(JOB_SECONDS)
    return "answer"


def put_answer(queue):
    queue.put(job())


def send_answer(connection):
    connection.send(job())


def ask_manager():
    manager = multiprocessing.Manager()
    queue = manager.Queue()
    worker = multiprocessing.Process(target=put_answer, args=(queue,))
    worker.start()
    answer = queue.get()
    worker.join()
    manager.shutdown()
    return answer


def ask_pipe(duplex):
    ours, theirs = multiprocessing.Pipe(duplex)
    worker = multiprocessing.Process(target=send_answer, args=(theirs,))
    worker.start()
    answer = ours.recv()
    worker.join()
    return answer


def ask_queue():
    queue = multiprocessing.Queue()
    worker = multiprocessing.Process(target=put_answer, args=(queue,))
    worker.start()
    answer = queue.get()
    worker.join()
    return answer


KINDS = {
    "manager": ask_manager,
    "duplex": lambda: ask_pipe(True),
    "simplex": lambda: ask_pipe(False),
    "queue": ask_queue,
}


def run_step(kind, ticker):
    """One step with its margins: what it answered or died of, and the ticks meanwhile."""
    ticker.wait_for_ticks(MARGIN_TICKS)
    first = len(ticker.times) - MARGIN_TICKS
    step = {"kind": kind, "error": None, "start": time.monotonic()}
    try:
        answer = KINDS[kind]()
        step["end"] = time.monotonic()
        if answer != "answer":
            step["error"] = f"wrong answer {answer!r}"
    except Exception as error:
        step["end"] = time.monotonic()  # before a broken manager is cleaned away
        step["error"] = f"{type(error).__name__}: {error}"
    ticker.wait_for_ticks(MARGIN_TICKS)
    step["ticks"] = ticker.times[first:]
    return step


def main():
    parser = argparse.ArgumentParser(description="multiprocessing under gevent")
    parser.add_argument("--report", help="file to write the times to, as JSON")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=" ".join(KINDS))
    options = parser.parse_args()
    unknown = [kind for kind in options.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"unknown kind {unknown[0]}: choose from {' '.join(KINDS)}")

    ticker = Ticker()
    steps = []
    for kind in options.kinds or KINDS:
        steps.append(run_step(kind, ticker))
        print(kind, steps[-1]["error"] or "works", flush=True)
        if steps[-1]["error"]:
            break

    if options.report:
        with open(options.report, "w", encoding="ascii") as report:
            json.dump(steps, report)
    return any(step["error"] for step in steps)


if __name__ == "__main__":
    sys.exit(main())
