# SPDX-License-Identifier: MIT
"""What libldap has to itself: requests that are not waited for at once, and its own timeouts."""
import time

import pytest

from conftest import client_or_skip, greenlets_only, side_by_side
from test_table import (LATEST, LIMIT, LONG, MANY, TOGETHER, WAIT, stopped_by_kill,
                        stopped_by_timeout)


@pytest.fixture
def client():
    return client_or_skip("python-ldap")


@pytest.fixture
def ldap(client):
    return client.driver


def test_its_own_timeout_passes_and_the_answer_comes_later(client, ldap, connect, ticking):
    connection = connect(client)
    request = connection.search(*client.query("wait", WAIT))
    with ticking() as taken, pytest.raises(ldap.TIMEOUT):
        connection.result(request, timeout=LIMIT)
    assert taken.seconds < LIMIT + LATEST
    with ticking():
        kind, _ = connection.result(request)
    assert kind == ldap.RES_SEARCH_RESULT
    assert client.echo(connection, "text") == "text"


def test_a_time_limit_for_all_requests_passes(client, ldap, connect, ticking):
    connection = connect(client)
    connection.timeout = LIMIT
    with ticking() as taken, pytest.raises(ldap.TIMEOUT):
        client.wait(connection, LONG)
    assert taken.seconds < LIMIT + LATEST
    connection.timeout = -1
    assert client.echo(connection, "text") == "text"


def test_many_requests_on_one_connection_are_answered_side_by_side(client, ldap, connect, ticking):
    connection = connect(client)
    requests = [connection.search(*client.query("wait", WAIT)) for _ in range(MANY)]
    with ticking() as taken:
        kinds = [connection.result(request)[0] for request in requests]
    assert kinds == [ldap.RES_SEARCH_RESULT] * MANY
    assert taken.seconds < TOGETHER


def test_many_share_a_connection_one_after_the_other(client, connect, ticking):
    """python-ldap has a lock for each connection."""
    connection = connect(client)
    texts = ["text %d" % number for number in range(MANY)]
    with ticking():
        assert side_by_side(lambda text: client.echo(connection, text), texts) == texts


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_the_answer_to_a_request_that_was_stopped_is_kept_for_who_asks(
        client, ldap, stop, connect, ticking):
    connection = connect(client)
    request = connection.search(*client.query("wait", WAIT))
    stop(lambda: connection.result(request))
    with ticking():
        time.sleep(WAIT)
        assert client.echo(connection, "text") == "text"
        assert connection.result(ldap.RES_ANY, timeout=LIMIT)[0] == ldap.RES_SEARCH_RESULT
