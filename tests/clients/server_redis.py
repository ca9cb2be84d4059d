# SPDX-License-Identifier: MIT
"""Redis. The package of its tools has the program; the other one would start it with the machine."""
import itertools
import os

import servers

# Lists to wait for that nobody else waits for.
keys = map("list-{}".format, itertools.count())


class Redis(servers.Server):
    name = "redis"

    def prepare(self):
        # Which of its programs it is, it knows by its name.
        self.redis = self.path("redis-server")
        os.symlink(servers.program("redis-check-rdb", "redis-tools"), self.redis)
        self.port = servers.free_port()
        self.socket = self.path("socket")

    def command(self):
        return [self.redis, "--bind", "127.0.0.1", "--port", str(self.port),
                "--unixsocket", self.socket, "--save", ""]

    def is_up(self):
        return servers.accepts(self.port) and os.path.exists(self.socket)
