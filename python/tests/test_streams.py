# SPDX-License-Identifier: MIT
"""Buffered streams know threads, not greenlets: several greenlets on one of them."""
import io
import os

import gevent
import pytest

from conftest import settle


def test_printing_from_many_greenlets_into_a_slow_pipe(tmp_path):
    import subprocess
    import sys
    path = tmp_path / "program.py"
    path.write_text("""
from gevent import monkey; monkey.patch_all()
import gevent
def chat(name):
    for i in range(50):
        print("%s %d " % (name, i) + "x" * 1000)
        gevent.sleep(0)
gevent.joinall([gevent.spawn(chat, n) for n in "abcdefgh"], raise_error=True)
""")
    program = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    lines = []
    for line in program.stdout:
        lines.append(line)
        if len(lines) % 20 == 0:
            gevent.sleep(0.001)
    assert program.stderr.read() == b""
    assert program.wait() == 0
    for name in b"abcdefgh":
        mine = [line.split() for line in lines if line[0] == name]
        assert [int(line[1]) for line in mine] == list(range(50))
        assert all(len(line[2]) == 1000 for line in mine)
