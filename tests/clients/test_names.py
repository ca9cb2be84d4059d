# SPDX-License-Identifier: MIT
"""Connecting to a name that a name server is late to tell the address of."""
import pytest

import client_dns
import servers
from conftest import client_or_skip, greenlets_only, side_by_side
from test_table import LATEST, LONG, MANY, TOGETHER, WAIT, stopped_by_kill, stopped_by_timeout

# Whose look-ups are made by the thread that connects. libcurl and libzmq have threads for it.
NAMES = ["hiredis", "python-ldap", "mysqlclient", "psycopg2", "psycopg2-tls"]


@pytest.fixture(params=NAMES)
def client(request):
    return client_or_skip(request.param)


@pytest.fixture
def connect_late(client, connect):
    servers.shared(client_dns.NameServer)

    def connect_late(seconds):
        client_dns.ask_name_server()
        return connect(client, host=client_dns.late_name(seconds))
    return connect_late


def test_many_connect_by_a_late_name_side_by_side(client, connect_late, ticking):
    with ticking() as taken:
        connections = side_by_side(connect_late, [WAIT] * MANY)
    assert WAIT <= taken.seconds + taken.stall and taken.seconds < TOGETHER
    assert client.echo(connections[-1], "text") == "text"


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_connecting_is_stopped_at_once(client, stop, connect_late, ticking):
    with ticking() as taken:
        late = stop(lambda: connect_late(LONG))
    assert late < LATEST + taken.stall
    with ticking():
        assert client.echo(connect_late(WAIT), "text") == "text"
