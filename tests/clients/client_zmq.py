# SPDX-License-Identifier: MIT
"""A ZeroMQ peer, through pyzmq's plain sockets and libzmq, which has threads of its own."""
import servers
from table import Client


class Peer(servers.Peer):
    name = "zmq"
    script = "peer_zmq.py"


class PyZMQ(Client):
    module = "zmq"
    package = "python3-zmq"
    server_kind = Peer

    def set_up(self):
        self.errors = self.driver.ZMQError
        self.context = self.driver.Context()

    def version(self):
        return "pyzmq %s, libzmq %s" % (self.driver.__version__, self.driver.zmq_version())

    def connect(self, host=None, port=None):
        connection = self.context.socket(self.driver.REQ)
        connection.setsockopt(self.driver.LINGER, 0)
        connection.connect("tcp://%s:%d" % (host or "127.0.0.1", port or self.server.port))
        return connection

    def ask(self, connection, what, argument):
        connection.send(b"%s %s" % (what, str(argument).encode()))
        return connection.recv()

    def wait(self, connection, seconds):
        return self.ask(connection, b"wait", seconds)

    def echo(self, connection, text):
        return self.ask(connection, b"echo", text).decode()

    def fetch(self, connection, size):
        yield [self.ask(connection, b"fetch", size)]
