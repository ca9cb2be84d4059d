# SPDX-License-Identifier: MIT
"""What can block in multiprocessing, as one table, under a greenlet that ticks every 10 ms.

For each row: a Timeout around the call comes out of it as itself and in time, also where the call has
a timeout of its own; a greenlet that waits in it is killed at once; then it is called again, the
other process does what is waited for, and the result is right. Meanwhile the ticks go on.
"""
import multiprocessing
import pickle
from concurrent import futures
from multiprocessing import connection as connections
from multiprocessing.pool import ThreadPool

import gevent
import pytest

import peers
from stopwatch import PERIOD, Machine, Ticker, stopwatch

METHODS = ["fork", "spawn", "forkserver"]
BIG = 50 << 20
SIZES = [1, BIG]
LONGEST_GAP = 0.05
LIMIT = 0.2
LATEST = 0.1
LONG = 50


class Case:
    """A call that blocks until go() has been called, and what is right then."""

    def __init__(self, go, call, timed=None, right=bool, stopped=None, alone=False):
        self.go = go
        self.call = call
        self.right = right
        # What is interrupted: calls, as many at once as they like or one after the other.
        self.stopped = [call] if stopped is None else stopped
        if timed is not None:
            self.stopped = self.stopped + [timed]
        self.alone = alone


class Peers:
    """Starts them; they are ready when start() returns, and go on when what it returns is called."""

    def __init__(self, method):
        self.context = multiprocessing.get_context(method)
        self._started = []

    def start(self, function, *arguments):
        here, there = self.context.Pipe()
        process = self.context.Process(target=peers.run, args=(there, function) + arguments)
        process.start()
        there.close()
        assert here.recv() == "ready"
        self._started.append(process)
        return lambda: here.send("go")

    @property
    def last(self):
        return self._started[-1]

    def end(self):
        for process in self._started:
            process.join()
            assert process.exitcode in (0, 7)


def data_of(size):
    data = peers.payload(size)
    return lambda result: result == data


# Streams

def connection_recv(p, size):
    here, there = p.context.Pipe()
    return Case(p.start(peers.sends, there, size), here.recv, right=data_of(size))


def connection_recv_bytes(p, size):
    here, there = p.context.Pipe(duplex=False)
    return Case(p.start(peers.sends_bytes, there, size), here.recv_bytes, right=data_of(size))


def connection_poll(p, size):
    here, there = p.context.Pipe()
    go = p.start(peers.sends, there, size)
    return Case(go, lambda: here.poll(None), lambda: here.poll(LONG))


def until_full(send):
    """How many small ones went in."""
    sent = []

    def fill():
        while True:
            send(peers.SMALL)
            sent.append(1)
    filling = gevent.spawn(fill)
    before = -1
    while len(sent) != before:
        before = len(sent)
        gevent.sleep(0.005)
    filling.kill()
    return len(sent)


def sending(p, size, make):
    """make() returns what sends, and what receives. A big one that is interrupted is broken."""
    data = peers.payload(size)
    answer, answers = p.context.Pipe(duplex=False)
    send, receive = make()
    small, stopped = 0, None
    if size == 1:
        small = until_full(send)
    else:
        other = make()
        stopped = [lambda: other[0](data)]
    go = p.start(peers.receives, receive, answers, size)
    return Case(go, lambda: send(data), stopped=stopped, alone=True,
                right=lambda _: answer.recv() == (small, True))


def connection_send(p, size):
    def make():
        here, there = p.context.Pipe()
        return here.send, there.recv
    return sending(p, size, make)


def connection_send_bytes(p, size):
    def make():
        there, here = p.context.Pipe(duplex=False)
        return here.send_bytes, there.recv_bytes
    return sending(p, size, make)


def simple_queue_put(p, size):
    def make():
        queue = p.context.SimpleQueue()
        return queue.put, queue.get
    return sending(p, size, make)


def queue_put(p, size):
    """A bounded one that is full."""
    queue = p.context.Queue(1)
    data = peers.payload(size)
    answer, answers = p.context.Pipe(duplex=False)
    queue.put(peers.SMALL)
    go = p.start(peers.receives, queue.get, answers, size)
    return Case(go, lambda: queue.put(data), lambda: queue.put(data, timeout=LONG),
                right=lambda _: answer.recv() == (1, True))


def queue_join_thread(p, size):
    """Which cannot be called again after an interrupt; that is how CPython wrote it."""
    queue = p.context.Queue()
    answer, answers = p.context.Pipe(duplex=False)
    go = p.start(peers.receives, queue.get, answers, size)
    for _ in range(20000 if size == 1 else 0):
        queue.put(peers.SMALL)
    queue.put(peers.payload(size))
    queue.close()
    return Case(go, queue.join_thread, stopped=[], right=lambda _: answer.recv()[1])


def queue_get(p, size, kind="Queue"):
    queue = getattr(p.context, kind)()
    timed = None if kind == "SimpleQueue" else lambda: queue.get(timeout=LONG)
    return Case(p.start(peers.puts, queue, size), queue.get, timed, right=data_of(size))


def joinable_queue_get(p, size):
    return queue_get(p, size, "JoinableQueue")


def simple_queue_get(p, size):
    return queue_get(p, size, "SimpleQueue")


def joinable_queue_join(p, size):
    queue = p.context.JoinableQueue()
    queue.put(peers.payload(size))
    return Case(p.start(peers.finishes_a_task, queue), queue.join,
                right=lambda _: queue._unfinished_tasks._semlock._is_zero())


def listener_accept(p, size, family="AF_UNIX", authkey=peers.AUTHKEY):
    listener = connections.Listener(family=family, authkey=authkey)

    def accept():
        with listener.accept() as connection:
            data = connection.recv_bytes()
            connection.send_bytes(data)
            return data
    go = p.start(peers.connects, listener.address, authkey, size)
    # gevent's sockets are for one greenlet at a time.
    return Case(go, accept, right=data_of(size), alone=True)


def listener_accept_inet(p, size):
    return listener_accept(p, size, "AF_INET", None)


def client(p, size, family="AF_UNIX"):
    """It is accepted late, and waits for the challenge till then."""
    answer, answers = p.context.Pipe(duplex=False)
    go = p.start(peers.accepts, answers, family, peers.AUTHKEY, size)
    address = answer.recv()

    def connect():
        with connections.Client(address, authkey=peers.AUTHKEY) as connection:
            data = connection.recv_bytes()
            connection.send_bytes(data)
            return data
    return Case(go, connect, right=data_of(size))


def client_inet(p, size):
    return client(p, size, "AF_INET")


def thread_pool(p, size):
    here, there = p.context.Pipe()
    pool = ThreadPool(5)
    idle = p.context.Pipe()
    return Case(p.start(peers.sends_bytes, there, size), lambda: pool.apply(here.recv_bytes),
                lambda: pool.apply_async(idle[0].recv_bytes).get(LONG), right=data_of(size),
                stopped=[lambda: pool.apply(idle[0].recv_bytes)])


# Locks

def taken(lock, *arguments):
    if not lock.acquire(*arguments):
        return False
    lock.release()
    return True


def lock(p, kind="Lock", peer=peers.holds):
    lock = getattr(p.context, kind)()
    return Case(p.start(peer, lock), lambda: taken(lock), lambda: taken(lock, True, LONG))


def rlock(p):
    return lock(p, "RLock", peers.holds_twice)


def bounded_semaphore(p):
    return lock(p, "BoundedSemaphore")


def semaphore(p):
    semaphore = p.context.Semaphore(0)
    return Case(p.start(peers.releases, semaphore), semaphore.acquire,
                lambda: semaphore.acquire(timeout=LONG),
                right=lambda result: result is True and semaphore._semlock._is_zero())


def lock_of_a_value(p):
    value = p.context.Value("i", 1)
    return Case(p.start(peers.holds, value.get_lock()), lambda: taken(value.get_lock()))


def lock_of_an_array(p):
    array = p.context.Array("i", 100)
    return Case(p.start(peers.holds, array.get_lock()), lambda: sum(array) == 0)


def condition(p, lock="RLock"):
    condition = p.context.Condition(getattr(p.context, lock)())

    def wait(*timeout):
        with condition:
            return condition.wait(*timeout)
    return Case(p.start(peers.notifies, condition), wait, lambda: wait(LONG))


def condition_of_a_lock(p):
    return condition(p, "Lock")


def event(p):
    event = p.context.Event()
    return Case(p.start(peers.sets, event), event.wait, lambda: event.wait(LONG))


def barrier(p):
    barrier = p.context.Barrier(2)
    return Case(p.start(peers.comes_to, barrier), barrier.wait, lambda: barrier.wait(LONG),
                right=lambda place: place in (0, 1), alone=True)


# Processes

def process_join(p):
    go = p.start(peers.exits, 7)
    return Case(go, p.last.join, lambda: p.last.join(LONG),
                right=lambda _: p.last.exitcode == 7 and not p.last.is_alive())


def wait_for_a_sentinel(p):
    go = p.start(peers.exits, 7)
    sentinel = p.last.sentinel
    return Case(go, lambda: connections.wait([sentinel]), lambda: connections.wait([sentinel], LONG),
                right=lambda ready: ready == [sentinel])


def wait_for_many(p):
    idle = [p.context.Pipe() for _ in range(100)]
    here, there = p.context.Pipe()
    go = p.start(peers.sends, there, 1)
    wanted = [pair[0] for pair in idle] + [p.last.sentinel, here]
    return Case(go, lambda: connections.wait(wanted), lambda: connections.wait(wanted, LONG),
                right=lambda ready: here in ready and idle[0][0] not in ready)


# Managers. What is interrupted goes on in the manager's process: it gets objects of its own.

def manager_event(p):
    manager = p.context.Manager()
    event = manager.Event()
    return Case(p.start(peers.sets, event), event.wait, lambda: event.wait(LONG),
                right=lambda result: result and event.is_set() and manager.shutdown() is None)


def manager_queue(p, size):
    manager = p.context.Manager()
    queue, idle = manager.Queue(), manager.Queue()
    right = data_of(size)
    return Case(p.start(peers.puts, queue, size), queue.get, lambda: idle.get(timeout=LONG),
                right=lambda result: right(result) and manager.shutdown() is None,
                stopped=[idle.get])


def manager_lock(p):
    manager = p.context.Manager()
    lock, idle = manager.Lock(), manager.Lock()
    idle.acquire()
    return Case(p.start(peers.holds, lock), lambda: taken(lock), lambda: taken(idle, True, LONG),
                right=lambda result: result and manager.shutdown() is None,
                stopped=[lambda: taken(idle)])


# Pools

class Pools:
    """One of each kind for each method; what their tasks wait for is set by go()."""

    def __init__(self, method):
        context = multiprocessing.get_context(method)
        self.event = context.Event()
        self.pool = context.Pool(2, peers.inherits, (self.event,))
        self.executor = futures.ProcessPoolExecutor(2, context, peers.inherits, (self.event,))
        self._start_workers()

    def _start_workers(self):
        """A Timeout in the submit() that starts one would leave it behind, unknown to the executor."""
        tasks = [self.executor.submit(peers.waits, n) for n in range(2)]
        self.event.set()
        assert [task.result() for task in tasks] == [0, 1]

    def end(self):
        self.event.set()
        self.pool.terminate()
        self.pool.join()
        self.executor.shutdown()


def pool_apply(p, size):
    data = peers.payload(size)
    return Case(p.pools.event.set, lambda: p.pools.pool.apply(peers.waits, (data,)),
                lambda: p.pools.pool.apply_async(peers.waits, (1,)).get(LONG),
                right=data_of(size), stopped=[lambda: p.pools.pool.apply(peers.waits, (1,))])


def pool_wait(p):
    def wait(*timeout):
        result = p.pools.pool.apply_async(peers.waits, (1,))
        result.wait(*timeout)
        return result.get()
    return Case(p.pools.event.set, wait, lambda: wait(LONG))


def pool_map(p):
    def call():
        return p.pools.pool.map(peers.waits, range(5))
    return Case(p.pools.event.set, call, right=lambda result: result == [0, 1, 2, 3, 4])


def pool_starmap(p):
    def call():
        return p.pools.pool.starmap(peers.concatenates, [("a", "b"), ("c", "d")])
    return Case(p.pools.event.set, call, right=lambda result: result == ["ab", "cd"])


def pool_imap(p, kind="imap"):
    def call():
        return sorted(getattr(p.pools.pool, kind)(peers.waits, range(5)))

    def timed():
        return getattr(p.pools.pool, kind)(peers.waits, range(5)).next(LONG)
    return Case(p.pools.event.set, call, timed, right=lambda result: result == [0, 1, 2, 3, 4])


def pool_imap_unordered(p):
    return pool_imap(p, "imap_unordered")


def pool_join(p):
    event = p.context.Event()
    pool = p.context.Pool(2, peers.inherits, (event,))
    result = pool.map_async(peers.waits, range(4), 1)
    pool.close()
    return Case(event.set, pool.join, right=lambda _: result.get() == [0, 1, 2, 3])


def executor_result(p, size):
    data = peers.payload(size)

    def call(data, *timeout):
        return p.pools.executor.submit(peers.waits, data).result(*timeout)
    return Case(p.pools.event.set, lambda: call(data), lambda: call(1, LONG),
                right=data_of(size), stopped=[lambda: call(1)])


def executor_map(p):
    return Case(p.pools.event.set, lambda: list(p.pools.executor.map(peers.waits, range(5))),
                right=lambda result: result == [0, 1, 2, 3, 4])


def executor_shutdown(p):
    """Not interrupted: a Thread.join() of Python 3.11 that is takes the thread for ended."""
    event = p.context.Event()
    executor = futures.ProcessPoolExecutor(2, p.context, peers.inherits, (event,))
    future = executor.submit(peers.waits, 5)
    return Case(event.set, executor.shutdown, stopped=[], right=lambda _: future.result() == 5)


WITH_PAYLOAD = [
    connection_recv, connection_recv_bytes, connection_send, connection_send_bytes,
    queue_get, joinable_queue_get, simple_queue_get, queue_put, simple_queue_put,
    queue_join_thread, listener_accept, listener_accept_inet, client, client_inet, thread_pool,
    manager_queue, pool_apply, executor_result,
]
WITHOUT = [
    lock, rlock, semaphore, bounded_semaphore, lock_of_a_value, lock_of_an_array, condition,
    condition_of_a_lock, event, barrier, process_join, wait_for_a_sentinel, wait_for_many,
    manager_event, manager_lock, pool_wait, pool_map, pool_starmap, pool_imap,
    pool_imap_unordered, pool_join, executor_map, executor_shutdown,
]
PICKLE = [
    connection_recv, connection_send, queue_get, joinable_queue_get, simple_queue_get, queue_put,
    simple_queue_put, queue_join_thread, manager_queue, pool_apply, executor_result,
]
WITH_ONE_PAYLOAD = [connection_poll, joinable_queue_join]
TABLE = ([(case, (size,)) for case in WITH_PAYLOAD for size in SIZES]
         + [(case, (1,)) for case in WITH_ONE_PAYLOAD] + [(case, ()) for case in WITHOUT])


# What is done with each

def stopped_by_timeout(call):
    """How long after its time it came out."""
    began = stopwatch()
    timeout = gevent.Timeout.start_new(LIMIT)
    try:
        pytest.fail("it came back with %.50r" % call())
    except gevent.Timeout as caught:
        late = stopwatch() - began - LIMIT
        assert caught is timeout
    finally:
        timeout.close()
    # What its frames hold, an open connection for instance, is not kept by it.
    timeout.__traceback__ = None
    return late


def stopped_by_kill(call):
    waiting = gevent.spawn(call)
    gevent.sleep(LIMIT / 2)
    assert not waiting.ready(), waiting
    began = stopwatch()
    waiting.kill()
    assert isinstance(waiting.value, gevent.GreenletExit), waiting
    return stopwatch() - began


def interrupt(case):
    """The longest that one of the interrupts took."""
    late = [0]
    for calls in [[call] for call in case.stopped] if case.alone else [case.stopped]:
        stoppers = [gevent.spawn(stopped_by_timeout, call) for call in calls]
        if case.alone:
            late.append(stoppers.pop().get())
        stoppers += [gevent.spawn(stopped_by_kill, call) for call in calls[:1]]
        gevent.joinall(stoppers, raise_error=True)
        late += [stopper.value for stopper in stoppers]
    return max(late)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp("clock") / "stalls")
    yield machine
    machine.end()


@pytest.fixture(scope="module")
def pools():
    made = {}

    def of(method):
        if method not in made:
            made[method] = Pools(method)
        made[method].event.clear()
        return made[method]
    yield of
    for each in made.values():
        each.end()


def name_of(row):
    case, size = row
    return case.__name__ + {(): "", (1,): "-1B", (BIG,): "-50MB"}[size]


def pickling(size):
    """Nobody else runs while Python pickles, and unpickles, this much."""
    began = stopwatch()
    pickle.loads(pickle.dumps(peers.payload(size)))
    return stopwatch() - began


@pytest.mark.parametrize("row", TABLE, ids=name_of)
@pytest.mark.parametrize("method", METHODS)
def test_it_waits_and_lets_others_run(row, method, machine, pools):
    make, size = row
    p = Peers(method)
    if make.__name__.startswith(("pool_", "executor_")):
        p.pools = pools(method)
    case = make(p, *size)
    ticker = Ticker()
    late = interrupt(case)
    calling = gevent.spawn(case.call)
    gevent.sleep(2 * PERIOD)
    assert not calling.ready(), calling
    case.go()
    result = calling.get()
    gap, began, ended, since, until = ticker.stop()
    assert case.right(result)
    p.end()
    assert late < LATEST + machine.stall(since, until)
    stall = machine.stall(began, ended)
    if gap >= LONGEST_GAP + stall and make in PICKLE and size == (BIG,):
        stall += pickling(BIG)
    assert gap < LONGEST_GAP + stall, "%.3f s after the beginning" % (began - since)
