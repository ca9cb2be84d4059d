# SPDX-License-Identifier: MIT
"""MariaDB, through mysqlclient and libmariadb."""
import servers
from table import Client


class MariaDB(servers.Server):
    name = "mariadb"

    def prepare(self):
        self.mariadbd = servers.program("mariadbd", "mariadb-server-core")
        install = servers.program("mariadb-install-db", "mariadb-server-core")
        servers.program("my_print_defaults", "mariadb-client-core")
        self.port = servers.free_port()
        self.run(install, "--no-defaults", "--datadir=" + self.path("data"), "--skip-test-db",
                 "--auth-root-authentication-method=normal", "--skip-name-resolve")

    def command(self):
        return [self.mariadbd, "--no-defaults", "--datadir=" + self.path("data"),
                "--socket=" + self.path("socket"), "--port=%d" % self.port,
                "--bind-address=localhost", "--innodb-buffer-pool-size=16M", "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=0", "--max-allowed-packet=128M",
                "--pid-file=" + self.path("pid")]

    def where(self):
        return {"unix_socket": self.path("socket"), "user": "root", "db": "mysql"}

    def is_up(self):
        import MySQLdb
        MySQLdb.connect(**self.where()).close()
        return True


class MySQLClient(Client):
    module = "MySQLdb"
    package = "python3-mysqldb"
    server_kind = MariaDB
    # In small letters that is its word for the socket.
    host = "LOCALHOST"

    def set_up(self):
        self.errors = (self.driver.OperationalError, self.driver.InterfaceError)

    def version(self):
        return "mysqlclient %s, libmariadb %s" % (self.driver.__version__, self.driver.get_client_info())

    def connect(self, host=None, port=None):
        where = self.server.where()
        if host is not None:
            del where["unix_socket"]
            where.update(host=host, port=port or self.server.port)
        return self.driver.connect(**where)

    def ask(self, connection, query, *arguments):
        cursor = connection.cursor()
        cursor.execute(query, arguments)
        return cursor.fetchone()[0]

    def wait(self, connection, seconds):
        return self.ask(connection, "select sleep(%s)", seconds)

    def echo(self, connection, text):
        return self.ask(connection, "select %s", text)

    def fetch(self, connection, size):
        # The usual one makes all rows at once, which keeps threads from running, too.
        from MySQLdb.cursors import SSCursor
        cursor = connection.cursor(SSCursor)
        cursor.execute("select repeat('x', 1024) from seq_1_to_%s" % (size // 1024))
        while True:
            rows = cursor.fetchmany(1000)
            if not rows:
                break
            yield [row[0] for row in rows]

    def kill_server(self, connection):
        self.server.kill()
