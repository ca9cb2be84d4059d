# SPDX-License-Identifier: MIT
"""Names that C code looks up: libc's own getaddrinfo() lets other greenlets run."""
import pytest

PROGRAM = """
from gevent import monkey; monkey.patch_all()
import ctypes, os, sys, time
sys.path.insert(0, %r)
import _socket, gevent, nameserver, stopwatch
from nameserver import ADDRESS, NAME, libc

class Info(ctypes.Structure):
    pass
Info._fields_ = [("flags", ctypes.c_int), ("family", ctypes.c_int), ("type", ctypes.c_int),
                 ("protocol", ctypes.c_int), ("len", ctypes.c_uint32),
                 ("address", ctypes.c_void_p), ("name", ctypes.c_char_p),
                 ("next", ctypes.c_void_p)]
hints = Info(family=_socket.AF_INET, type=_socket.SOCK_STREAM)

def by_ctypes():
    found = ctypes.POINTER(Info)()
    status = libc.getaddrinfo(NAME.encode(), b"80", ctypes.byref(hints), ctypes.byref(found))
    if status == 0:
        address = _socket.inet_ntoa(ctypes.string_at(found.contents.address + 4, 4))
        libc.freeaddrinfo(found)
        return address
    return status

def by_socket():
    return _socket.getaddrinfo(NAME, 80, _socket.AF_INET, _socket.SOCK_STREAM)[0][4][0]

def by_name():
    return _socket.gethostbyname_ex(NAME)[2][0]

def by_address():
    return {NAME: ADDRESS}[_socket.gethostbyaddr(ADDRESS)[0]]

def by_info():
    return {NAME: ADDRESS}[_socket.getnameinfo((ADDRESS, 80), 0)[0]]

def by_host():
    host = libc.gethostbyname(NAME.encode())
    addresses = ctypes.cast(host, ctypes.POINTER(ctypes.c_void_p))[3]
    first = ctypes.cast(addresses, ctypes.POINTER(ctypes.c_void_p))[0]
    return _socket.inet_ntoa(ctypes.string_at(first, 4))
libc.gethostbyname.restype = ctypes.c_void_p

look_up = globals()[sys.argv[1]]
"""

LATEST = .1
WAYS = "by_ctypes", "by_socket", "by_name", "by_address", "by_info", "by_host"


@pytest.fixture
def run(script, request):
    def run(code, *arguments):
        return script(PROGRAM % request.fspath.dirname + code, *arguments)
    return run


@pytest.mark.parametrize("way", WAYS)
def test_twenty_greenlets_look_up_at_once_and_nobody_is_held_up(run, way, tmp_path):
    elapsed, gap, stalled = map(float, run("""
server = nameserver.start(.5)
machine = stopwatch.Machine(sys.argv[2])
ticker = stopwatch.Ticker()
began = time.monotonic()
greenlets = [gevent.spawn(look_up) for _ in range(20)]
gevent.joinall(greenlets)
ended = time.monotonic()
assert [greenlet.value for greenlet in greenlets] == [ADDRESS] * 20
gap = ticker.stop()[0]
gevent.sleep(.1)
print(ended - began, gap, machine.stall(began, ended))
machine.end()
server.kill()
""", way, str(tmp_path / "stalls")).split())
    assert .5 <= elapsed < 1.5 + stalled
    assert gap < .05 + stalled


@pytest.mark.parametrize("way", WAYS)
def test_a_timeout_comes_out_as_itself_and_at_once(run, way):
    late = float(run("""
server = nameserver.start(60)
timeout = gevent.Timeout(.1)
began = stopwatch.stopwatch()
try:
    with timeout:
        look_up()
except gevent.Timeout as caught:
    assert caught is timeout
    print(stopwatch.stopwatch() - began - .1)
server.kill()
""", way))
    assert late < LATEST


@pytest.mark.parametrize("way", WAYS)
def test_kill_ends_a_look_up_and_others_go_on(run, way):
    assert run("""
server = nameserver.start(.5)
victims = [gevent.spawn(look_up) for _ in range(5)]
others = [gevent.spawn(look_up) for _ in range(5)]
gevent.sleep(.05)
began = stopwatch.stopwatch()
gevent.killall(victims, timeout=10)
print(stopwatch.stopwatch() - began < %s, all(v.dead for v in victims))
gevent.joinall(others)
print({other.value for other in others} == {ADDRESS})
server.kill()
""" % LATEST, way) == "True True\nTrue\n"


def test_a_name_that_does_not_exist_is_the_error_of_libc(run):
    assert run("""
server = nameserver.start(0)
try:
    _socket.getaddrinfo("nowhere.test", 80)
except _socket.gaierror as error:
    print(error.errno == _socket.EAI_NONAME)
server.kill()
""", "by_socket") == "True\n"


def test_a_child_of_fork_looks_up_while_its_parent_does(run):
    assert run("""
import multiprocessing
server = nameserver.start(.2)
looking = gevent.spawn(look_up)
gevent.sleep(.05)
def look():
    sys.exit(look_up() != ADDRESS)
process = multiprocessing.get_context("fork").Process(target=look)
process.start()
process.join()
print(process.exitcode, looking.get() == ADDRESS)
server.kill()
""", "by_socket") == "0 True\n"
