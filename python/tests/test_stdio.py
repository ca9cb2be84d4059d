# SPDX-License-Identifier: MIT
"""libc's streams: what C code gets from them, and what Python does, waits in a greenlet."""
import ctypes
import os
import pty
import select
import subprocess
import sys

import gevent
import pytest

from conftest import settle
from stopwatch import Machine, Ticker, stopwatch

LONGEST_GAP = .05
LIMIT = .2
LATEST = .1

libc = ctypes.CDLL(None, use_errno=True)
libc.fdopen.restype = ctypes.c_void_p
libc.fgets.restype = ctypes.c_char_p
libc.getline.restype = ctypes.c_ssize_t
libc.popen.restype = ctypes.c_void_p

# What a program does with call(): a Timeout, a kill, a line, and the longest gap meanwhile.
PROGRAM = """
from gevent import monkey; monkey.patch_all()
import sys
import gevent
sys.path.append(%r)
from stopwatch import stopwatch

longest, last = 0, stopwatch()

def tick():
    global longest, last
    while True:
        gevent.sleep(.01)
        now = stopwatch()
        longest, last = max(longest, now - last), now

def call():
    return %s

def main():
    print("ready", flush=True)
    began = stopwatch()
    timeout = gevent.Timeout.start_new(.2)
    try:
        call()
    except gevent.Timeout as caught:
        print("timeout", caught is timeout, stopwatch() - began < .3, flush=True)
    timeout.close()
    waiting = gevent.spawn(call)
    gevent.sleep(.1)
    began = stopwatch()
    waiting.kill()
    print("killed", isinstance(waiting.value, gevent.GreenletExit),
          stopwatch() - began < .1, flush=True)
    print("got", call(), flush=True)
    print("gap", longest < .05, flush=True)

gevent.spawn(tick)
main()
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp("clock") / "stalls")
    yield machine
    machine.end()


@pytest.fixture
def streams(pipe):
    """A pipe as two streams of C, which close its fds."""
    files = [ctypes.c_void_p(libc.fdopen(os.dup(pipe[0]), b"r")),
             ctypes.c_void_p(libc.fdopen(os.dup(pipe[1]), b"w"))]
    yield files
    for file in files:
        libc.fclose(file)


def fgets(file):
    text = ctypes.create_string_buffer(100)
    return libc.fgets(text, 100, file)


def getline(file):
    line, size = ctypes.c_char_p(), ctypes.c_size_t()
    length = libc.getline(ctypes.byref(line), ctypes.byref(size), file)
    return line.value if length > 0 else None


CALLS = [fgets, getline]


@pytest.mark.parametrize("call", CALLS)
def test_a_line_is_waited_for(call, pipe, streams, machine):
    ticker = Ticker()
    waiting = gevent.spawn(call, streams[0])
    gevent.sleep(.1)
    os.write(pipe[1], b"he")
    gevent.sleep(.1)
    assert not waiting.ready()
    os.write(pipe[1], b"llo\nmore")
    assert waiting.get() == b"hello\n"
    gap, began, ended, _, _ = ticker.stop()
    assert gap < LONGEST_GAP + machine.stall(began, ended)


@pytest.mark.parametrize("call", CALLS)
def test_a_timeout_and_a_kill_come_out_of_it(call, pipe, streams, machine):
    began, timeout = stopwatch(), gevent.Timeout.start_new(LIMIT)
    with pytest.raises(gevent.Timeout) as caught:
        call(streams[0])
    late = stopwatch() - began - LIMIT
    timeout.close()
    assert caught.value is timeout
    assert late < LATEST
    libc.clearerr(streams[0])
    waiting = gevent.spawn(call, streams[0])
    settle()
    began = stopwatch()
    waiting.kill()
    assert stopwatch() - began < LATEST
    assert isinstance(waiting.value, gevent.GreenletExit)
    libc.clearerr(streams[0])
    os.write(pipe[1], b"line\n")
    assert call(streams[0]) == b"line\n"


def test_output_waits_for_a_slow_reader(pipe, streams, ticker):
    data = b"x" * (1 << 20)

    def write():
        libc.fputs(data, streams[1])
        return libc.fflush(streams[1])
    writing = gevent.spawn(write)
    ticker.wait(3)
    assert not writing.ready()
    done = 0
    while done < len(data):
        done += len(os.read(pipe[0], 100000))
    assert writing.get() == 0


def test_greenlets_share_a_stream(pipe, streams):
    readers = [gevent.spawn(fgets, streams[0]) for _ in range(10)]
    lines = [b"%d\n" % i for i in range(10)]
    for line in lines:
        settle(1)
        os.write(pipe[1], line[:1])
        settle(1)
        os.write(pipe[1], line[1:])
    assert sorted(reader.get() for reader in readers) == lines


def test_greenlets_share_a_stream_and_one_of_them_is_killed(pipe, streams):
    first, second = gevent.spawn(fgets, streams[0]), gevent.spawn(fgets, streams[0])
    settle()
    second.kill()
    third = gevent.spawn(fgets, streams[0])
    settle()
    first.kill()
    os.write(pipe[1], b"line\n")
    assert third.get() == b"line\n"


def test_a_shell_of_popen_is_read_from(ticker):
    file = ctypes.c_void_p(libc.popen(b"sleep .1; echo hello; sleep .1", b"r"))
    before = ticker.ticks
    assert fgets(file) == b"hello\n"
    assert libc.pclose(file) == 0
    assert ticker.ticks > before + 20


def start(tmp_path, call, **options):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM % (os.path.dirname(__file__), call))
    return subprocess.Popen([sys.executable, str(path)], stderr=subprocess.PIPE, **options)


EXPECTED = ["timeout True True", "killed True True", "got line", "gap True"]


@pytest.mark.parametrize("call", ["sys.stdin.readline().strip()", "input()"])
def test_standard_input_on_a_pipe(tmp_path, call):
    program = start(tmp_path, call, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdout.readline() == b"ready\n"
    lines = [program.stdout.readline().decode().strip() for _ in range(2)]
    program.stdin.write(b"line\n")
    program.stdin.flush()
    lines += program.stdout.read().decode().split("\n")[:2]
    assert (lines, program.stderr.read(), program.wait()) == (EXPECTED, b"", 0)


def read_terminal(program, master, until):
    said = b""
    while until not in said:
        assert select.select([master], [], [], 20)[0], said
        try:
            said += os.read(master, 1000)
        except OSError:
            pytest.fail(f"it has ended: {said + program.stderr.read()}")
    return said


@pytest.mark.parametrize("call, prompts", [("sys.stdin.readline().strip()", b""), ("input()", b""),
                                           ("input('who? ')", b"who? " * 3)])
def test_standard_input_on_a_terminal(tmp_path, call, prompts):
    master, slave = pty.openpty()
    program = start(tmp_path, call, stdin=slave, stdout=slave)
    os.close(slave)
    said = read_terminal(program, master, b"killed True True\r\n")
    os.write(master, b"line\n")
    said += read_terminal(program, master, b"gap True")
    assert (program.stderr.read(), program.wait()) == (prompts, 0)
    os.close(master)
    said = said.decode().replace("\r", "")
    for line in EXPECTED:
        assert line in said


LOCKS = """
import ctypes, sys
import gevent.monkey; gevent.monkey.patch_all()
import gevent

libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"/dev/null", b"w"))
gevent.sleep(.001)

def lock():
    libc.flockfile(file)
    libc.funlockfile(file)
"""


def test_a_stream_locked_before_greenlets_are_told_apart_is_unlocked(script):
    printed = script(LOCKS + """
lock()
gevent.spawn(lock).join()
print("unlocked")
""")
    assert printed == "unlocked\n"


def test_the_hub_does_not_wait_for_a_stream_that_a_greenlet_holds(script):
    printed = script(LOCKS + """
lock()
libc.flockfile(file)
gevent.get_hub().loop.run_callback(lock)
gevent.sleep(.01)
libc.funlockfile(file)
print("went on")
""")
    assert printed == "went on\n"


SHARING = """
from gevent import monkey; monkey.patch_all()
import sys
import gevent

def read(number):
    return %s
readers = [gevent.spawn(read, number) for number in range(5)]
gevent.sleep(.05)
readers[0].kill()
readers[3].kill()
print("ready", flush=True)
gevent.joinall(readers, raise_error=True)
print(*[reader.value for reader in readers[1:3] + readers[4:]], flush=True)
"""
CALLS_FOR_A_LINE = ["sys.stdin.readline().strip()", "next(sys.stdin).strip()", "input()",
                    "sys.stdin.buffer.readline().decode().strip()"]


@pytest.mark.parametrize("call", CALLS_FOR_A_LINE)
@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_greenlets_share_the_standard_input(tmp_path, call, kind):
    path = tmp_path / "program.py"
    path.write_text(SHARING % call)
    ours, theirs = pty.openpty() if kind == "terminal" else os.pipe()[::-1]
    program = subprocess.Popen([sys.executable, str(path)], stdin=theirs, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    os.close(theirs)
    assert program.stdout.readline() == b"ready\n"
    for line in (b"one\n", b"two\n", b"three\n"):
        os.write(ours, line[:1])
        gevent.sleep(.01)
        os.write(ours, line[1:])
    assert program.stdout.read().split() == [b"one", b"two", b"three"]
    assert (program.stderr.read(), program.wait()) == (b"", 0)
    os.close(ours)


@pytest.mark.parametrize("before", ["sys.stdin.readline()", "sys.stdin.buffer.readline()",
                                    "sys.stdin.read(2)", "None"])
def test_what_was_read_ahead_of_patch_all_is_not_lost(tmp_path, before):
    path = tmp_path / "program.py"
    path.write_text("import sys\nbefore = %s\nfrom gevent import monkey; monkey.patch_all()\n"
                    "print(len(before or ''), sys.stdin.name, sys.stdin.fileno())\n"
                    "print(sys.stdin.read(), end='')\n" % before)
    program = subprocess.run([sys.executable, str(path)], input=b"a\nb\nc", stdout=subprocess.PIPE)
    length = 0 if before == "None" else 2
    assert program.stdout == b"%d <stdin> 0\n" % length + b"a\nb\nc"[length:]
