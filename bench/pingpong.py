# SPDX-License-Identifier: MIT
"""64 bytes back and forth between two greenlets: os.pipe through the library, gevent's own sockets.

    LD_PRELOAD=libmpgreen.so python bench/pingpong.py [exchanges [rounds]]

Rounds alternate between the two, so that a machine that changes its speed does so for both. The
last line is the median of the rounds' ratios.
"""
import functools
import os
import statistics
import sys
import time

from gevent import monkey
monkey.patch_all()

import gevent  # noqa: E402
from gevent import socket  # noqa: E402

import mpgreen  # noqa: E402

MESSAGE = b"x" * 64


def exchange(count, here, there):
    """Time of `count` exchanges in ns each; each end is (receive, send)."""
    def answer(receive, send):
        for _ in range(count):
            send(receive(64))

    def ask(receive, send):
        for _ in range(count):
            send(MESSAGE)
            receive(64)

    other = gevent.spawn(answer, *there)
    began = time.perf_counter()
    gevent.spawn(ask, *here).join()
    other.join()
    return (time.perf_counter() - began) * 1e9 / count


def over_pipes(count):
    to_read, from_write = os.pipe()
    from_read, to_write = os.pipe()
    fds = (to_read, from_write, from_read, to_write)

    def end(reader, writer):
        return functools.partial(os.read, reader), functools.partial(os.write, writer)

    try:
        return exchange(count, end(from_read, from_write), end(to_read, to_write))
    finally:
        for fd in fds:
            os.close(fd)


def over_sockets(count):
    here, there = socket.socketpair()
    with here, there:
        return exchange(count, (here.recv, here.send), (there.recv, there.send))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    gevent.get_hub()
    if not mpgreen.attached():
        sys.exit("pingpong: libmpgreen.so is not preloaded")
    over_pipes(1000), over_sockets(1000)
    pairs = [(over_pipes(count), over_sockets(count)) for _ in range(rounds)]
    pipes, sockets = zip(*pairs)
    print("os.pipe through libmpgreen: %6.0f ns an exchange" % statistics.median(pipes))
    print("gevent's own sockets:       %6.0f ns an exchange" % statistics.median(sockets))
    print("ratio: %.2f" % statistics.median(s / p for p, s in pairs))


if __name__ == "__main__":
    main()
