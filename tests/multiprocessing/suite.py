#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run CPython's own tests of multiprocessing plainly, under gevent, and under gevent with libmpgreen.

Every test that passes plainly must pass with the library. A test that hangs is ended, and costs
nothing but itself. What does not pass is repeated alone, in both ways, to tell chance from cause.
docs/multiprocessing-tests.md explains the exceptions, expected.txt beside this file names them.
Exit status: 0 no other exception, 1 some, 2 could not run, 77 no test suite or no gevent here.
"""
import argparse
import concurrent.futures
import json
import os
import shutil
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import processes  # noqa: E402
import report  # noqa: E402
from report import say  # noqa: E402

# The slow ones first: the last ones to start are then short.
MODULES = ("test_multiprocessing_spawn", "test_multiprocessing_forkserver",
           "test_multiprocessing_fork", "test_concurrent_futures",
           "test_multiprocessing_main_handling")
WAYS = ("plain", "gevent", "mpgreen")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="module",
                        help="a module of CPython's tests, without the test_; all five if none")
    parser.add_argument("--library", help="libmpgreen.so in a build tree or installed")
    parser.add_argument("--way", action="append", choices=WAYS,
                        help="may be repeated; plain and mpgreen if none. Without "
                        "plain, only what does not pass runs plainly, too")
    parser.add_argument("--test", action="append", metavar="PATTERN",
                        help="only tests whose id (module.Class.method) matches, as in fnmatch")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--test-limit", type=float, default=20, metavar="SECONDS",
                        help="added to four times what the test took plainly, where that is known")
    parser.add_argument("--quick", action="store_true",
                        help="leave out what slow.txt names, except with the fork method")
    parser.add_argument("--patched-by", choices=("program", "run"),
                        help="patch_all() in the program, or for all Python children as "
                             "greenmp-run --patch does; by default run where the tests start "
                             "programs of their own")
    parser.add_argument("--baseline", metavar="FILE", help="a --json from before: its plain runs")
    parser.add_argument("--json", metavar="FILE", help="write every outcome")
    parser.add_argument("--details", action="store_true", help="show what each failure says")
    parser.add_argument("--verbose", action="store_true", help="show each test when it ends")
    options = parser.parse_args()
    options.modules = [name if name.startswith("test_") else
                       "test_" + ("" if name.startswith(("multi", "concurrent"))
                                  else "multiprocessing_") + name
                       for name in options.modules] or list(MODULES)
    options.way = options.way or ["plain", "mpgreen"]
    if "mpgreen" in options.way and not options.library:
        parser.error("the mpgreen way needs --library")
    if options.library:
        options.library = os.path.realpath(options.library)
        if not os.path.exists(options.library):
            parser.error(f"{options.library}: no such library")
    return options


def lacks(python):
    """What PYTHON has not got, or None."""
    for module, what in (("test._test_multiprocessing", "test suite of CPython (Debian: "
                          "libpython3.11-testsuite)"), ("gevent", "gevent")):
        if processes.quietly([python, "-c", "import " + module]) != 0:
            return what
    return None


def first_runs(runner, results):
    options = runner.options
    wanted = [(way, module) for way in options.way for module in options.modules
              if module not in results[way]]
    # The limits of the other ways come from the plain runs.
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for some in ([w for w in wanted if w[0] == "plain"],
                     [w for w in wanted if w[0] != "plain"]):
            try:
                for (way, module), run in zip(some, pool.map(lambda w: runner.module(w[1], w[0]), some)):
                    results[way][module] = run
                    say(f"ran {module}: {way}, {run.seconds:.0f} s")
            except BaseException:
                runner.stop()
                raise


def load(path, options):
    results = {way: {} for way in WAYS}
    if path:
        with open(path, encoding="utf-8") as file:
            for module, run in json.load(file)["plain"].items():
                if module in options.modules:
                    results["plain"][module] = processes.Run.loaded(module, run)
    return results


def main():
    options = parse()
    lack = lacks(options.python)
    if lack:
        say(f"{options.python} has no {lack}")
        return 77
    top = tempfile.mkdtemp(prefix="mpg-")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results = load(options.baseline, options)
    runner = processes.Runner(options, top, results["plain"])
    try:
        first_runs(runner, results)
        return report.Report(runner, results).all()
    except KeyboardInterrupt:
        runner.stop()
        return 2
    finally:
        if options.json:
            with open(options.json, "w", encoding="utf-8") as out:
                json.dump({way: {name: run.to_json() for name, run in runs.items()}
                           for way, runs in results.items()}, out, indent=1)
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
