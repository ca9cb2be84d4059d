# SPDX-License-Identifier: MIT
"""MariaDB's own locks, held by one greenlet and waited for by another."""
import time

import pytest

from conftest import Task, client_or_skip, greenlets_only, side_by_side
from test_table import LATEST, LIMIT, assert_broken_or_right, stopped_by_timeout


@pytest.fixture
def client():
    return client_or_skip("mysqlclient")


@pytest.fixture
def rows(client, connect):
    """A table with one row."""
    connection = connect(client)
    for query in ("create database if not exists test", "drop table if exists test.rows",
                  "create table test.rows (id int primary key, value int) engine = innodb",
                  "insert into test.rows values (1, 0)"):
        execute(connection, query)
    connection.commit()


def execute(connection, query):
    connection.cursor().execute(query)


def until_blocked(client, connection):
    """Until the server says that another connection waits for a lock."""
    # Of the table innodb_trx it makes no new picture while somebody keeps reading it.
    query = ("select variable_value from information_schema.global_status "
             "where variable_name = 'innodb_row_lock_current_waits'")
    while int(client.ask(connection, query)) == 0:
        time.sleep(0.005)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_who_waits_for_a_row_is_let_in_by_who_holds_it(client, connect, rows, ticking, end):
    holds, waits, looks = connect(client), connect(client), connect(client)
    execute(holds, "update test.rows set value = 1 where id = 1")
    with ticking():
        waiting = Task(client.ask, waits, "select value from test.rows where id = 1 for update")
        until_blocked(client, looks)
        getattr(holds, end)()
        assert waiting.result() == (1 if end == "commit" else 0)


def test_many_take_turns_with_a_named_lock(client, connect, ticking):
    inside = []

    def take(connection):
        assert client.ask(connection, "select get_lock('turn', 10)") == 1
        assert not inside
        inside.append(connection)
        client.wait(connection, 0.02)
        inside.remove(connection)
        assert client.ask(connection, "select release_lock('turn')") == 1
    connections = [connect(client) for _ in range(10)]
    with ticking():
        side_by_side(take, connections)


def test_a_query_is_killed_from_elsewhere(client, connect, ticking):
    connection, other = connect(client), connect(client)
    with ticking():
        waiting = Task(client.ask, connection, "select count(*) from seq_1_to_1000000000 where "
                       "sleep(1) = 2")
        time.sleep(LIMIT)
        execute(other, "kill query %d" % connection.thread_id())
        with pytest.raises(client.errors, match="interrupted"):
            waiting.result()
    assert client.echo(connection, "again") == "again"


@greenlets_only
def test_a_row_that_is_waited_for_is_given_up(client, connect, rows, ticking):
    holds, waits = connect(client), connect(client)
    execute(holds, "update test.rows set value = 1 where id = 1")
    with ticking() as time:
        late = stopped_by_timeout(
            lambda: execute(waits, "select value from test.rows where id = 1 for update"))
        holds.commit()
    assert late < LATEST + time.stall
    assert_broken_or_right(client, waits)
