# SPDX-License-Identifier: MIT
"""Real servers: each works in a folder of its own, as nobody in particular, and ends with the tests.

A kind of server is a subclass of Server: what to start, and how to see that it is up. shared(kind)
starts it for the first test that asks, and every later one gets the same.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START_SECONDS = 30
FOLDER = os.environ["CLIENTS_FOLDER"]
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


class Missing(Exception):
    """The Debian package that would bring what is not here."""


def program(name, package, *folders):
    """Where it is; in one of the folders, or of PATH."""
    path = shutil.which(name, path=":".join(folders + (PATH,)))
    if path is None:
        raise Missing(package)
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    socket.create_connection(("127.0.0.1", port)).close()
    return True


def as_nobody(end_signal=signal.SIGKILL):
    """The beginning of a command: not as root, and no longer than the thread that starts it."""
    prefix = ["setpriv", "--pdeathsig", end_signal.name[len("SIG"):]]
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        prefix += ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    return prefix


def environment():
    """As if the tests had not been preloaded."""
    env = {name: value for name, value in os.environ.items()
           if name not in ("LD_PRELOAD", "PYTHONPATH") and not name.startswith("MPGREEN_")}
    return dict(env, PATH=PATH, LC_ALL="C")


class Failed(Exception):
    """What a server, or its preparation, has said at the end."""


class Server:
    """One server; a subclass has name, prepare() if need be, command() and is_up()."""

    name = None
    end_signal = signal.SIGKILL

    def __init__(self):
        self.folder = os.path.join(FOLDER, self.name)
        os.mkdir(self.folder)
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.process = None
        self.log = os.path.join(FOLDER, self.name + ".log")
        self.prepare()

    def prepare(self):
        """Once, before the first start."""

    def command(self):
        raise NotImplementedError

    def is_up(self):
        """True, or an exception, or False."""
        raise NotImplementedError

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def run(self, *command, **options):
        """A command that prepares something, to its end."""
        with open(self.log, "ab") as log:
            done = subprocess.run(as_nobody() + list(command), cwd=self.folder, env=environment(),
                                  stdout=log, stderr=log, **options)
        if done.returncode:
            raise Failed("%s: %s\n%s" % (command[0], done.returncode, self.said()))

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                as_nobody(self.end_signal) + list(self.command()), cwd=self.folder,
                env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.wait_until_up()

    def wait_until_up(self):
        give_up = time.monotonic() + START_SECONDS
        while True:
            try:
                if self.is_up():
                    return
                error = None
            except Exception as caught:
                error = caught
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise Failed("%s does not start: %s\n%s" % (self.name, error, self.said()))
            time.sleep(0.02)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()[-4000:]

    def kill(self):
        """At once, as if it had crashed."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.end_signal)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def make_certificate(server):
    """For localhost and all below .test, signed by itself: `certificate` and `key` in its folder."""
    server.run(program("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-addext",
               "subjectAltName=DNS:localhost,DNS:*.test,IP:127.0.0.1",
               "-keyout", server.path("key"), "-out", server.path("certificate"))


class Peer(Server):
    """A program of ours, which listens on the address that it is given: a port, if nothing else."""

    script = None

    def prepare(self):
        with open(os.path.join(HERE, self.script), encoding="utf-8") as source:
            self.source = source.read()
        self.port = free_port()

    def argument(self):
        return str(self.port)

    def command(self):
        # Nobody may not be allowed to read the file.
        return [sys.executable, "-c", self.source, self.argument()]

    def is_up(self):
        return accepts(self.port)


_shared = {}


def shared(kind):
    if kind not in _shared:
        server = kind()
        _shared[kind] = server
        server.start()
    return _shared[kind]


def stop_all():
    while _shared:
        _shared.popitem()[1].stop()
