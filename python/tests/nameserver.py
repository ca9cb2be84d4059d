# SPDX-License-Identifier: MIT
"""A name server that answers late, on a port of its own, and a thread that asks nobody else.

As a program: the server. It ends with its parent.
"""
import ctypes
import heapq
import os
import socket
import struct
import subprocess
import sys
import time

ADDRESS = "192.0.2.1"
NAME = "late.test"

libc = ctypes.CDLL(None, use_errno=True)


def answer(query):
    """A and AAAA of any name, PTR of any address; names below "nowhere" do not exist."""
    end = query.index(b"\0", 12) + 5
    kind, = struct.unpack_from(">H", query, end - 4)
    data = {1: socket.inet_aton(ADDRESS), 28: socket.inet_pton(socket.AF_INET6, "2001:db8::1"),
            12: b"\4late\4test\0"}.get(kind, b"")
    missing = query[12:].startswith(b"\7nowhere")
    count = 1 if data and not missing else 0
    header = query[:2] + struct.pack(">HHHHH", 0x8180 | 3 * missing, 1, count, 0, 0)
    record = struct.pack(">HHHIH", 0xc00c, kind, 1, 60, len(data)) + data
    return header + query[12:end] + record * count


def serve(delay):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    parent, due = os.getppid(), []
    while os.getppid() == parent:
        server.settimeout(max(due[0][0] - time.monotonic(), .001) if due else 1)
        try:
            query, client = server.recvfrom(512)
            heapq.heappush(due, (time.monotonic() + delay, client, query))
        except OSError:
            pass
        while due and due[0][0] <= time.monotonic():
            _, client, query = heapq.heappop(due)
            server.sendto(answer(query), client)


def start(delay):
    """The running server; this thread looks up hosts there, and there only."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    process = subprocess.Popen([sys.executable, __file__, str(delay)], stdout=subprocess.PIPE,
                               env=environment)
    use(int(process.stdout.readline()))
    return process


def use(port):
    assert libc.__nss_configure_lookup(b"hosts", b"dns") == 0
    assert libc.__res_init() == 0
    libc.__res_state.restype = ctypes.c_void_p
    state = libc.__res_state()
    # struct __res_state: retrans, retry, options, nscount, nsaddr_list
    ctypes.c_int.from_address(state).value = 60
    ctypes.c_int.from_address(state + 16).value = 1
    address = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port)
    ctypes.memmove(state + 20, address + socket.inet_aton("127.0.0.1"), 8)


if __name__ == "__main__":
    serve(float(sys.argv[1]))
