# SPDX-License-Identifier: MIT
"""slapd, through python-ldap and libldap. It asks a program for each entry: answers may be late."""
import os
import urllib.parse

import servers
from table import Client

CONFIGURATION = """
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_sock
loglevel 0
threads 64
sizelimit unlimited
database sock
suffix dc=test
socketpath {entries}
"""


class Entries(servers.Peer):
    name = "ldap-entries"
    script = "peer_ldap.py"

    def argument(self):
        return self.path("socket")

    def is_up(self):
        return os.path.exists(self.path("socket"))


class Slapd(servers.Server):
    name = "slapd"

    def prepare(self):
        self.slapd = servers.program("slapd", "slapd")
        self.port = servers.free_port()
        self.socket = urllib.parse.quote(self.path("socket"), safe="")
        with open(self.path("slapd.conf"), "w") as file:
            file.write(CONFIGURATION.format(entries=servers.shared(Entries).path("socket")))

    def command(self):
        addresses = "ldap://127.0.0.1:%d ldapi://%s" % (self.port, self.socket)
        return [self.slapd, "-d", "0", "-f", self.path("slapd.conf"), "-h", addresses]

    def is_up(self):
        return servers.accepts(self.port)


def values(found):
    return [entry["sn"][0] for _, entry in found]


class PythonLDAP(Client):
    module = "ldap"
    package = "python3-ldap"
    server_kind = Slapd

    def set_up(self):
        self.errors = self.driver.LDAPError

    def version(self):
        number = self.driver.VENDOR_VERSION
        return "python-ldap %s, libldap %d.%d.%d" % (
            self.driver.__version__, number // 10000, number // 100 % 100, number % 100)

    def connect(self, host=None, port=None):
        address = "ldapi://" + self.server.socket
        if host is not None:
            address = "ldap://%s:%d" % (host, port or self.server.port)
        connection = self.driver.initialize(address)
        connection.simple_bind_s()
        return connection

    def close(self, connection):
        connection.unbind_s()

    def query(self, what, argument):
        return "dc=test", self.driver.SCOPE_SUBTREE, "(cn=%s %s)" % (what, argument)

    def search(self, connection, *query):
        return values(connection.search_s(*self.query(*query)))

    def wait(self, connection, seconds):
        return self.search(connection, "wait", seconds)

    def echo(self, connection, text):
        return self.search(connection, "echo", text)[0].decode()

    def fetch(self, connection, size):
        request = connection.search(*self.query("fetch", size))
        kind, found = connection.result(request, all=0)
        while kind == self.driver.RES_SEARCH_ENTRY:
            yield values(found)
            kind, found = connection.result(request, all=0)

    def kill_server(self, connection):
        self.server.kill()
