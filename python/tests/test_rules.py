# SPDX-License-Identifier: MIT
"""Functions that a file of rules sends to a worker: the interpreter's crypt, and one by ctypes."""
import sys

import pytest

pytestmark = [
    pytest.mark.skipif(sys.version_info >= (3, 13), reason="this Python has no crypt"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

RULES = """
# crypt_data is on the stack of its caller, which greenlet moves: it is copied there and back
libcrypt.so.1: parallel ptr crypt_r(str, str, inout[32768] data)
libcrypt.so.1: ptr crypt(str, str)
"""

BEGIN = """
from gevent import monkey; monkey.patch_all()
import sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
import gevent, mpgreen
from stopwatch import Machine, Ticker
try:
    import _crypt, crypt
except ImportError:
    sys.exit(77)
gevent.get_hub()
assert mpgreen.attached()
SLOW = "$5$rounds=%d$mpgreen$"
"""


@pytest.fixture
def with_rules(script, tmp_path):
    path = tmp_path / "rules"
    path.write_text(RULES)
    path.chmod(0o600)

    def run(code):
        return script(BEGIN + code, __file__.rpartition("/")[0], env={"MPGREEN_RULES": str(path)})
    return run


def test_other_greenlets_run_while_ten_compute_a_hash(with_rules, tmp_path):
    assert with_rules(f"""
machine = Machine({str(tmp_path / "clock")!r})
ticker = Ticker()
def hash_it(password):
    return crypt.crypt(password, SLOW % 300000)
hashes = [gevent.spawn(hash_it, "password %d" % n) for n in range(10)]
gevent.joinall(hashes, raise_error=True)
gap, began, ended, *_ = ticker.stop()
stall = machine.stall(began, ended)
machine.end()
assert gap - stall < .05, (gap, stall)
values = [one.value for one in hashes]
assert len(set(values)) == 10
assert all(value.startswith(SLOW % 300000) for value in values)
assert mpgreen.stats()["worked"] >= 10
print("ran")
""") == "ran\n"


def test_a_timeout_comes_out_of_a_hash_as_itself(with_rules):
    assert with_rules("""
import time
began = time.monotonic()
timeout = gevent.Timeout(.05)
try:
    with timeout:
        crypt.crypt("password", SLOW % 30000000)
except gevent.Timeout as caught:
    assert caught is timeout
    assert time.monotonic() - began < 5
    print("in time", flush=True)
# The hash is not ended early: it would keep the process until it is there.
import os
os._exit(0)
""") == "in time\n"


def test_a_function_that_ctypes_looks_up_runs_on_a_worker(with_rules):
    assert with_rules("""
import ctypes
library = ctypes.CDLL("libcrypt.so.1")
library.crypt.restype = ctypes.c_char_p
before = mpgreen.stats()["worked"]
value = library.crypt(b"password", (SLOW % 1000).encode())
assert value.decode() == crypt.crypt("password", SLOW % 1000)
assert mpgreen.stats()["worked"] == before + 2
print("ran")
""") == "ran\n"


def test_what_is_not_ruled_runs_where_it_is_called(script):
    assert script(BEGIN + """
before = mpgreen.stats()["worked"]
crypt.crypt("password", SLOW % 1000)
assert mpgreen.stats()["worked"] == before
print("ran")
""", __file__.rpartition("/")[0]) == "ran\n"
