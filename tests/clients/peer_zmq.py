# SPDX-License-Identifier: MIT
"""A peer of ZeroMQ that answers any number of others: wait SECONDS, echo TEXT, fetch SIZE."""
import sys
import time

import zmq


def answer(what, argument):
    if what == b"fetch":
        return b"x" * int(argument)
    return argument


peer = zmq.Context().socket(zmq.ROUTER)
peer.bind("tcp://127.0.0.1:" + sys.argv[1])
waiting = []
while True:
    next_in = max(0, min(waiting)[0] - time.monotonic()) if waiting else None
    if peer.poll(None if next_in is None else next_in * 1000 + 1):
        *sender, request = peer.recv_multipart()
        what, argument = request.split(b" ", 1)
        seconds = float(argument) if what == b"wait" else 0
        waiting.append((time.monotonic() + seconds, sender + [answer(what, argument)]))
    for late in sorted(waiting):
        if late[0] <= time.monotonic():
            waiting.remove(late)
            peer.send_multipart(late[1])
