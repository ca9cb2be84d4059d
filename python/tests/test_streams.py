# SPDX-License-Identifier: MIT
"""Buffered streams know threads, not greenlets: several greenlets on one of them."""
import io
import os
import subprocess
import sys

import gevent
import pytest

from conftest import settle

CHAT = """
from gevent import monkey; monkey.patch_all()
import gevent
def chat(name):
    for i in range(50):
        print("%s %d " % (name, i) + "x" * 1000, flush=i % 2 == 0)
        gevent.sleep(0)
gevent.joinall([gevent.spawn(chat, n) for n in "abcdefgh"], raise_error=True)
"""


def check_chat(lines):
    for name in b"abcdefgh":
        mine = [line.split() for line in lines if line[0] == name]
        assert [int(line[1]) for line in mine] == list(range(50))
        assert all(len(line[2]) == 1000 for line in mine)


@pytest.mark.parametrize("stdio", ["native", "green"])
def test_printing_from_many_greenlets_into_a_slow_pipe(tmp_path, stdio):
    path = tmp_path / "program.py"
    path.write_text(CHAT)
    program = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=dict(os.environ, MPGREEN_STDIO=stdio))
    lines = []
    for line in program.stdout:
        lines.append(line)
        if len(lines) % 20 == 0:
            gevent.sleep(0.001)
    assert program.stderr.read() == b""
    assert program.wait() == 0
    check_chat(lines)


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_greenlets_share_a_stream_that_they_write_to(pipe, mode, ticker):
    reader, writer = pipe
    stream = os.fdopen(os.dup(writer), mode)
    convert = str if mode == "w" else str.encode

    def chat(name):
        for i in range(50):
            stream.write(convert("%s %d " % (name, i) + "x" * 1000 + "\n"))
            if i % 3 == 0:
                stream.flush()
        stream.flush()

    greenlets = [gevent.spawn(chat, name) for name in "abcdefgh"]
    settle()
    before = ticker.ticks
    ticker.wait(5)
    assert ticker.ticks > before and not all(g.ready() for g in greenlets)
    closing = gevent.spawn(lambda: (gevent.joinall(greenlets), stream.close(), os.close(writer)))
    with os.fdopen(os.dup(reader), "rb") as lines:
        check_chat(list(lines))
    closing.get()
    gevent.joinall(greenlets, raise_error=True)


def test_greenlets_share_a_stream_that_they_read_from(pipe):
    reader, writer = pipe
    stream = os.fdopen(os.dup(reader), "rb")
    greenlets = [gevent.spawn(stream.readline) for _ in range(20)]
    settle()
    lines = [b"%d\n" % i for i in range(20)]
    for line in lines:
        os.write(writer, line[:1])
        settle(1)
        os.write(writer, line[1:])
    gevent.joinall(greenlets, raise_error=True)
    assert sorted(g.value for g in greenlets) == sorted(lines)
    stream.close()


def test_a_stream_looks_as_it_always_did(pipe):
    reader, writer = pipe
    with open(os.dup(writer), "w", encoding="latin-1", errors="replace", newline="\r\n") as text:
        assert type(text) is io.TextIOWrapper
        assert (text.mode, text.encoding, text.errors) == ("w", "latin-1", "replace")
        assert isinstance(text.buffer, io.BufferedWriter)
        text.write("a\u20ac\n")
    assert os.read(reader, 10) == b"a?\r\n"
    with open(os.dup(writer), "w", buffering=1) as text:
        assert text.line_buffering
        text.write("line\n")
        assert os.read(reader, 10) == b"line\n"
    with open(os.dup(writer), "wb", buffering=0) as raw:
        assert type(raw) is io.FileIO


def test_regular_files_are_opened_as_ever(tmp_path):
    path = str(tmp_path / "file")
    with open(path, "w") as file:
        assert type(file.buffer) is io.BufferedWriter
    with io.open(path, "rb") as file:
        assert type(file) is io.BufferedReader

    class Opens:
        opener = open

    Opens().opener(path).close()


def test_a_timeout_leaves_a_shared_stream_usable(pipe):
    reader, writer = pipe
    stream = os.fdopen(os.dup(reader), "rb")
    with pytest.raises(gevent.Timeout):
        with gevent.Timeout(0.01):
            stream.readline()
    os.write(writer, b"line\n")
    assert stream.readline() == b"line\n"
    stream.close()


def test_a_thread_without_a_hub_uses_a_shared_stream(pipe):
    from conftest import native_thread
    stream = os.fdopen(os.dup(pipe[1]), "w")
    native_thread(lambda: (stream.write("from a thread"), stream.flush())).join()
    assert os.read(pipe[0], 100) == b"from a thread"
    stream.close()
