# SPDX-License-Identifier: MIT
"""An HTTP server with slow answers, through pycurl and libcurl's easy interface."""
import io
import urllib.parse

import servers
from table import Client


class Web(servers.Peer):
    name = "http"
    script = "peer_http.py"


class SecureWeb(Web):
    name = "https"

    def prepare(self):
        super().prepare()
        servers.make_certificate(self)

    def argument(self):
        return ":".join([str(self.port), self.path("certificate"), self.path("key")])


class PycURL(Client):
    module = "pycurl"
    package = "python3-pycurl"
    server_kind = Web
    scheme = "http"

    def set_up(self):
        self.errors = self.driver.error

    def version(self):
        return ", ".join(self.driver.version.split()[:2]).replace("/", " ")

    def connect(self, host=None, port=None):
        connection = self.driver.Curl()
        connection.server = "%s://%s:%d" % (self.scheme, host or "127.0.0.1", port or self.server.port)
        return connection

    def get(self, connection, *path):
        body = io.BytesIO()
        address = "/".join((connection.server,) + tuple(urllib.parse.quote(str(p)) for p in path))
        connection.setopt(self.driver.URL, address)
        connection.setopt(self.driver.WRITEDATA, body)
        connection.perform()
        return body.getvalue()

    def wait(self, connection, seconds):
        return self.get(connection, "wait", seconds)

    def echo(self, connection, text):
        return self.get(connection, "echo", text).decode()

    def fetch(self, connection, size):
        yield [self.get(connection, "fetch", size)]

    def kill_server(self, connection):
        self.server.kill()


class SecurePycURL(PycURL):
    server_kind = SecureWeb
    scheme = "https"

    def version(self):
        return super().version() + ", TLS"

    def connect(self, host=None, port=None):
        connection = super().connect(host, port)
        connection.setopt(self.driver.CAINFO, self.server.path("certificate"))
        # GnuTLS would compute for 25 ms at each connection: all certificates of the system.
        connection.setopt(self.driver.CAPATH, self.server.folder)
        return connection
