# SPDX-License-Identifier: MIT
"""What all clients have in common: the words in which test_table.py speaks of each of them."""
import importlib

import servers

# Each is a class of that name in the module of that name.
NAMES = ["psycopg2.Psycopg2", "mysqlclient.MySQLClient", "redis.RedisPy", "hiredis.Hiredis",
         "ldap.PythonLDAP", "pycurl.PycURL", "zmq.PyZMQ", "dns.DNS"]


class Client:
    """A driver and its server. What a subclass leaves as None it cannot do, and is not tested."""

    module = None			# what Python imports
    package = None			# what Debian calls it
    server_kind = None
    errors = ()				# what the driver raises when a connection has been lost
    host = "localhost"			# a name that it looks up
    over_tcp = True			# connects to server.port

    def __init__(self):
        try:
            self.driver = importlib.import_module(self.module)
        except ImportError:
            raise servers.Missing(self.package) from None
        self.server = servers.shared(self.server_kind)
        self.set_up()

    def set_up(self):
        """Once, when the server is up."""

    def version(self):
        """The driver's, and that of the library which it is made with."""
        raise NotImplementedError

    def connect(self, host=None, port=None):
        """A connection of its own; by TCP to that host, a name or an address, if it is given."""
        raise NotImplementedError

    def close(self, connection):
        connection.close()

    def wait(self, connection, seconds):
        """One request, which the server answers after so long."""
        raise NotImplementedError

    def echo(self, connection, text):
        """One request: its answer is the text."""
        raise NotImplementedError

    def is_reported_broken(self, connection):
        """Where the driver can say: would a pool throw this connection away?"""
        return True

    # fetch(connection, size): the answer to one request, `size` bytes of b"x" or "x"; yields lists of them
    fetch = None

    # kill_server(connection): from elsewhere; that connection, at least, is lost by a crash
    kill_server = None


_clients = {}


def client(name):
    """The one of that name, once and for all; or the reason why it is not here."""
    if name not in _clients:
        module, kind = name.split(".")
        try:
            _clients[name] = getattr(importlib.import_module("client_" + module), kind)()
        except (servers.Missing, servers.Failed) as why:
            _clients[name] = why
    if isinstance(_clients[name], Exception):
        raise _clients[name]
    return _clients[name]
