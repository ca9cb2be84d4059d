# SPDX-License-Identifier: MIT
"""python -m mpgreen: is the library there, and does it work in this Python?

python -m mpgreen --library prints where the library is that came with this package.
"""
import os
import sys

import mpgreen


def check():
    """What is wrong, or None."""
    try:
        import gevent
        from gevent import monkey
    except ImportError:
        return "no gevent in this Python: blocking calls stay as they are"
    print("gevent: %s" % gevent.__version__)
    monkey.patch_all()
    if not mpgreen.attached():
        gevent.get_hub()
    print("attached: %s" % mpgreen.attached())
    if not mpgreen.attached():
        return "the hub is not attached: did gevent find the entry point of this package?"
    reader, writer = os.pipe()
    gevent.spawn_later(0.01, os.write, writer, b"x")
    with gevent.Timeout(5, RuntimeError("a read that waits is not cooperative")):
        os.read(reader, 1)
    print("a blocking read lets greenlets run: True")
    return None


def library():
    path = os.path.join(os.path.dirname(os.path.abspath(mpgreen.__file__)), "libmpgreen.so")
    if not os.path.exists(path):
        print("mpgreen: there is no libmpgreen.so in this package: it was installed apart from it",
              file=sys.stderr)
        return 1
    print(path)
    return 0


def main():
    if sys.argv[1:] == ["--library"]:
        return library()
    if sys.argv[1:]:
        print("usage: python -m mpgreen [--library]", file=sys.stderr)
        return 2
    print("loaded: %s" % mpgreen.loaded())
    if not mpgreen.loaded():
        print("libmpgreen.so is not preloaded: run this with LD_PRELOAD=libmpgreen.so",
              file=sys.stderr)
        return 1
    print("version: %s" % mpgreen.version())
    problem = check()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
