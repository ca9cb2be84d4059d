#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Show that a preloaded libmpgreen changes no result of CPython's own tests.

Each test module runs twice, plain and with the library preloaded, each time in a process group and
a directory of its own. A test whose two results differ is repeated on both sides to tell chance
from cause. Exit status: 0 no real difference, 1 some, 2 could not compare, 77 no test suite here.
"""
import argparse
import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# The slow ones first: the last ones to start are then short.
MODULES = ("test_io test_signal test_subprocess test_threading test_socket test_eintr _test_eintr "
           "test_os test_selectors test_posix test_poll test_select test_epoll test_pty").split()
OUTSIDE = " (outside a test)"
SIDES = ("plain", "preloaded")


class Run:
    """One module on one side: the outcome and the detail of each test."""

    def __init__(self, module, side):
        self.module = module
        self.side = side
        self.outcomes = {}
        self.details = {}
        self.waits = None
        self.seconds = 0.0

    def __str__(self):
        waits = "" if self.waits is None else f" with {self.waits} waits"
        return f"{self.seconds:.0f} s {self.side}{waits}"

    def take(self, path):
        """Read a record. Return the test that was running at its end, and whether it is whole."""
        running, whole = None, False
        if not os.path.exists(path):
            return running, whole
        with open(path, encoding="utf-8") as record:
            for line in record:
                event = json.loads(line)
                if "start" in event:
                    running = event["start"]
                elif "id" in event:
                    self.put(event["id"], event["outcome"], event["detail"])
                    running = None
                else:
                    whole = True
                    self.waits = event["waits"]
        return running, whole

    def put(self, test, outcome, detail):
        self.outcomes[test] = outcome
        self.details[test] = detail


class Comparison:
    def __init__(self, options):
        self.options = options
        self.top = tempfile.mkdtemp(prefix="mpg-")
        self.deadline = time.monotonic() + options.limit

    def environment(self, side):
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("MPGREEN_", "LD_", "PYTHON"))}
        env["TMPDIR"] = self.top
        if side == "preloaded" and self.options.library:
            env["LD_PRELOAD"] = self.options.library
            if self.options.scheduler != "none":
                env["MPGREEN_SCHEDULER"] = self.options.scheduler
        return env

    def once(self, run, choice):
        """One process. Return the test it died in (or None), why, and whether it got to the end."""
        place = tempfile.mkdtemp(dir=self.top)
        record = os.path.join(place, "record")
        command = [self.options.python, os.path.join(HERE, "record.py"), run.module, record]
        for flag, ids in choice.items():
            path = os.path.join(place, flag)
            with open(path, "w", encoding="utf-8") as out:
                out.writelines(test + "\n" for test in sorted(ids))
            command += ["--" + flag, path]
        with open(os.path.join(place, "output"), "wb") as output:
            child = subprocess.Popen(command, cwd=place, env=self.environment(run.side),
                                     stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                     start_new_session=True)
            why = self.wait(child, record)
        running, whole = run.take(record)
        if not whole:
            with open(os.path.join(place, "output"), encoding="utf-8", errors="replace") as output:
                tail = output.read()[-4000:]
            run.put(running or run.module + OUTSIDE, why, tail)
        shutil.rmtree(place, ignore_errors=True)
        return running, whole

    def wait(self, child, record):
        """Return how CHILD ended; one that is silent for too long is ended."""
        try:
            if not self.ends(child, record):
                # faulthandler of the child answers SIGABRT with where it hangs.
                os.kill(child.pid, signal.SIGABRT)
                ended(child, 5)
                return "hung"
        finally:
            kill_group(child)
            status = child.wait()
        return f"killed by signal {-status}" if status < 0 else f"exit {status} in the middle"

    def ends(self, child, record):
        """Whether CHILD ends by itself, beginning or ending a test now and then."""
        since, size = time.monotonic(), 0
        while not ended(child, 0.2):
            now = time.monotonic()
            new = os.path.getsize(record) if os.path.exists(record) else 0
            if new != size:
                since, size = now, new
            if now - since > self.options.test_limit or now > self.deadline:
                return False
        return True

    def module(self, module, side, choice=None):
        """All tests of a module (or those chosen), going on behind one that kills the process."""
        run = Run(module, side)
        began = time.monotonic()
        choice = choice or {}
        for _ in range(20):
            died_in, whole = self.once(run, choice)
            if whole or died_in is None or "only" in choice or time.monotonic() > self.deadline:
                break
            choice = {"skip": set(run.outcomes)}
        run.seconds = time.monotonic() - began
        return run


def ended(child, seconds):
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill_group(child):
    """What a test left running, too."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def differences(plain, preloaded):
    """Ids in order whose outcomes differ; a test that only one side has is one, too."""
    ids = list(dict.fromkeys((*plain.outcomes, *preloaded.outcomes)))
    return [test for test in ids
            if plain.outcomes.get(test, "absent") != preloaded.outcomes.get(test, "absent")]


def is_real(plain, preloaded):
    """Results of the repeats. A plain side that cannot agree with itself proves nothing."""
    return len(set(plain)) == 1 and set(preloaded) != set(plain)


class Report:
    def __init__(self, comparison):
        self.comparison = comparison
        self.real = 0
        self.flaky = 0
        self.tests = 0

    def module(self, plain, preloaded):
        self.tests += len(plain.outcomes)
        odd = differences(plain, preloaded)
        bad = sum(out.split()[0] not in ("ok", "skip", "expected")
                  for out in plain.outcomes.values())
        say(f"{plain.module:15} {len(plain.outcomes):4} tests, {bad} failing plain, "
            f"{len(odd)} to look at again")
        if odd:
            self.look_again(plain, preloaded, odd)

    def look_again(self, plain, preloaded, odd):
        compare, module = self.comparison, plain.module
        seen = {side: {test: [] for test in odd} for side in SIDES}
        detail = dict(preloaded.details)
        for _ in range(compare.options.repeat):
            for side in SIDES:
                for test in odd:
                    run = compare.module(module, side, {"only": {test}})
                    seen[side][test].append(run.outcomes.get(test, "absent"))
                    if side == "preloaded" and run.details.get(test):
                        detail[test] = run.details[test]
        alone = [test for test in odd if is_real(seen["plain"][test], seen["preloaded"][test])]
        again = compare.module(module, "preloaded") if len(alone) < len(odd) else preloaded
        for test in odd:
            first = plain.outcomes.get(test, "absent"), preloaded.outcomes.get(test, "absent")
            # It may need the tests before it: twice the same in whole runs is no chance.
            in_company = (again is not preloaded and first[1] == again.outcomes.get(test, "absent")
                          and set(seen["plain"][test]) == {first[0]})
            if test in alone or in_company:
                self.real += 1
                say(f"  DIFFERS {test}\n    plain:     {first[0]}; then {seen['plain'][test]}\n"
                    f"    preloaded: {first[1]}; then {seen['preloaded'][test]}"
                    + ("" if test in alone else " alone; the same again in the whole module"))
                say("".join(f"    | {line}\n" for line in detail.get(test, "").splitlines()[-25:]),
                    end="")
            else:
                self.flaky += 1
                say(f"  flaky   {test}: plain {first[0]}, then {seen['plain'][test]}; "
                    f"preloaded {first[1]}, then {seen['preloaded'][test]}")


def say(text, end="\n"):
    print(text, end=end, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=MODULES, metavar="module")
    parser.add_argument("--library", help="the library to preload; without it plain meets plain")
    parser.add_argument("--scheduler", choices=("none", "poll"), default="none",
                        help="poll drives the preloaded side through the whole cooperative path")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeat", type=int, default=3, help="how often a difference is repeated")
    parser.add_argument("--test-limit", type=float, default=45, metavar="SECONDS",
                        help="a test that takes longer hangs")
    parser.add_argument("--limit", type=float, default=1800, metavar="SECONDS",
                        help="for everything together")
    parser.add_argument("--json", metavar="FILE", help="write every outcome of the first runs")
    options = parser.parse_args()
    if options.library:
        options.library = os.path.abspath(options.library)
        if not os.path.exists(options.library):
            parser.error(f"{options.library}: no such library")
    return options


def first_runs(compare):
    """Both sides of every module, one after the other: some tests want a port of their own."""
    def both(module):
        pair = [compare.module(module, side) for side in SIDES]
        say(f"ran {module}: {pair[0]}, {pair[1]}")
        return pair

    with concurrent.futures.ThreadPoolExecutor(compare.options.jobs) as pool:
        try:
            return list(pool.map(both, compare.options.modules))
        except BaseException:
            compare.deadline = 0
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def main():
    options = parse()
    known = subprocess.run([options.python, "-c", "import test.test_eintr"], check=False,
                           stderr=subprocess.DEVNULL)
    if known.returncode != 0:
        say(f"{options.python} has no test suite of CPython (Debian: libpython3.11-testsuite)")
        return 77
    compare = Comparison(options)
    report = Report(compare)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        pairs = first_runs(compare)
        # One at a time, on a machine that has nothing else to do: the repeats must be fair.
        for plain, preloaded in pairs:
            report.module(plain, preloaded)
    finally:
        shutil.rmtree(compare.top, ignore_errors=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump({plain.module: {"plain": plain.outcomes, "preloaded": preloaded.outcomes}
                       for plain, preloaded in pairs}, out, indent=1)
    say(f"{report.tests} tests: {report.real} real differences, {report.flaky} flaky")
    if options.scheduler != "none" and not any(preloaded.waits for _, preloaded in pairs):
        say("no call went through the scheduler: nothing was compared")
        return 2
    broken = [plain.module for plain, _ in pairs if plain.module + OUTSIDE in plain.outcomes]
    if broken:
        say(f"{options.python} cannot run, also without the library: "
            + " ".join(broken))
    if broken or report.tests == 0:
        return 2
    return 1 if report.real else 0


if __name__ == "__main__":
    sys.exit(main())
