# SPDX-License-Identifier: MIT
"""How often two threads hand the GIL to each other: plain, preloaded, and preloaded and attached.

Each holds a lock that the other waits for, so that every step is one hand-over each way. With
"attached" one of them is a greenlet of gevent's hub on the main thread. The rounds take turns.
"""
import os
import statistics
import subprocess
import sys

HAND_OVERS = 20000
ROUNDS = 7


def measure(attached):
    import time
    if attached:
        from gevent import monkey
        monkey.patch_all()
        import gevent
        gevent.get_hub()
        import mpgreen
        assert mpgreen.attached()
        new_lock = monkey.get_original("_thread", "allocate_lock")
        start = monkey.get_original("_thread", "start_new_thread")
    else:
        import _thread
        new_lock, start = _thread.allocate_lock, _thread.start_new_thread
    here, there = new_lock(), new_lock()
    here.acquire()
    there.acquire()

    def answer():
        for _ in range(HAND_OVERS):
            there.acquire()
            here.release()

    def ask():
        for _ in range(HAND_OVERS):
            there.release()
            here.acquire()

    began = time.perf_counter()
    start(answer, ())
    ask()
    print(HAND_OVERS / (time.perf_counter() - began))


def run(library, attached):
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    if library:
        environment["LD_PRELOAD"] = library
    out = subprocess.run([sys.executable, "-B", __file__, "measure", "attached" * attached],
                         env=environment, stdout=subprocess.PIPE, check=True)
    return float(out.stdout)


def main():
    library = os.environ["LD_PRELOAD"]
    ways = {"plain": (None, False), "preloaded": (library, False), "attached": (library, True)}
    rounds = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, how in ways.items():
            rounds[way].append(run(*how))
    plain = statistics.median(rounds["plain"])
    print("%-23s %13s %13s" % ("GIL and lock, both ways", "a second", "ratio"))
    for way in ways:
        median = statistics.median(rounds[way])
        print("%-23s %13.0f %13.3f" % (way, median, median / plain))


if sys.argv[1:2] == ["measure"]:
    measure(bool(sys.argv[2]))
else:
    main()
