# SPDX-License-Identifier: MIT
"""Children that multiprocessing starts as new programs are patched as their parent is.

Both start methods that do so run `python -c PROGRAM`. A parent that has called patch_all() puts
some lines ahead of that program, which call it there with the same arguments. It is the child's own
binding, then, that does the same to the child's children.

The server of the forkserver method is patched, too, for it imports modules (the main module, in
newer Pythons) for its children. But its own loop goes by the original functions: it waits for
SIGCHLD, which gevent keeps to itself, and a hub in it would be one in each of its children.
"""
import ast
import functools
import importlib
import re

from . import _child, _gevent

# What patch_all() has been called with here; None: it has not been.
_arguments = None

_PROGRAM = re.compile(r"from (\w+)\.(spawn|forkserver) import ")
_AHEAD = """\
try:
    from mpgreen import _start
except ImportError:
    pass
else:
    _start.%s
"""


def parent_is_patched(event):
    """gevent says what has not been patched by an earlier call."""
    global _arguments
    _arguments = _arguments or {}
    for given in event.patch_all_kwargs, event.patch_all_arguments:
        _arguments.update((name, value) for name, value in given.items() if _is_literal(value))


def _is_literal(value):
    try:
        return ast.literal_eval(repr(value)) == value
    except (SyntaxError, ValueError):
        return False


def patching(spawnv_passfds):
    """What starts every new program of multiprocessing."""
    @functools.wraps(spawnv_passfds)
    def start(path, args, passfds):
        return spawnv_passfds(path, _patching_command(list(args)), passfds)
    return start


def _patching_command(command):
    at = command.index("-c") + 1 if "-c" in command[:-1] else 0
    program = _PROGRAM.match(command[at]) if at and _arguments is not None else None
    if program is not None:
        package, module = program.groups()
        call = "spawn(%r)" % _arguments
        if module == "forkserver":
            call = "serve(%r, %r)" % (_arguments, package)
        command[at] = _AHEAD % call + command[at]
    return command


def patch(arguments):
    """In a new program, first of all; False if it cannot be."""
    # Without the library it stays as it is: under gevent alone its pipes would fail.
    if not _gevent.loaded():
        return False
    try:
        from gevent import monkey
    except ImportError:
        return False
    monkey.patch_all(**arguments)
    # It has come this way without gevent's having found the entry point, perhaps.
    from . import _hubs
    _hubs.install()
    return True


def spawn(arguments):
    if patch(arguments):
        _have_a_hub()


def _have_a_hub():
    """A child may get handles that gevent has made non-blocking before it has done anything else."""
    from gevent import get_hub
    get_hub()


def cleaning(main):
    """spawn._main(), which a child of the server runs: what it has of the server's ends here."""
    @functools.wraps(main)
    def _main(*args, **kwargs):
        _child.clean()
        return main(*args, **kwargs)
    return _main


def serve(arguments, package):
    """In the server, before it imports anything for its children."""
    if not patch(arguments):
        return
    from gevent import monkey
    server = importlib.import_module(package + ".forkserver")
    modules = {name: getattr(server, name) for name in ("os", "selectors", "signal", "socket")}
    vars(server).update((name, _Original(monkey, module)) for name, module in modules.items())
    main = server.spawn._main

    @functools.wraps(main)
    def _main(*args, **kwargs):
        # A child, which may itself start processes by this server.
        vars(server).update(modules)
        server.spawn._main = main
        _have_a_hub()
        return main(*args, **kwargs)
    server.spawn._main = _main


class _Original:
    """A module with what it had before it was patched."""

    def __init__(self, monkey, module):
        self._module = module
        self._get_original = monkey.get_original

    def __getattr__(self, name):
        value = self._get_original(self._module.__name__, name)
        if name == "fork":
            return _forking(value)
        if name == "socket":
            return _accepting(value)
        return value


def _forking(original):
    def fork():
        pid = original()
        if pid == 0:
            # If one of the modules has made a hub in the server.
            from gevent import reinit
            reinit()
        return pid
    return fork


def _accepting(original):
    class socket(original):
        # accept() of the original makes sockets of the patched class.
        def accept(self):
            fd, address = self._accept()
            return original(self.family, self.type, self.proto, fileno=fd), address
    return socket
