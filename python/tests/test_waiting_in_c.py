# SPDX-License-Identifier: MIT
"""What multiprocessing waits for in C where gevent's patches would do harm."""
import multiprocessing.connection
import os

import gevent
import pytest


@pytest.fixture
def pipe_ends():
    ends = multiprocessing.Pipe(duplex=False)
    yield ends
    for end in ends:
        end.close()


def test_a_connection_that_is_not_open_is_an_error():
    reader, writer = os.pipe()
    for fd in reader, writer:
        os.close(fd)
    connection = multiprocessing.connection.Connection(reader)
    try:
        with pytest.raises((OSError, EOFError)):
            if connection.poll(5):
                connection.recv()
    finally:
        # Its number may be another file's by now.
        connection._handle = None


def test_poll_lets_others_run_until_there_is_something(pipe_ends, ticker):
    here, there = pipe_ends
    gevent.spawn(lambda: (ticker.wait(3), there.send("news")))
    assert here.poll(30)
    assert here.recv() == "news"
    assert ticker.ticks >= 3


def test_poll_gives_up_in_time(pipe_ends, ticker):
    assert not pipe_ends[0].poll(.05)
    assert ticker.ticks >= 3


def test_a_loop_of_polls_that_do_not_wait_lets_others_run(pipe_ends):
    here, there = pipe_ends
    gevent.spawn_later(.01, there.send, "news")
    with gevent.Timeout(20):
        while not here.poll():
            pass
    assert here.recv() == "news"


def test_a_timeout_comes_out_of_wait_as_itself(pipe_ends):
    with pytest.raises(gevent.Timeout):
        with gevent.Timeout(.05):
            multiprocessing.connection.wait(pipe_ends[:1], 30)
    pipe_ends[1].send("after it")
    assert multiprocessing.connection.wait(pipe_ends[:1], 30) == [pipe_ends[0]]


def test_sharing_a_connection_blocks_no_signals(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import multiprocessing, os, signal

def take(connection):
    connection.recv().send("shared")

if __name__ == "__main__":
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=take, args=(there,))
    process.start()
    reader, writer = multiprocessing.Pipe(duplex=False)
    here.send(writer)
    assert reader.recv() == "shared"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    process.join()
    print(process.exitcode)
""") == "0\n"
