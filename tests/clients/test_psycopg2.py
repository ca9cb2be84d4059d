# SPDX-License-Identifier: MIT
"""What psycopg2 does with locks: its own, around a connection, and those of the database."""
import time

import pytest

from conftest import Task, client_or_skip, greenlets_only, on_another_thread, side_by_side
from test_table import (LATEST, LIMIT, LONG, assert_broken_or_right, stopped_by_kill,
                        stopped_by_timeout)

WAIT = 0.3


@pytest.fixture
def client():
    return client_or_skip("psycopg2")


@pytest.fixture
def rows(client, connect):
    """A table with one row."""
    connection = connect(client)
    with connection, connection.cursor() as cursor:
        cursor.execute("drop table if exists rows")
        cursor.execute("create table rows (id int primary key, value int)")
        cursor.execute("insert into rows values (1, 0)")


def execute(connection, query):
    with connection.cursor() as cursor:
        cursor.execute(query)


def until_blocked(client, connection):
    """Until the server says that another connection waits for a lock."""
    query = "select count(*) from pg_locks where not granted"
    while client.ask(connection, query) == 0:
        connection.rollback()
        time.sleep(0.005)


def test_three_share_a_connection(client, connect, ticking):
    connection = connect(client)
    with ticking() as time:
        answers = side_by_side(lambda n: client.ask(
            connection, "select %s from pg_sleep(%s)", n, WAIT), [1, 2, 3])
    assert answers == [1, 2, 3]
    assert 3 * WAIT <= time.seconds + time.stall and time.seconds < 3 * WAIT + 0.5


def test_the_notices_of_a_shared_connection_are_kept(client, connect, ticking):
    connection = connect(client)
    notice = "do $$ begin perform pg_sleep(0.05); raise warning 'w%s'; end $$"
    with ticking():
        side_by_side(lambda n: execute(connection, notice % n), range(10))
    assert sorted(connection.notices) == ["WARNING:  w%d\n" % n for n in range(10)]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_who_waits_for_a_row_is_let_in_by_who_holds_it(client, connect, rows, ticking, end):
    holds, waits, looks = connect(client), connect(client), connect(client)
    execute(holds, "update rows set value = 1 where id = 1")
    with ticking():
        waiting = Task(client.ask, waits, "select value from rows where id = 1 for update")
        until_blocked(client, looks)
        getattr(holds, end)()
        assert waiting.result() == (1 if end == "commit" else 0)


def test_many_increment_one_row(client, connect, rows, ticking):
    connections = [connect(client) for _ in range(10)]

    def increment(connection):
        for _ in range(5):
            with connection:
                execute(connection, "update rows set value = value + 1 where id = 1")
                time.sleep(0.001)
    with ticking():
        side_by_side(increment, connections)
    assert client.ask(connections[0], "select value from rows") == 50


def test_a_deadlock_is_the_servers_to_resolve(client, connect, rows, ticking):
    one, other = connect(client), connect(client)
    execute(one, "insert into rows values (2, 0)")
    one.commit()
    for connection in (one, other):
        execute(connection, "set deadlock_timeout = '50ms'")
        connection.commit()
    execute(one, "update rows set value = 1 where id = 1")
    execute(other, "update rows set value = 2 where id = 2")
    errors = []

    def update(connection, row):
        try:
            execute(connection, "update rows set value = 3 where id = %d" % row)
            connection.commit()
        except client.driver.errors.DeadlockDetected as error:
            connection.rollback()
            errors.append(error)
    with ticking():
        side_by_side(lambda pair: update(*pair), [(one, 2), (other, 1)])
    assert len(errors) == 1


def test_a_query_is_cancelled_from_elsewhere(client, connect, ticking):
    connection = connect(client)
    with ticking():
        waiting = Task(client.wait, connection, LONG)
        time.sleep(LIMIT)
        connection.cancel()
        with pytest.raises(client.driver.errors.QueryCanceled):
            waiting.result()
    connection.rollback()
    assert client.echo(connection, "again") == "again"


def test_a_copy_out_lets_others_run(client, connect, ticking):
    connection = connect(client)
    lengths = []

    class Sink:
        def write(self, data):
            lengths.append(len(data))
    with ticking(), connection.cursor() as cursor:
        cursor.copy_expert("copy (select repeat('x', 99999) from generate_series(1, 500)) to stdout",
                           Sink())
    assert sum(lengths) == 500 * 100000


def test_a_copy_in_lets_others_run(client, connect, rows, ticking):
    connection = connect(client)

    class Source:
        def __init__(self):
            self.left = 200

        def read(self, size):
            self.left -= 1
            return "" if self.left < 0 else "".join(
                "%d\t%d\n" % (1000 * self.left + n, n) for n in range(2, 1002))
    with ticking(), connection.cursor() as cursor:
        cursor.copy_expert("copy rows from stdin", Source())
        assert cursor.rowcount == 200000


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_a_pool_throws_out_what_was_interrupted(client, stop, ticking):
    from psycopg2.pool import ThreadedConnectionPool
    pool = ThreadedConnectionPool(1, 1, **client.server.where())

    def query(seconds):
        connection = pool.getconn()
        try:
            return client.wait(connection, seconds)
        finally:
            pool.putconn(connection)
    with ticking():
        stop(lambda: query(LONG))
        for text in ["one", "two"]:
            connection = pool.getconn()
            assert client.echo(connection, text) == text
            pool.putconn(connection)
    pool.closeall()


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_who_waits_for_a_shared_connection_is_stopped_when_its_turn_comes(
        client, connect, stop, ticking):
    """The lock of a mutex cannot fail: no driver has a way to go on without it."""
    connection = connect(client)
    with ticking() as time:
        first = Task(execute, connection, "select pg_sleep(%s)" % (3 * LIMIT))
        late = stop(lambda: client.echo(connection, "never"))
        first.result()
        assert_broken_or_right(client, connection)
    assert late < 2 * LIMIT + LATEST + time.stall


@greenlets_only
def test_a_row_that_is_waited_for_is_given_up(client, connect, rows, ticking):
    holds, waits = connect(client), connect(client)
    execute(holds, "update rows set value = 1 where id = 1")
    with ticking() as time:
        late = stopped_by_timeout(
            lambda: execute(waits, "select value from rows where id = 1 for update"))
        holds.commit()
    assert late < LATEST + time.stall
    assert waits.closed


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_on_another_thread_it_is_the_same(client, stop, connect, ticking):
    """There no signal handlers run."""
    connection = connect(client)
    with ticking() as time:
        late = on_another_thread(lambda: stop(lambda: client.wait(connection, LONG)))
    assert late < LATEST + time.stall
    assert_broken_or_right(client, connection)
    assert connection.closed
