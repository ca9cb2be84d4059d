# SPDX-License-Identifier: MIT
"""What libcurl has to itself: its own timeouts, many transfers at once, and calls back into Python."""
import io
import time

import pytest

from conftest import client_or_skip, greenlets_only, side_by_side
from test_table import LATEST, LIMIT, LONG, MANY, SIZE, WAIT, stopped_by_kill, stopped_by_timeout


@pytest.fixture
def client():
    return client_or_skip("pycurl")


@pytest.fixture
def curl(client):
    return client.driver


def test_its_own_timeout_passes(client, curl, connect, ticking):
    connection = connect(client)
    connection.setopt(curl.TIMEOUT_MS, int(LIMIT * 1000))
    with ticking() as taken, pytest.raises(curl.error) as caught:
        client.wait(connection, LONG)
    assert caught.value.args[0] == curl.E_OPERATION_TIMEDOUT
    assert taken.seconds < LIMIT + LATEST


def test_many_calls_back_wait_side_by_side(client, curl, connect, ticking):
    def write(_):
        time.sleep(WAIT)

    def fetch(connection):
        connection.setopt(curl.URL, connection.server + "/echo/text")
        connection.setopt(curl.WRITEFUNCTION, write)
        connection.perform()
        return connection.getinfo(curl.RESPONSE_CODE)

    connections = [connect(client) for _ in range(MANY)]
    with ticking() as taken:
        assert side_by_side(fetch, connections) == [200] * MANY
    assert taken.seconds < 2 * WAIT


def test_transfers_of_one_multi_object_are_waited_for(client, curl, connect, ticking):
    multi = curl.CurlMulti()
    connections = [connect(client) for _ in range(MANY)]
    for connection in connections:
        connection.setopt(curl.URL, "%s/wait/%s" % (connection.server, WAIT))
        multi.add_handle(connection)
    with ticking() as taken:
        running = MANY
        while running:
            _, running = multi.perform()
            multi.select(1)
    assert WAIT <= taken.seconds + taken.stall and taken.seconds < 3 * WAIT
    assert [each.getinfo(curl.RESPONSE_CODE) for each in connections] == [200] * MANY


def test_a_big_upload_lets_others_run(client, curl, connect, ticking):
    connection = connect(client)
    connection.setopt(curl.URL, connection.server + "/count/")
    connection.setopt(curl.UPLOAD, True)
    connection.setopt(curl.READDATA, io.BytesIO(bytes(SIZE)))
    connection.setopt(curl.INFILESIZE, SIZE)
    answer = io.BytesIO()
    connection.setopt(curl.WRITEDATA, answer)
    with ticking():
        connection.perform()
    assert int(answer.getvalue()) == SIZE


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_a_handle_that_was_stopped_connects_anew(client, curl, stop, connect, ticking):
    connection = connect(client)
    connects = []
    with ticking():
        for text in ["one", "two"]:
            assert client.echo(connection, text) == text
            connects.append(connection.getinfo(curl.NUM_CONNECTS))
        stop(lambda: client.wait(connection, LONG))
        assert client.echo(connection, "three") == "three"
        connects.append(connection.getinfo(curl.NUM_CONNECTS))
    assert connects == [1, 0, 1]
