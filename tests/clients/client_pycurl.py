# SPDX-License-Identifier: MIT
"""An HTTP server with slow answers, through pycurl and libcurl's easy interface."""
import io
import urllib.parse

import servers
from table import Client


class Web(servers.Peer):
    name = "http"
    script = "peer_http.py"


class PycURL(Client):
    module = "pycurl"
    package = "python3-pycurl"
    server_kind = Web

    def set_up(self):
        self.errors = self.driver.error

    def version(self):
        return ", ".join(self.driver.version.split()[:2]).replace("/", " ")

    def connect(self, host=None, port=None):
        connection = self.driver.Curl()
        connection.server = "http://%s:%d" % (host or "127.0.0.1", port or self.server.port)
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
