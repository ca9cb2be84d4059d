# SPDX-License-Identifier: MIT
"""What ZeroMQ's sockets have to themselves: their threads, and partners in the same process."""
import time

import pytest

from conftest import Task, client_or_skip, greenlets_only, on_another_thread, side_by_side
from servers import free_port
from test_table import LATEST, LIMIT, MANY, WAIT, stopped_by_kill, stopped_by_timeout

COUNT = 1000


@pytest.fixture
def client():
    return client_or_skip("pyzmq")


@pytest.fixture
def zmq(client):
    return client.driver


@pytest.fixture
def pair(client, request):
    """pair(kind, other kind): connected within the process."""
    opened = []

    def pair(*kinds, **options):
        address = "inproc://%s-%d" % (request.node.name, len(opened))
        for kind, act in zip(kinds, ["bind", "connect"]):
            opened.append(client.context.socket(kind))
            opened[-1].linger = 0
            for name, value in options.items():
                setattr(opened[-1], name, value)
            getattr(opened[-1], act)(address)
        return opened[-2:]
    yield pair
    for each in opened:
        each.close()


def test_partners_of_one_process_wait_for_each_other(zmq, pair, ticking):
    def answer(replies):
        for _ in range(COUNT):
            replies.send(replies.recv() + b"!")

    replies, requests = pair(zmq.REP, zmq.REQ)
    with ticking():
        answering = Task(answer, replies)
        for number in range(COUNT):
            requests.send(b"%d" % number)
            assert requests.recv() == b"%d!" % number
        answering.result()


def test_a_full_queue_is_waited_for(zmq, pair, ticking):
    def take(pull):
        time.sleep(LIMIT)
        return [pull.recv() for _ in range(COUNT)]

    pull, push = pair(zmq.PULL, zmq.PUSH, rcvhwm=5, sndhwm=5)
    messages = [b"%d" % number for number in range(COUNT)]
    with ticking():
        taking = Task(take, pull)
        for message in messages:
            push.send(message)
        assert taking.result() == messages


def test_many_poll_side_by_side(client, zmq, connect, ticking):
    def poll(connection):
        poller = zmq.Poller()
        poller.register(connection, zmq.POLLIN)
        assert poller.poll(LIMIT * 1000) == []
        return poller.poll(5000) == [(connection, zmq.POLLIN)]

    connections = [connect(client) for _ in range(MANY)]
    with ticking() as taken:
        for connection in connections:
            connection.send(b"wait %f" % WAIT)
        assert all(side_by_side(poll, connections))
    assert taken.seconds < 2 * WAIT


def test_a_peer_that_is_gone_is_a_time_that_passes(client, zmq, connect, ticking):
    connection = connect(client)
    connection.rcvtimeo = int(WAIT * 1000)
    connection.req_relaxed = connection.req_correlate = True
    with ticking() as taken:
        waiting = Task(client.wait, connection, 5)
        time.sleep(LIMIT)
        client.server.kill()
        with pytest.raises(zmq.Again):
            waiting.result()
    assert taken.seconds < WAIT + LATEST
    client.server.start()
    connection.rcvtimeo = -1
    with ticking():
        assert client.echo(connection, "text") == "text"


def test_the_end_of_the_context_waits_for_what_is_to_be_sent(client, zmq, ticking):
    """Until its time is over: nobody is there to take it."""
    with zmq.Context() as context:
        with context.socket(zmq.PUSH) as push:
            push.linger = int(WAIT * 1000)
            push.connect("tcp://127.0.0.1:%d" % free_port())
            push.send(b"lost")
        with ticking() as taken:
            context.term()
    assert WAIT / 2 < taken.seconds + taken.stall and taken.seconds < WAIT + LATEST


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_who_waits_to_send_or_receive_is_stopped_and_nothing_is_lost(zmq, pair, stop, ticking):
    pull, push = pair(zmq.PULL, zmq.PUSH, rcvhwm=1, sndhwm=1)
    with ticking() as taken:
        late = stop(pull.recv)
    assert late < LATEST + taken.stall
    sent = [b"one", b"two"]
    for message in sent:
        push.send(message)
    with ticking():
        stop(lambda: push.send(b"not sent"))
    assert [pull.recv() for _ in sent] == sent
    with pytest.raises(zmq.Again):
        pull.recv(zmq.DONTWAIT)


@greenlets_only
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_a_request_that_was_stopped_is_under_way_unless_told_otherwise(
        client, zmq, stop, connect, ticking):
    strict, relaxed = connect(client), connect(client)
    relaxed.req_relaxed = relaxed.req_correlate = True
    for connection in strict, relaxed:
        with ticking():
            stop(lambda: client.wait(connection, WAIT))
    with pytest.raises(zmq.ZMQError) as caught:
        strict.send(b"echo text")
    assert caught.value.errno == zmq.EFSM
    with ticking():
        assert client.echo(relaxed, "text") == "text"
        assert strict.recv() == str(WAIT).encode()


@greenlets_only
@pytest.mark.parametrize("run", [lambda f: f(), on_another_thread],
                         ids=["main thread", "other thread"])
@pytest.mark.parametrize("stop", [stopped_by_timeout, stopped_by_kill])
def test_a_poll_and_the_end_of_a_context_are_stopped_at_once(zmq, stop, run, ticking):
    """libzmq takes any other error of poll() than EINTR for a reason to abort."""
    def body():
        context = zmq.Context()
        pull = context.socket(zmq.PULL)
        pull.bind("inproc://nobody")
        poller = zmq.Poller()
        poller.register(pull, zmq.POLLIN)
        late = [stop(lambda: poller.poll(timeout)) for timeout in (None, 5000)]
        late.append(stop(context.term))
        pull.close()
        context.term()
        return max(late)

    with ticking() as taken:
        late = run(body)
    assert late < LATEST + taken.stall
