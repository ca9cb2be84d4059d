# SPDX-License-Identifier: MIT
import errno
import os
import select
import socket
import subprocess
import time

import gevent
import pytest
from gevent import monkey

import mpgreen
from conftest import close_now, native_thread, settle


def test_a_blocking_read_lets_other_greenlets_run(pipe, ticker):
    reader, writer = pipe
    gevent.spawn(lambda: (ticker.wait(5), os.write(writer, b"hello")))
    assert os.read(reader, 10) == b"hello"
    assert ticker.ticks >= 5


def test_a_write_moves_all_though_it_does_not_fit(pipe, ticker):
    reader, writer = pipe
    size = 1 << 20
    writing = gevent.spawn(os.write, writer, b"x" * size)
    got = 0
    while got < size:
        got += len(os.read(reader, 65536))
    assert writing.get() == size


def test_greenlets_on_one_pipe_are_served_in_the_order_of_their_coming(pipe):
    reader, writer = pipe
    got = []
    greenlets = [gevent.spawn(lambda i=i: got.append((i, os.read(reader, 1)))) for i in range(50)]
    settle()
    data = bytes(range(50))
    os.write(writer, data)
    gevent.joinall(greenlets, raise_error=True)
    assert got == [(i, data[i:i + 1]) for i in range(50)]


def test_one_byte_wakes_one_of_many(pipe):
    reader, writer = pipe
    greenlets = [gevent.spawn(os.read, reader, 1) for _ in range(10)]
    settle()
    before = mpgreen.stats()
    for i in range(10):
        os.write(writer, b"x")
        settle()
        assert sum(g.ready() for g in greenlets) == i + 1
    after = mpgreen.stats()
    assert after["waits"] == before["waits"]
    assert after["ready"] - before["ready"] == 10


def test_writers_in_line_do_not_mix_their_lines(pipe):
    reader, writer = pipe
    lines = [bytes([65 + i]) * 4096 for i in range(26)]
    greenlets = [gevent.spawn(os.write, writer, line) for line in lines]
    settle()
    got = b""
    while len(got) < 26 * 4096:
        got += os.read(reader, 4096)
    gevent.joinall(greenlets, raise_error=True)
    assert sorted(got[i:i + 4096] for i in range(0, len(got), 4096)) == lines


def test_both_directions_of_a_socket_wait_at_once():
    here, there = (monkey.get_original("socket", "socket")(
        fileno=s.detach()) for s in socket.socketpair())
    here.setblocking(True)
    there.setblocking(True)
    receiving = gevent.spawn(os.read, here.fileno(), 1)
    sending = gevent.spawn(os.write, here.fileno(), b"x" * (1 << 20))
    settle()
    assert not receiving.ready() and not sending.ready()
    os.write(there.fileno(), b"y")
    assert receiving.get() == b"y"
    assert not sending.ready()
    got = 0
    while got < 1 << 20:
        got += len(os.read(there.fileno(), 65536))
    assert sending.get() == 1 << 20
    here.close()
    there.close()


def test_a_reader_sees_the_end_when_the_writer_closes(pipe):
    reader, writer = pipe
    reading = gevent.spawn(os.read, reader, 1)
    settle()
    os.close(writer)
    assert reading.get() == b""


def test_a_writer_sees_epipe_when_the_reader_closes(pipe):
    reader, writer = pipe
    writing = gevent.spawn(os.write, writer, b"x" * (1 << 20))
    settle()
    os.read(reader, 1)
    os.close(reader)
    # Some bytes had gone: POSIX gives their count first and the error next.
    assert 0 < writing.get() < 1 << 20
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")


def test_close_under_a_waiter_ends_it_with_ebadf(pipe):
    reader, writer = pipe
    reading = gevent.spawn(os.read, reader, 1)
    settle()
    os.close(reader)
    with pytest.raises(OSError) as failure:
        reading.get()
    assert failure.value.errno == errno.EBADF


def test_close_on_another_thread_ends_a_wait(pipe):
    reader, writer = pipe
    reading = gevent.spawn(os.read, reader, 1)
    settle()
    native_thread(lambda: close_now(reader)).join()
    with pytest.raises(OSError) as failure:
        reading.get()
    assert failure.value.errno == errno.EBADF


def test_dup2_over_a_waiter_ends_it_with_ebadf(pipe):
    reader, writer = pipe
    other, other_writer = os.pipe()
    reading = gevent.spawn(os.read, reader, 1)
    settle()
    os.dup2(other, reader)
    os.write(other_writer, b"new")
    with pytest.raises(OSError) as failure:
        reading.get()
    assert failure.value.errno == errno.EBADF
    assert os.read(reader, 3) == b"new"
    os.close(other)
    os.close(other_writer)


def test_a_number_used_again_gets_no_old_event(pipe):
    for _ in range(50):
        reader, writer = os.pipe()
        copy = os.dup(reader)
        reading = gevent.spawn(os.read, reader, 1)
        settle(1)
        close_now(reader)
        again, again_writer = os.pipe()
        if again != reader:
            os.dup2(again, reader)
            close_now(again)
            again = reader
        second = gevent.spawn(os.read, again, 1)
        os.write(writer, b"o")
        settle(1)
        assert not second.ready()
        os.write(again_writer, b"n")
        assert second.get() == b"n"
        assert isinstance(reading.exception, OSError) or pytest.raises(OSError, reading.get)
        for fd in (copy, writer, again, again_writer):
            close_now(fd)


def test_a_file_closed_behind_our_back_does_not_stall_its_successor(pipe):
    import ctypes
    syscall = ctypes.CDLL(None).syscall
    close = {"x86_64": 3, "aarch64": 57}.get(os.uname().machine)
    if close is None:
        pytest.skip("the number of close() on this machine is not known here")
    reader, writer = os.pipe()
    copy = os.dup(reader)
    gevent.spawn_later(0.001, os.write, writer, b"x")
    os.read(reader, 1)
    syscall(close, reader)
    os.write(writer, b"left behind")
    settle()
    again, again_writer = os.pipe()
    if again != reader:
        pytest.skip("the number was not given out again")
    reading = gevent.spawn(os.read, again, 1)
    settle()
    os.write(again_writer, b"y")
    assert reading.get(timeout=5) == b"y"
    for fd in (copy, writer, again, again_writer):
        close_now(fd)


def test_wake_ends_a_wait_with_the_error_given(pipe):
    reading = gevent.spawn(os.read, pipe[0], 1)
    settle()
    assert mpgreen.wake(pipe[0], errno.ETIMEDOUT) == 1
    with pytest.raises(OSError) as failure:
        reading.get()
    assert failure.value.errno == errno.ETIMEDOUT


def test_sleeping_in_c_lets_greenlets_run(ticker):
    began = time.monotonic()
    monkey.get_original("time", "sleep")(0.05)
    assert 0.05 <= time.monotonic() - began < 1
    assert ticker.ticks >= 5


def test_sleeps_end_in_the_order_of_their_length():
    ended = []
    sleep = monkey.get_original("time", "sleep")
    lengths = [0.05, 0.01, 0.03, 0.02, 0.04]
    gevent.joinall([gevent.spawn(lambda t=t: (sleep(t), ended.append(t))) for t in lengths])
    assert ended == sorted(lengths)


def test_a_poll_that_times_out_lets_greenlets_run(pipe, ticker):
    poll = monkey.get_original("select", "poll")()
    poll.register(pipe[0], select.POLLIN)
    assert poll.poll(50) == []
    assert ticker.ticks >= 5


def test_a_poll_with_a_time_limit_sees_data(pipe):
    poll = monkey.get_original("select", "poll")()
    poll.register(pipe[0], select.POLLIN)
    gevent.spawn_later(0.01, os.write, pipe[1], b"x")
    assert poll.poll(30000) == [(pipe[0], select.POLLIN)]


def test_a_greenlet_that_never_waits_does_not_stop_the_others(pipe, ticker):
    reader, writer = pipe
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        os.write(writer, b"x")
        os.read(reader, 1)
    assert ticker.ticks >= 5
    assert mpgreen.stats()["yields"] > 0


def test_quick_answers_of_another_process_starve_nobody():
    echo = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    reader, writer = os.dup(echo.stdout.fileno()), os.dup(echo.stdin.fileno())
    for fd in (reader, writer):
        os.set_blocking(fd, True)
    turns = 0

    def count_turns():
        nonlocal turns
        while True:
            gevent.sleep(0)
            turns += 1

    counter = gevent.spawn(count_turns)
    for _ in range(2000):
        os.write(writer, b"x")
        assert os.read(reader, 1) == b"x"
    counter.kill()
    echo.kill()
    echo.communicate()
    os.close(reader)
    os.close(writer)
    assert turns > 10


def test_the_hub_itself_blocks_for_real(pipe):
    reader, writer = pipe
    got = []
    sleep = monkey.get_original("time", "sleep")
    thread = native_thread(lambda: (sleep(0.02), os.write(writer, b"x")))
    gevent.get_hub().loop.run_callback(lambda: got.append(os.read(reader, 1)))
    settle()
    assert got == [b"x"]
    thread.join()


def test_a_native_section_switches_to_nobody(pipe, ticker):
    reader, writer = pipe
    sleep = monkey.get_original("time", "sleep")
    thread = native_thread(lambda: (sleep(0.03), os.write(writer, b"x")))
    with mpgreen.native():
        before = ticker.ticks
        assert os.read(reader, 1) == b"x"
        assert ticker.ticks == before
    thread.join()


def test_greenlets_parked_in_c_keep_the_loop_alive(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, os
r, w = os.pipe()
g = gevent.spawn(os.read, r, 1)
sleep = monkey.get_original("time", "sleep")
monkey.get_original("_thread", "start_new_thread")(lambda: (sleep(.05), os.write(w, b"x")), ())
gevent.wait()
print(g.value)
""") == "b'x'\n"


def test_a_loop_with_nothing_to_wait_for_still_ends(script):
    assert script("""
from gevent import monkey; monkey.patch_all()
import gevent, os
from gevent.event import Event
r, w = os.pipe()
gevent.spawn_later(.001, os.write, w, b"x")
os.read(r, 1)
try:
    Event().wait()
except gevent.hub.LoopExit:
    print("LoopExit")
""") == "LoopExit\n"


def test_hundreds_of_pipes_wait_at_once(no_fd_leaks):
    pipes = [os.pipe() for _ in range(300)]
    greenlets = [gevent.spawn(os.read, r, 1) for r, _ in pipes]
    settle()
    for _, w in reversed(pipes):
        os.write(w, b"x")
    gevent.joinall(greenlets, raise_error=True)
    assert all(g.value == b"x" for g in greenlets)
    for r, w in pipes:
        os.close(r)
        os.close(w)


def test_an_exception_that_is_set_survives_a_wait(pipe):
    """A finalizer that waits, while an exception is on its way."""
    reader, writer = pipe

    class Waits:
        def __del__(self):
            os.read(reader, 1)

    def fail():
        keeps = Waits()  # noqa: F841
        raise KeyError("mine")

    gevent.spawn_later(0.001, os.write, writer, b"x")
    with pytest.raises(KeyError, match="mine"):
        fail()


def test_fork_safe_fds_are_closed_on_exec():
    from conftest import open_fds
    import subprocess
    mine = {f for f in open_fds() if os.path.lexists("/proc/self/fd/" + f)
            and os.get_inheritable(int(f))}
    seen = subprocess.run(["ls", "/proc/self/fd"], stdout=subprocess.PIPE, close_fds=False,
                          universal_newlines=True).stdout.split()
    assert len(seen) <= len(mine) + 2
