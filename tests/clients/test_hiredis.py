# SPDX-License-Identifier: MIT
"""What libhiredis has to itself: the timeouts of its sockets, and requests ahead of their answers."""
import ctypes

import pytest

from client_hiredis import Error
from conftest import Task, client_or_skip
from test_table import LATEST, LIMIT, LONG


@pytest.fixture
def client():
    return client_or_skip("hiredis")


class TimeValue(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("microseconds", ctypes.c_long)]


def test_the_timeout_of_its_socket_passes(client, connect, ticking):
    connection = connect(client)
    client.library.redisSetTimeout.argtypes = [type(connection), TimeValue]
    assert client.library.redisSetTimeout(connection, TimeValue(0, int(LIMIT * 1e6))) == 0
    with ticking() as taken, pytest.raises(Error, match="Resource temporarily unavailable"):
        client.wait(connection, LONG)
    assert LIMIT <= taken.seconds + taken.stall and taken.seconds < LIMIT + LATEST
    assert client.is_reported_broken(connection)


def test_one_connection_gets_what_another_sends(client, connect, ticking):
    def take(count):
        return [client.ask(taking, "BRPOPLPUSH", "work", "done", 5) for _ in range(count)]

    taking, giving = connect(client), connect(client)
    items = [b"%d" % number for number in range(100)]
    with ticking():
        taken = Task(take, len(items))
        for item in items:
            client.ask(giving, "LPUSH", "work", item.decode())
        assert taken.result() == items
    client.ask(giving, "DEL", "done")
