# SPDX-License-Identifier: MIT
"""PostgreSQL, through psycopg2 and libpq."""
import glob
import os
import signal

import servers
from table import Client


class PostgreSQL(servers.Server):
    name = "postgresql"
    # Its word for: now, but leave nothing behind.
    end_signal = signal.SIGQUIT

    def prepare(self):
        folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
        self.postgres = servers.program("postgres", "postgresql", *folders)
        initdb = servers.program("initdb", "postgresql", *folders)
        self.port = servers.free_port()
        self.run(initdb, "-D", self.path("data"), "-U", "postgres", "-A", "trust", "-E", "UTF8",
                 "--locale=C", "--no-sync")

    def command(self):
        settings = {"listen_addresses": "localhost", "unix_socket_directories": self.folder,
                    "fsync": "off", "max_connections": 150, "shared_buffers": "16MB",
                    "autovacuum": "off", "jit": "off"}
        return [self.postgres, "-D", self.path("data"), "-p", str(self.port)] + [
            word for name, value in settings.items() for word in ("-c", "%s=%s" % (name, value))]

    def where(self):
        return {"host": self.folder, "port": self.port, "user": "postgres", "dbname": "postgres"}

    def is_up(self):
        import psycopg2
        psycopg2.connect(**self.where()).close()
        return True


class SecurePostgreSQL(PostgreSQL):
    name = "postgresql-tls"

    def prepare(self):
        super().prepare()
        servers.make_certificate(self)

    def command(self):
        return super().command() + ["-c", "ssl=on", "-c", "ssl_key_file=" + self.path("key"),
                                    "-c", "ssl_cert_file=" + self.path("certificate")]


class Psycopg2(Client):
    module = "psycopg2"
    package = "python3-psycopg2"
    server_kind = PostgreSQL

    def set_up(self):
        self.errors = (self.driver.OperationalError, self.driver.InterfaceError)

    def version(self):
        libpq = divmod(self.driver.extensions.libpq_version(), 10000)
        return "psycopg2 %s, libpq %d.%d" % (self.driver.__version__.split()[0], *libpq)

    def connect(self, host=None, port=None):
        where = self.server.where()
        if host is not None:
            where.update(host=host, port=port or where["port"])
        return self.driver.connect(**where)

    def ask(self, connection, query, *arguments):
        with connection.cursor() as cursor:
            cursor.execute(query, arguments)
            return cursor.fetchone()[0]

    def wait(self, connection, seconds):
        return self.ask(connection, "select pg_sleep(%s)", seconds)

    def echo(self, connection, text):
        return self.ask(connection, "select %s", text)

    def is_reported_broken(self, connection):
        return connection.closed != 0

    def fetch(self, connection, size):
        with connection.cursor() as cursor:
            cursor.execute("select repeat('x', 1024) from generate_series(1, %s)", (size // 1024,))
            while True:
                rows = cursor.fetchmany(1000)
                if not rows:
                    break
                yield [row[0] for row in rows]

    def kill_server(self, connection):
        """One process of it, whereupon it throws out everybody and recovers."""
        os.kill(connection.info.backend_pid, signal.SIGKILL)


class Psycopg2TCP(Psycopg2):
    def version(self):
        return super().version() + ", TCP"

    def connect(self, host="localhost", port=None):
        return super().connect(host, port)


class Psycopg2TLS(Psycopg2TCP):
    server_kind = SecurePostgreSQL

    def version(self):
        return Psycopg2.version(self) + ", TLS"

    def connect(self, host="localhost", port=None):
        where = dict(self.server.where(), host=host, port=port or self.server.port)
        return self.driver.connect(sslmode="verify-full",
                                   sslrootcert=self.server.path("certificate"), **where)
