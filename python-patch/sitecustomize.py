# SPDX-License-Identifier: MIT
"""greenmp-run --patch puts this directory on PYTHONPATH: gevent patches before the program imports.

Then the sitecustomize that this one hides from the program has its turn.
"""
import os
import sys

_HERE = os.path.dirname(os.path.realpath(__file__))


def _patch():
    try:
        from gevent import monkey
    except Exception as error:  # a gevent that is there but broken raises what it likes
        reason = (str(error) or type(error).__name__).splitlines()[0]
        sys.stderr.write("greenmp-run --patch: %s has no gevent, it runs unpatched (%s)\n"
                         % (sys.executable or "this Python", reason))
        return
    if not monkey.is_module_patched("socket"):
        monkey.patch_all()


def _shadowed():
    """Run the next sitecustomize on sys.path, in our place in sys.modules."""
    from importlib import machinery, util

    others = [entry for entry in sys.path if os.path.realpath(entry or os.curdir) != _HERE]
    spec = machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_patch()
_shadowed()
