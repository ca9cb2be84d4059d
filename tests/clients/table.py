# SPDX-License-Identifier: MIT
"""What all clients have in common: the words in which test_table.py speaks of each of them."""
import importlib

import servers

# Where each is: the module and the class.
CLIENTS = {"psycopg2": "psycopg2.Psycopg2", "psycopg2-tcp": "psycopg2.Psycopg2TCP",
           "psycopg2-tls": "psycopg2.Psycopg2TLS", "mysqlclient": "mysqlclient.MySQLClient", "redis-py": "redis.RedisPy",
           "hiredis": "hiredis.Hiredis", "python-ldap": "ldap.PythonLDAP", "pycurl": "pycurl.PycURL",
           "pycurl-https": "pycurl.SecurePycURL", "pyzmq": "zmq.PyZMQ",
           "getaddrinfo": "dns.GetAddrInfo"}


class Client:
    """A driver and its server. What is None, or False, in a subclass it cannot do: no test of it."""

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


def kind(name):
    module, kind = CLIENTS[name].split(".")
    return getattr(importlib.import_module("client_" + module), kind)


def those_who_can(*what):
    return [name for name in CLIENTS if all(getattr(kind(name), one) for one in what)]


_clients = {}


def client(name):
    """The one of that name, once and for all; or the reason why it is not here."""
    if name not in _clients:
        try:
            _clients[name] = kind(name)()
        except (servers.Missing, servers.Failed) as why:
            _clients[name] = why
    if isinstance(_clients[name], Exception):
        raise _clients[name]
    return _clients[name]
