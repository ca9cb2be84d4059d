# SPDX-License-Identifier: MIT
"""Redis, through the synchronous functions of libhiredis, as a program in C calls them."""
import contextlib
import ctypes

import servers
from server_redis import Redis, keys
from table import Client

LIBRARY = "libhiredis.so.0.14"

# It copies each string in one go.
PIECE = 1 << 20
PIECES = """
local pieces, piece = {}, string.rep('x', ARGV[1])
for n = 1, ARGV[2] do pieces[n] = piece end
return pieces
"""


class Reply(ctypes.Structure):
    def get(self):
        return ctypes.string_at(self.str, self.len) if self.str else None


Reply._fields_ = [("type", ctypes.c_int), ("integer", ctypes.c_longlong), ("len", ctypes.c_size_t),
                  ("str", ctypes.c_void_p), ("elements", ctypes.c_size_t),
                  ("element", ctypes.POINTER(ctypes.POINTER(Reply)))]


class Context(ctypes.Structure):
    _fields_ = [("err", ctypes.c_int), ("errstr", ctypes.c_char * 128)]


class Error(Exception):
    """What the context says."""


def load():
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        raise servers.Missing("libhiredis0.14") from None
    for connect in library.redisConnect, library.redisConnectUnix:
        connect.restype = ctypes.POINTER(Context)
    library.redisConnect.argtypes = [ctypes.c_char_p, ctypes.c_int]
    library.redisConnectUnix.argtypes = [ctypes.c_char_p]
    library.redisFree.argtypes = [ctypes.POINTER(Context)]
    library.redisCommandArgv.restype = ctypes.POINTER(Reply)
    library.redisCommandArgv.argtypes = [ctypes.POINTER(Context), ctypes.c_int, ctypes.c_void_p,
                                         ctypes.c_void_p]
    library.freeReplyObject.argtypes = [ctypes.POINTER(Reply)]
    return library


class Hiredis(Client):
    module = "ctypes"
    package = "libhiredis0.14"
    server_kind = Redis
    errors = Error

    def set_up(self):
        self.library = load()

    def version(self):
        return LIBRARY

    def connect(self, host=None, port=None):
        if host is None:
            connection = self.library.redisConnectUnix(self.server.socket.encode())
        else:
            connection = self.library.redisConnect(host.encode(), port or self.server.port)
        if connection.contents.err:
            error = Error(connection.contents.errstr.decode())
            self.close(connection)
            raise error
        return connection

    def close(self, connection):
        self.library.redisFree(connection)

    @contextlib.contextmanager
    def reply(self, connection, *words):
        words = [str(word).encode() for word in words]
        argv = (ctypes.c_char_p * len(words))(*words)
        reply = self.library.redisCommandArgv(connection, len(words), argv, None)
        if not reply:
            raise Error(connection.contents.errstr.decode())
        try:
            yield reply.contents
        finally:
            self.library.freeReplyObject(reply)

    def ask(self, connection, *words):
        with self.reply(connection, *words) as reply:
            return reply.get()

    def wait(self, connection, seconds):
        return self.ask(connection, "BLPOP", next(keys), seconds)

    def echo(self, connection, text):
        return self.ask(connection, "ECHO", text).decode()

    def is_reported_broken(self, connection):
        return connection.contents.err != 0

    def fetch(self, connection, size):
        with self.reply(connection, "EVAL", PIECES, 0, PIECE, size // PIECE) as reply:
            for number in range(reply.elements):
                yield [reply.element[number].contents.get()]

    def kill_server(self, connection):
        self.server.kill()
