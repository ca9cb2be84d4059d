# SPDX-License-Identifier: MIT
"""Run the tests of one CPython test module and record what became of each.

    record.py MODULE RECORD [--only FILE | --skip FILE]

RECORD gets one JSON line when a test starts and one when it has ended, so that it also tells in
which test the process died. FILE holds one test id per line.
"""
import argparse
import faulthandler
import importlib
import json
import os
import re
import sys
import unittest

# Everything CPython's own runner knows, less what wants the internet, a screen or a sound card.
RESOURCES = ("cpu", "decimal", "largefile", "subprocess", "tzdata", "walltime", "xpickledata")


class Recorder(unittest.TestResult):
    """Keep no file open between two events: tests count the descriptors of this process."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.pid = os.getpid()
        self.parts = []

    def emit(self, **event):
        if os.getpid() != self.pid:
            return
        with open(self.path, "a", encoding="utf-8") as out:
            out.write(json.dumps(event) + "\n")

    def startTest(self, test):
        super().startTest(test)
        self.parts = []
        self.emit(start=test.id())

    def stopTest(self, test):
        super().stopTest(test)
        ends = sorted(set(part[0] for part in self.parts)) or ["none"]
        self.emit(id=test.id(), outcome="; ".join(ends),
                  detail="\n".join(part[1] for part in self.parts))

    def note(self, test, outcome, detail=""):
        self.parts.append((re.sub(r"0x[0-9a-f]+", "0x...", outcome), detail))
        if not isinstance(test, unittest.TestCase) and not hasattr(test, "test_case"):
            # A fixture of a class or of the module: it has no start and no stop.
            self.emit(id=test.id(), outcome=outcome, detail=detail)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "ok")

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "ERROR", self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "FAIL", self.failures[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, f"skip ({reason})")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "expected failure")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "unexpected success")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is None:
            return
        kind = "FAIL" if issubclass(err[0], test.failureException) else "ERROR"
        self.note(subtest, f"{kind} {subtest._subDescription()}",
                  self._exc_info_to_string(err, test))


def chosen(suite, keep):
    """The same nest of suites with only the tests that KEEP(id) wants, in the same order."""
    kept = unittest.TestSuite()
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            kept.addTest(chosen(item, keep))
        elif keep(item.id()):
            kept.addTest(item)
    return kept


def lines_of(path):
    with open(path, encoding="utf-8") as ids:
        return set(ids.read().splitlines())


def missing_preload():
    """The library that LD_PRELOAD names and the loader did not take: nothing to compare then."""
    if not os.path.exists("/proc/self/maps"):
        return None
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        loaded = maps.read()
    wanted = os.environ.get("LD_PRELOAD")
    return wanted if wanted and os.path.realpath(wanted) not in loaded else None


def waits():
    """How often the library asked a scheduler in this process; None without the library."""
    import ctypes  # only now: the tests are through

    read = getattr(ctypes.CDLL(None), "mpgreen_stats_read", None)
    if read is None:
        return None
    counts = (ctypes.c_uint64 * 8)()
    read(counts, ctypes.c_size_t(ctypes.sizeof(counts)))
    return counts[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("record")
    parser.add_argument("--only", metavar="FILE")
    parser.add_argument("--skip", metavar="FILE")
    args = parser.parse_args()
    if args.only:
        only = lines_of(args.only)
        keep = only.__contains__
    else:
        skip = lines_of(args.skip) if args.skip else ()
        keep = lambda name: name not in skip

    if missing_preload():
        sys.exit(f"{missing_preload()} is not loaded")
    faulthandler.enable(all_threads=True)
    sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(__file__)]
    recorder = Recorder(os.path.abspath(args.record))
    from test import support
    from test.support import os_helper
    support.use_resources = list(RESOURCES)
    support.verbose = 0
    with os_helper.temp_cwd():
        try:
            module = importlib.import_module("test." + args.module)
            sys.argv = [module.__file__]
            suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        except unittest.SkipTest as reason:
            recorder.emit(id=args.module, outcome=f"skip ({reason})", detail="")
        else:
            chosen(suite, keep).run(recorder)
    recorder.emit(end=args.module, waits=waits())


if __name__ == "__main__":
    main()
