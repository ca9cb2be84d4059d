# SPDX-License-Identifier: MIT
"""Redis, through redis-py with hiredis as its parser: Python sockets, and a parser in C."""
import servers
from server_redis import Redis, keys
from table import Client


class RedisPy(Client):
    module = "redis"
    package = "python3-redis"
    server_kind = Redis

    def set_up(self):
        if not self.driver.utils.HIREDIS_AVAILABLE:
            raise servers.Missing("python3-hiredis")
        self.errors = self.driver.RedisError

    def version(self):
        import hiredis
        return "redis-py %s, hiredis %s" % (self.driver.__version__, hiredis.__version__)

    def connect(self, host=None, port=None):
        if host is None:
            connection = self.driver.Redis(unix_socket_path=self.server.socket)
        else:
            connection = self.driver.Redis(host, port or self.server.port)
        connection.ping()
        return connection

    def wait(self, connection, seconds):
        return connection.blpop(next(keys), seconds)

    def echo(self, connection, text):
        return connection.echo(text).decode()

    def fetch(self, connection, size):
        yield [connection.eval("return string.rep('x', ARGV[1])", 0, size)]

    def kill_server(self, connection):
        self.server.kill()
