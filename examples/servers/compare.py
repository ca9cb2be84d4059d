# SPDX-License-Identifier: MIT
"""Starts a gunicorn or Celery worker without and with libmpgreen, and asks it for slow and quick work.

    compare.py [--library .libs/libmpgreen.so] [--only-with] [--ways pipe,pool] gunicorn|celery

For each way of using multiprocessing a worker is started; four slow requests of one second each are
made at once, and quick ones all the while. Exits with 1 if with the library a slow one failed, the
four did not run side by side, or a quick one took about as long as a slow one works.
"""
import argparse
import contextlib
import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import jobs  # noqa: E402

SLOW_REQUESTS = 4
QUICK_EVERY_SECONDS = 0.02
START_SECONDS = 30
PATIENCE_SECONDS = 6 * jobs.WORK_SECONDS
TOO_SLOW_SECONDS = jobs.WORK_SECONDS * 0.9
TOO_LONG_SECONDS = jobs.WORK_SECONDS * SLOW_REQUESTS / 2 + 1


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Gunicorn:
    name = "gunicorn -k gevent"
    ways = tuple(jobs.WAYS)

    def __init__(self, folder):
        self.path = os.path.join(folder, "socket")
        self.command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "--bind", "unix:" + self.path,
                        "--chdir", HERE, "--log-level", "warning", "--graceful-timeout", "1",
                        "web:application"]
        self.environment = {}

    def ask(self, what):
        connection = UnixConnection(self.path)
        with contextlib.closing(connection):
            connection.request("GET", what)
            response = connection.getresponse()
            text = response.read().decode().strip()
            if response.status != 200:
                raise RuntimeError(text)
            return text

    def slow(self, way, number):
        return int(self.ask("/%s/%d" % (way, number)))

    def quick(self):
        began = time.monotonic()
        process = self.ask("/quick")
        return time.monotonic() - began, int(process)


class Celery:
    name = "celery worker -P gevent"
    ways = (*jobs.WAYS, "billiard")

    def __init__(self, folder):
        os.environ["TASKS_FOLDER"] = folder
        self.command = [sys.executable, "-m", "celery", "-A", "tasks", "--workdir", HERE, "worker",
                        "-P", "gevent", "-c", "50", "--without-gossip", "--without-mingle",
                        "--without-heartbeat", "--loglevel", "WARNING"]
        self.environment = {"C_FORCE_ROOT": "1"}
        for module in [name for name in sys.modules if name.split(".")[0] in ("tasks", "celery")]:
            del sys.modules[module]
        import tasks
        self.tasks = tasks

    def slow(self, way, number):
        return self.tasks.slow.delay(way, number).get(timeout=PATIENCE_SECONDS, interval=0.02)

    def quick(self):
        task = self.tasks.quick.delay(time.time())
        return task.get(timeout=PATIENCE_SECONDS, interval=0.01)


@contextlib.contextmanager
def running(kind, library):
    """A worker in a session of its own; that whole session is ended afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        server = kind(folder)
        environment = {k: v for k, v in os.environ.items()
                       if k != "LD_PRELOAD" and not k.startswith("MPGREEN_")}
        environment.update(server.environment, PYTHONDONTWRITEBYTECODE="1")
        if library:
            environment["LD_PRELOAD"] = library
        with open(os.path.join(folder, "log"), "w+", encoding="utf-8", errors="replace") as log:
            process = subprocess.Popen(server.command, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True)
            try:
                wait_until_up(server, process)
                yield server
            finally:
                end_session(process)
                log.seek(0)
                server.said = log.read()


def wait_until_up(server, process):
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            server.quick()
            return
        except (OSError, http.client.HTTPException):
            if process.poll() is not None or time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def end_session(process):
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(3)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Outcome:
    def __init__(self):
        self.answers = []
        self.errors = []
        self.took = 0
        self.quick = []
        self.processes = set()
        self.log = ""

    def ask_slow(self, server, way, number):
        try:
            answer = server.slow(way, number)
            if answer != number * number:
                raise RuntimeError("wrong answer %r" % answer)
            self.answers.append(answer)
        except Exception as error:
            self.errors.append(str(error) or type(error).__name__)

    def ask_quick(self, server, ended):
        while not ended.wait(QUICK_EVERY_SECONDS):
            began = time.monotonic()
            try:
                took, process = server.quick()
                self.quick.append(took)
                self.processes.add(process)
            except Exception:
                self.quick.append(time.monotonic() - began)

    def failure(self):
        if self.errors:
            return self.errors[0]
        if self.took > TOO_LONG_SECONDS:
            return "one after the other"
        if len(self.processes) > 1:
            return "children answered in the worker's place"
        if not self.quick or max(self.quick) > TOO_SLOW_SECONDS:
            return "the quick ones had to wait"
        return None

    def slow_text(self):
        if not self.errors:
            return "%d of %d in %.1f s" % (len(self.answers), SLOW_REQUESTS, self.took)
        number = re.search(r"\[Errno \d+\]|timed out", self.errors[0])
        return "%d fail: %s" % (len(self.errors), number[0] if number else self.errors[0][:20])

    def quick_text(self):
        if not self.quick:
            return "none"
        copies = len(self.processes) - 1
        return "%.0f / %.0f ms%s" % (statistics.median(self.quick) * 1000, max(self.quick) * 1000,
                                     ", some by %d stray copies" % copies if copies > 0 else "")


def measure(kind, library, way):
    outcome, ended = Outcome(), threading.Event()
    with running(kind, library) as server:
        slow = [threading.Thread(target=outcome.ask_slow, args=(server, way, number))
                for number in range(2, 2 + SLOW_REQUESTS)]
        quick = threading.Thread(target=outcome.ask_quick, args=(server, ended))
        began = time.monotonic()
        for thread in slow:
            thread.start()
        quick.start()
        for thread in slow:
            thread.join()
        outcome.took = time.monotonic() - began
        ended.set()
        quick.join()
    outcome.log = server.said
    return outcome


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", default=".libs/libmpgreen.so")
    parser.add_argument("--only-with", action="store_true", help="not without the library")
    parser.add_argument("--ways", help="all of: %s; Celery also: billiard" % ",".join(jobs.WAYS))
    parser.add_argument("server", choices=("gunicorn", "celery"))
    options = parser.parse_args()
    options.library = os.path.abspath(options.library)
    if not os.path.exists(options.library):
        parser.error("%s: no such library" % options.library)
    return options


def main():
    options = arguments()
    kind = {"gunicorn": Gunicorn, "celery": Celery}[options.server]
    line = "%-9s %-8s %-28s %s"
    print("%s: %d slow requests at once, %.0f s of work each; quick ones meanwhile"
          % (kind.name, SLOW_REQUESTS, jobs.WORK_SECONDS))
    print(line % ("", "", "slow", "quick: median / worst"))
    failed = []
    for way in options.ways.split(",") if options.ways else kind.ways:
        for library in (None, options.library)[options.only_with:]:
            outcome = measure(kind, library, way)
            print(line % (way, "with" if library else "without",
                          outcome.slow_text(), outcome.quick_text()), flush=True)
            if library and outcome.failure():
                failed.append("%s (%s)" % (way, outcome.failure()))
                sys.stderr.write(outcome.log[-4000:])
    if failed:
        sys.exit("with libmpgreen this did not work: " + ", ".join(failed))


if __name__ == "__main__":
    main()
