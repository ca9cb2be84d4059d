# SPDX-License-Identifier: MIT
"""Run tests of one CPython test module, patched by gevent or not, and record what becomes of each.

    child.py MODULE RECORD plain|gevent|mpgreen [--patch] [--only FILE | --skip FILE]

The program under suite.py. A spawned child of a test imports this file, so nothing happens here
before main(): whether that child is patched is for the library to see to.
"""
import os
import signal
import sys

# Asks a process that hangs for the stacks of its greenlets; those of its threads; see suite.py.
GREENLETS = signal.SIGRTMIN + 5
THREADS = signal.SIGRTMIN + 6


def parse():
    import argparse
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("record")
    parser.add_argument("way", choices=("plain", "gevent", "mpgreen"))
    parser.add_argument("--patch", action="store_true", help="call patch_all() here")
    parser.add_argument("--only", metavar="FILE")
    parser.add_argument("--skip", metavar="FILE")
    return parser.parse_args()


def see_to_way(way, patch):
    """A run that is not what it says proves nothing."""
    if patch:
        from gevent import monkey
        monkey.patch_all()
    if (way != "plain") != ("gevent" in sys.modules):
        sys.exit(f"{way}: gevent is{' not' if way != 'plain' else ''} there")
    if way == "plain":
        return
    import gevent
    from gevent import monkey
    hub = gevent.get_hub()
    if not monkey.is_module_patched("threading"):
        sys.exit(f"{way}: not patched")
    mpgreen = sys.modules.get("mpgreen")
    if (way == "mpgreen") != bool(mpgreen and mpgreen.attached()):
        sys.exit(f"{way}: {hub} is{' not' if way == 'mpgreen' else ''} attached")


def answer_when_asked():
    import faulthandler
    faulthandler.enable(all_threads=True)
    faulthandler.register(THREADS, all_threads=True, chain=False)
    if "gevent" not in sys.modules:
        return

    def greenlets(_number, _frame):
        from gevent.util import print_run_info
        print(f"process {os.getpid()}:", file=sys.__stderr__)
        print_run_info(file=sys.__stderr__)
    signal.signal(GREENLETS, greenlets)
    signal.siginterrupt(GREENLETS, False)


def suites(recorder):
    """A TestSuite that records which fixture is at work, so that one that hangs is known."""
    import unittest

    class Suite(unittest.TestSuite):
        def _handleClassSetUp(self, test, result):
            kind = type(test)
            if getattr(result, "_previousTestClass", None) is not kind:
                recorder.emit(fixture=f"setUpClass ({kind.__module__}.{kind.__qualname__})")
            super()._handleClassSetUp(test, result)

        def _tearDownPreviousClass(self, test, result):
            kind = getattr(result, "_previousTestClass", None)
            if kind is not None and kind is not type(test):
                recorder.emit(fixture=f"tearDownClass ({kind.__module__}.{kind.__qualname__})")
            super()._tearDownPreviousClass(test, result)

        def _handleModuleTearDown(self, result):
            kind = getattr(result, "_previousTestClass", None)
            if kind is not None:
                recorder.emit(fixture=f"tearDownModule ({kind.__module__})")
            super()._handleModuleTearDown(result)

    return Suite


def tests_of(suite):
    for item in suite:
        if hasattr(item, "__iter__"):
            yield from tests_of(item)
        else:
            yield item


def chosen(args, module, lines_of):
    import unittest
    tests = list(tests_of(unittest.defaultTestLoader.loadTestsFromModule(module)))
    if args.only:
        only = lines_of(args.only)
        return [test for test in tests if test.id() in only], tests
    skip = lines_of(args.skip) if args.skip else ()
    return [test for test in tests if test.id() not in skip], tests


def main():
    args = parse()
    # A shell that starts this in the background has SIGINT ignored, and some tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    see_to_way(args.way, args.patch)
    answer_when_asked()
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if entry != here]
    sys.path.append(os.path.join(os.path.dirname(here), "transparency"))
    import importlib
    import unittest
    import record
    sys.path.pop()
    recorder = record.Recorder(os.path.abspath(args.record))
    from test import support
    from test.support import os_helper
    support.use_resources = list(record.RESOURCES)
    support.verbose = 0
    with os_helper.temp_cwd():
        try:
            module = importlib.import_module("test." + args.module)
        except unittest.SkipTest as reason:
            recorder.emit(id="test." + args.module, outcome=f"skip ({reason})", detail="")
        else:
            tests, every = chosen(args, module, record.lines_of)
            recorder.emit(tests=[test.id() for test in every])
            suites(recorder)(tests).run(recorder)
    recorder.emit(end=args.module)


if __name__ == "__main__":
    main()
