# SPDX-License-Identifier: MIT
"""Every client that is here, in one process at once."""
import pytest

import servers
import table
from conftest import Task, side_by_side

EACH = 5
WAIT = 0.5
TOGETHER = 1.5


@pytest.fixture
def clients():
    clients, missing = [], []
    for name in table.CLIENTS:
        try:
            clients.append(table.client(name))
        except servers.Missing as what:
            missing.append(str(what))
    if len(clients) < 2:
        pytest.skip("for this, install " + ", ".join(missing))
    return clients


def test_all_of_them_wait_side_by_side(clients, connect, ticking):
    opened = [(client, connect(client)) for client in clients for _ in range(EACH)]
    with ticking() as time:
        side_by_side(lambda pair: pair[0].wait(pair[1], WAIT), opened)
    assert WAIT <= time.seconds + time.stall and time.seconds < TOGETHER


def test_all_of_them_answer_while_others_wait(clients, connect, ticking):
    opened = [(client, connect(client), connect(client)) for client in clients]
    texts = ["text %d" % number for number in range(20)]
    with ticking():
        waiting = [Task(client.wait, one, WAIT) for client, one, _ in opened]
        answers = side_by_side(lambda each: [each[0].echo(each[2], text) for text in texts], opened)
        assert answers == [texts] * len(opened)
        for task in waiting:
            task.result()
