# SPDX-License-Identifier: MIT
"""What each client can do in greenlets as it can in threads, while another one ticks every 10 ms."""
import functools
import time

import pytest

import servers
import table
from conftest import Task, client_or_skip, greenlets_only, on_another_thread, side_by_side

MANY = 20
WAIT = 0.5
TOGETHER = 1.5
LONG = 2
LIMIT = 0.2
LATEST = 0.1
SIZE = 50 << 20


# What a client must be able to do for the test to be there.
needs = pytest.mark.needs


def pytest_generate_tests(metafunc):
    mark = metafunc.definition.get_closest_marker("needs")
    names = table.those_who_can(*mark.args if mark else ())
    metafunc.parametrize("client", names, indirect=True)


@pytest.fixture
def client(request, record_property):
    client = client_or_skip(request.param)
    record_property("client", client.version())
    return client


def test_many_wait_side_by_side(client, connect, ticking, record_property):
    connections = [connect(client) for _ in range(MANY)]
    with ticking() as time:
        side_by_side(lambda connection: client.wait(connection, WAIT), connections)
    record_property("together", time.seconds)
    assert WAIT <= time.seconds + time.stall and time.seconds < TOGETHER


def test_many_connect_by_name_side_by_side(client, connect, ticking):
    with ticking():
        connections = side_by_side(lambda _: connect(client, host=client.host), range(MANY))
    texts = ["answer %d" % number for number in range(MANY)]
    with ticking():
        answers = side_by_side(lambda pair: client.echo(*pair), list(zip(connections, texts)))
    assert answers == texts


@functools.lru_cache(maxsize=None)
def late_kind(port):
    class Late(servers.Peer):
        name = "late-%d" % port
        script = "peer_late.py"

        def argument(self):
            return "%d:%d:%s" % (self.port, port, WAIT)
    return Late


@pytest.fixture
def late(client):
    """The port of the same server, where it lets each client wait first."""
    return servers.shared(late_kind(client.server.port)).port


@needs("over_tcp")
def test_many_connect_to_a_server_that_is_slow_to_answer(client, connect, late, ticking):
    def connect_and_ask(text):
        return client.echo(connect(client, host=client.host, port=late), text)
    texts = ["answer %d" % number for number in range(MANY)]
    with ticking() as time:
        answers = side_by_side(connect_and_ask, texts)
    assert answers == texts
    assert WAIT <= time.seconds + time.stall and time.seconds < TOGETHER


@needs("fetch")
def test_a_big_result_comes_in_whole(client, connect, ticking):
    connection = connect(client)
    pieces = []
    with ticking():
        for some in client.fetch(connection, SIZE):
            pieces += some
            # Between threads Python switches by itself.
            time.sleep(0.001)
    assert sum(map(len, pieces)) == SIZE
    assert not any(piece.strip("x" if isinstance(piece, str) else b"x") for piece in pieces)


@needs("kill_server")
def test_a_killed_server_is_the_drivers_own_error(client, connect, ticking):
    connection = connect(client)
    with ticking():
        waiting = Task(client.wait, connection, LONG)
        time.sleep(LIMIT)
        began = time.monotonic()
        client.kill_server(connection)
        with pytest.raises(client.errors):
            waiting.result()
        assert time.monotonic() - began < LONG / 2
    if client.server.process.poll() is not None:
        client.server.start()
    client.server.wait_until_up()


def stopped_by_timeout(call):
    """How long after its time it came out."""
    import gevent
    timeout = gevent.Timeout.start_new(LIMIT)
    began = time.monotonic()
    try:
        pytest.fail("it came back with %.50r" % (call(),))
    except gevent.Timeout as caught:
        late = time.monotonic() - began - LIMIT
        assert caught is timeout
    finally:
        timeout.close()
    return late


def stopped_by_kill(call):
    import gevent
    waiting = gevent.spawn(call)
    gevent.sleep(LIMIT)
    assert not waiting.ready(), waiting
    began = time.monotonic()
    waiting.kill()
    assert isinstance(waiting.value, gevent.GreenletExit), waiting
    return time.monotonic() - began


def assert_broken_or_right(client, connection):
    """Nobody may get the answer to what was interrupted; and a pool must be told. Which of the two."""
    found = "is usable"
    for text in ["one", "two", "three"]:
        try:
            assert client.echo(connection, text) == text
        except client.errors:
            assert client.is_reported_broken(connection)
            found = "fails"
    return found


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_a_wait_is_stopped_at_once(client, stop, connect, ticking, record_property):
    connection, other = connect(client), connect(client)
    with ticking() as time:
        late = stop(lambda: client.wait(connection, LONG))
    assert late < LATEST + time.stall
    record_property(stop.__name__, late)
    with ticking():
        record_property("afterwards", assert_broken_or_right(client, connection))
        assert client.echo(other, "other") == "other"
        assert client.echo(connect(client), "new") == "new"


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_on_another_thread_it_is_the_same(client, stop, connect, ticking):
    """There no signal handlers run."""
    def body():
        connection = connect(client)
        late = stop(lambda: client.wait(connection, LONG))
        assert_broken_or_right(client, connection)
        assert client.echo(connect(client), "new") == "new"
        return late

    with ticking() as time:
        late = on_another_thread(body)
    assert late < LATEST + time.stall


@greenlets_only
@needs("fetch")
@pytest.mark.parametrize("run", [lambda f: f(), on_another_thread],
                         ids=["main thread", "other thread"])
def test_a_result_of_which_some_has_come_is_given_up(client, run, connect):
    """Wherever it is met: in a wait, or in giving way to others while more is there already."""
    from gevent import Timeout

    def body():
        interrupted = 0
        for milliseconds in (1, 5, 10, 15, 20, 30, 40, 50):
            connection = connect(client)
            try:
                with Timeout(milliseconds / 1000):
                    for _ in client.fetch(connection, SIZE):
                        pass
            except Timeout:
                interrupted += 1
            assert_broken_or_right(client, connection)
        return interrupted
    assert run(body)


@greenlets_only
@needs("over_tcp")
def test_connecting_is_given_up(client, connect, late, ticking):
    with ticking() as time:
        late_by = stopped_by_timeout(
            lambda: client.echo(connect(client, host=client.host, port=late), "never"))
    assert late_by < LATEST + time.stall
    assert client.echo(connect(client), "now") == "now"
