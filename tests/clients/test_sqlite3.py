# SPDX-License-Identifier: MIT
"""SQLite has no server: a wait is one for the lock of a file, for which it sleeps and looks again."""
import sqlite3
import subprocess
import sys
import time

import pytest

import servers
from conftest import Task, greenlets_only, side_by_side
from test_table import LATEST, LIMIT, LONG, stopped_by_kill, stopped_by_timeout

HELD = 0.5
# Holds the lock of the file until it is told to let go, and then for so many seconds more.
HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin exclusive")
print("held", flush=True)
time.sleep(float(sys.stdin.readline()))
connection.execute("commit")
"""


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "file")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("create table rows (id integer primary key, value)")
        connection.execute("insert into rows values (1, 0)")
    connection.close()
    return path


@pytest.fixture
def holder(path):
    """A process that holds the lock; holder(seconds) lets it go after so long."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], env=servers.environment(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               universal_newlines=True)
    assert process.stdout.readline() == "held\n"

    def let_go(seconds=0):
        process.stdin.write("%s\n" % seconds)
        process.stdin.flush()
    yield let_go
    process.kill()
    process.communicate()


@pytest.fixture
def open_file(path):
    opened = []

    def open_file(timeout=10):
        opened.append(sqlite3.connect(path, timeout=timeout, isolation_level=None,
                                      check_same_thread=False))
        return opened[-1]
    yield open_file
    for connection in opened:
        connection.close()


def increment(connection):
    connection.execute("begin immediate")
    connection.execute("update rows set value = value + 1")
    connection.execute("commit")


def value(connection):
    return connection.execute("select value from rows").fetchone()[0]


def test_a_lock_that_another_process_holds_is_waited_for(open_file, holder, ticking):
    connections = [open_file() for _ in range(5)]
    with ticking() as time:
        holder(HELD)
        side_by_side(increment, connections)
    assert time.seconds + time.stall >= HELD
    assert value(connections[0]) == 5


def test_a_lock_that_another_one_of_this_process_holds_is_waited_for(open_file, ticking):
    holds, waits = open_file(), open_file()
    holds.execute("begin immediate")
    with ticking():
        waiting = Task(increment, waits)
        time.sleep(LIMIT)
        assert waiting.is_alive()
        holds.execute("commit")
        waiting.result()


def test_the_busy_timeout_passes(open_file, holder, ticking):
    connection = open_file(timeout=HELD)
    with ticking() as time, pytest.raises(sqlite3.OperationalError, match="locked"):
        increment(connection)
    assert HELD * 0.9 <= time.seconds + time.stall and time.seconds < HELD * 2


def test_two_share_a_connection_of_which_one_waits(open_file, holder, ticking):
    """The other one is kept out by the connection's mutex, which is a recursive one."""
    connection = open_file()
    order = []

    def write():
        increment(connection)
        order.append("write")

    def ask():
        assert connection.execute("select 7").fetchone() == (7,)
        order.append("ask")
    with ticking():
        writing = Task(write)
        time.sleep(LIMIT)
        asking = Task(ask)
        time.sleep(LIMIT)
        assert order == []
        holder()
        writing.result()
        asking.result()
    assert value(connection) == 1


def test_many_share_a_connection(open_file, ticking):
    connection = open_file()
    # How slow the disk is does not matter here.
    connection.execute("pragma synchronous = off")

    def add(number):
        for n in range(20):
            connection.execute("insert into rows (value) values (?)", (number * 100 + n,))
            time.sleep(0)
    with ticking():
        side_by_side(add, range(1, 11))
    assert connection.execute("select count(*) from rows").fetchone() == (201,)


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_a_wait_is_stopped_at_once(stop, open_file, holder, ticking):
    connection = open_file(timeout=LONG)
    with ticking() as time:
        late = stop(lambda: increment(connection))
    assert late < LATEST + time.stall
    holder()
    increment(connection)
    assert value(connection) == 1
