# SPDX-License-Identifier: MIT
"""What a row needs of each column: pipes, a second process, something that waits.

An end is (receive, send). The message of every exchange is the same bytes object; the columns that
pickle do so with it, the sockets of gevent carry it bare.
"""
import os

NAMES = ("plain", "geventmp", "gipc", "gevent", "ours")
TITLES = {"plain": "plain", "geventmp": "GeventMP", "gipc": "gipc", "gevent": "sockets", "ours": "ours"}


class Plain:
    """multiprocessing and threads, without gevent."""

    def __init__(self):
        self.children = []
        self.kept = []

    def keep(self, pool, workers):
        """A pool that nobody holds ends its workers, with a delay of its own."""
        self.kept.append(pool)
        self.children += workers

    def pipe(self, size):
        import multiprocessing
        return multiprocessing.Pipe()

    def end(self, handle, size):
        return handle.recv, handle.send

    def start(self, target, *args):
        import multiprocessing
        child = multiprocessing.Process(target=target, args=args, daemon=True)
        child.start()
        self.children.append(child.pid)

    def spawn(self, target, *args):
        import threading
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        return thread


class Patched(Plain):
    """The same program after patch_all(): GeventMP's plug-in or the library does the rest."""

    def __init__(self):
        from gevent import monkey
        monkey.patch_all()
        super().__init__()

    def spawn(self, target, *args):
        import gevent
        return gevent.spawn(target, *args)


class GeventMP(Patched):
    def __init__(self):
        super().__init__()
        from multiprocessing import connection
        if not hasattr(connection.Connection, "__module__") or \
                "geventmp" not in connection.Connection.__module__:
            raise SystemExit("GeventMP did not patch multiprocessing")


class Ours(Patched):
    def __init__(self):
        super().__init__()
        import gevent
        gevent.get_hub()
        import mpgreen
        if not mpgreen.attached():
            raise SystemExit("libmpgreen.so is not preloaded")


class Gipc(Patched):
    def pipe(self, size):
        import gipc
        return gipc.pipe(duplex=True)

    def end(self, handle, size):
        return handle.get, handle.put

    def start(self, target, *args):
        import gipc
        self.children.append(gipc.start_process(target, args, daemon=True).pid)


class Sockets(Patched):
    """gevent's own sockets, the best gevent does by itself between two processes."""

    def pipe(self, size):
        from gevent import socket
        return socket.socketpair()

    def end(self, handle, size):
        def receive():
            data = handle.recv(size)
            if len(data) == size or not data:
                return data
            pieces = [data]
            missing = size - len(data)
            while missing:
                pieces.append(handle.recv(missing))
                missing -= len(pieces[-1])
            return b"".join(pieces)
        return receive, handle.sendall


KINDS = {"plain": Plain, "geventmp": GeventMP, "gipc": Gipc, "gevent": Sockets, "ours": Ours}


def raise_fd_limit(wanted):
    """As many fds as the system lets us have, `wanted` at most."""
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
    except (ValueError, OSError):
        wanted = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def pin(cpu):
    os.sched_setaffinity(0, {cpu})
