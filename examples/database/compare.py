# SPDX-License-Identifier: MIT
"""Measures web.py under gunicorn's gevent worker with wrk, without and with libmpgreen.

    compare.py [--library .libs/libmpgreen.so] [--seconds 5] [--clients 50] [--times 2]

Starts a PostgreSQL server of its own, too. Exits with 1 if with the library a request failed, or not so
many times as many were answered as without; with 77 where something is not installed.
"""
import argparse
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(TOP, "examples", "servers"), os.path.join(TOP, "tests", "clients")]
MILLISECONDS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", default=".libs/libmpgreen.so")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=50, help="requests at once")
    parser.add_argument("--times", type=float, default=2, help="the least that it must bring")
    options = parser.parse_args()
    options.library = os.path.abspath(options.library)
    if not os.path.exists(options.library):
        parser.error("%s: no such library" % options.library)
    return options


def look_for_programs():
    missing = [package for package, there in (
        ("wrk", shutil.which("wrk")), ("gunicorn", can_import("gunicorn")),
        ("python3-gevent", can_import("gevent")), ("python3-psycopg2", can_import("psycopg2")),
    ) if not there]
    if missing:
        print("for this, install " + " ".join(missing), file=sys.stderr)
        sys.exit(77)


def can_import(module):
    return subprocess.run([sys.executable, "-c", "import " + module], capture_output=True).returncode == 0


def gunicorn(database, port):
    """What examples/servers/compare.py runs."""
    class Gunicorn:
        def __init__(self, folder):
            self.command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "--bind",
                            "127.0.0.1:%d" % port, "--chdir", HERE, "--log-level", "warning",
                            "--graceful-timeout", "1", "web:application"]
            self.environment = {"DATABASE": database}

        def quick(self):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/quick")
            connection.getresponse().read()
            connection.close()
    return Gunicorn


def worst_quick(server, process):
    """The longest that a quick request waited while PROCESS ran, in milliseconds."""
    worst = 0
    while process.poll() is None:
        began = time.monotonic()
        server.quick()
        worst = max(worst, time.monotonic() - began)
        time.sleep(0.02)
    return worst * 1000


def measure(kind, library, port, options):
    from compare import running
    command = ["wrk", "--threads", "1", "--connections", str(options.clients), "--latency",
               "--timeout", "30", "--duration", "%ds" % options.seconds,
               "http://127.0.0.1:%d/" % port]
    with running(kind, library) as server:
        wrk = subprocess.Popen(command, stdout=subprocess.PIPE, universal_newlines=True)
        quick = worst_quick(server, wrk)
        said = wrk.stdout.read()
    rate = float(re.search(r"^Requests/sec: +([\d.]+)", said, re.M)[1])
    p99, unit = re.search(r"^ +99% +([\d.]+)(\w+)", said, re.M).groups()
    failed = re.search(r"^ +(Non-2xx.*|Socket errors.*)", said, re.M)
    return rate, float(p99) * MILLISECONDS[unit], quick, failed and failed[1]


def compare(options):
    import servers
    from client_psycopg2 import PostgreSQL
    server = servers.shared(PostgreSQL)
    database = " ".join("%s=%s" % item for item in server.where().items())
    print("gunicorn -k gevent, one worker; %d clients, each query takes 50 ms; %d s"
          % (options.clients, options.seconds))
    print("%-8s %12s %10s %18s" % ("", "requests/s", "p99, ms", "worst quick, ms"))
    rates = {}
    for library in (None, options.library):
        port = servers.free_port()
        rates[library], p99, quick, failed = measure(gunicorn(database, port), library, port, options)
        print("%-8s %12.0f %10.0f %18.0f" % (
            "with" if library else "without", rates[library], p99, quick), flush=True)
        if library and failed:
            sys.exit("with libmpgreen: " + failed)
    if rates[options.library] < options.times * rates[None]:
        sys.exit("with libmpgreen not %g times as many requests were answered" % options.times)


def main():
    options = arguments()
    look_for_programs()
    with tempfile.TemporaryDirectory(prefix="database.", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        os.environ["CLIENTS_FOLDER"] = folder
        import servers
        try:
            compare(options)
        except servers.Missing as missing:
            print("for this, install %s" % missing, file=sys.stderr)
            sys.exit(77)
        finally:
            servers.stop_all()


if __name__ == "__main__":
    main()
