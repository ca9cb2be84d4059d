# SPDX-License-Identifier: MIT
"""Runs test modules in processes, ends those that hang, and goes on behind them."""
import fnmatch
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ANSWERING = signal.SIGRTMIN + 5, signal.SIGRTMIN + 6
SLOW = os.path.join(HERE, "slow.txt")
# Their tests start Python programs of their own, which nobody but sitecustomize can patch.
WITH_PROGRAMS = "test_concurrent_futures", "test_multiprocessing_main_handling"


class Run:
    """One module in one way: the outcome, the detail and the time of each test."""

    def __init__(self, module, told=lambda test, outcome: None):
        self.module = module
        self.told = told
        self.tests = []
        self.outcomes = {}
        self.details = {}
        self.times = {}
        self.seconds = 0.0

    @classmethod
    def loaded(cls, module, data):
        run = cls(module)
        run.__dict__.update(data)
        return run

    def to_json(self):
        return {name: value for name, value in self.__dict__.items() if name not in ("module", "told")}

    def put(self, test, outcome, detail, seconds=0.0):
        self.outcomes[test] = outcome
        self.details[test] = detail
        self.times[test] = seconds
        self.told(test, outcome)
        if test.startswith("setUpClass ("):
            self.put_class(test[len("setUpClass ("):-1], f"{outcome} in setUpClass", detail)

    def put_class(self, name, outcome, detail):
        """What its tests come to that have not run."""
        for test in self.tests:
            if test.startswith(name + ".") and test not in self.outcomes:
                self.put(test, outcome, detail)


class Record:
    """What a child writes, read as it grows."""

    def __init__(self, path, run):
        self.path = path
        self.run = run
        self.offset = 0
        self.running = None
        self.ended = False
        self.since = time.monotonic()

    def read(self):
        if not os.path.exists(self.path):
            return
        with open(self.path, encoding="utf-8") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith("\n"):
                    break
                self.offset += len(line.encode())
                self.take(json.loads(line))

    def take(self, event):
        now = time.monotonic()
        if "tests" in event:
            self.run.tests = event["tests"]
        elif "start" in event or "fixture" in event:
            self.running = event.get("start") or event["fixture"]
        elif "id" in event:
            self.run.put(event["id"], event["outcome"], event["detail"], now - self.since)
            self.running = None
        else:
            self.running = f"exit ({self.run.module})"
            self.ended = True
        self.since = now


class Runner:
    def __init__(self, options, top, plain):
        self.options = options
        self.top = top
        self.plain = plain
        self.stopped = False
        self.home = subprocess.check_output(
            [options.python, "-c", "import sys; print(sys.base_prefix)"], text=True).strip()

    def stop(self):
        self.stopped = True

    def tell(self, way, test, outcome):
        if self.options.verbose:
            print(f"{time.strftime('%H:%M:%S')} {way:8} {outcome.splitlines()[0]:6} {test}",
                  flush=True)

    def patched_here(self, module):
        by = self.options.patched_by or ("run" if module in WITH_PROGRAMS else "program")
        return by == "program"

    def environment(self, module, way):
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("LD_", "PYTHON", "GEVENT"))
               and (way == "mpgreen" or not name.startswith("MPGREEN_"))}
        env["TMPDIR"] = self.top
        if way == "mpgreen":
            env["LD_PRELOAD"] = self.options.library
        if self.patched_here(module):
            return env
        # Otherwise CPython's tests start their programs with -E or -I.
        env["PYTHONHOME"] = self.home
        if way != "plain":
            env["PYTHONPATH"] = os.path.join(os.path.dirname(os.path.dirname(HERE)),
                                             "python-patch")
        return env

    def limit(self, module, test):
        plain = self.plain.get(module)
        seconds = plain.times.get(test, 0.0) if plain else 0.0
        return self.options.test_limit + 4 * seconds

    def module(self, module, way, only=None):
        """All tests of a module (or those of ONLY), going on behind one that ends the process."""
        run = Run(module, functools.partial(self.tell, way))
        began = time.monotonic()
        if only is None and (self.options.test or self.leaves_out(module)):
            only = self.wanted(run, way)
        while not self.stopped:
            done = set(run.outcomes)
            choice = ("skip", done) if only is None else ("only", set(only) - done)
            if choice == ("only", set()) or not self.once(run, way, *choice):
                break
        run.seconds = time.monotonic() - began
        return run

    def wanted(self, run, way):
        """The ids that --test and --quick leave, from a process that runs none."""
        self.once(run, way, "only", ())
        slow = self.leaves_out(run.module)
        return [test for test in run.tests
                if test.split(".", 2)[2] not in slow
                and any(fnmatch.fnmatchcase(test, pattern) or
                        fnmatch.fnmatchcase(test, "*." + pattern)
                        for pattern in self.options.test or ["*"])]

    def leaves_out(self, module):
        if not self.options.quick or module == "test_multiprocessing_fork":
            return ()
        with open(SLOW, encoding="utf-8") as lines:
            return {line.strip() for line in lines if not line.startswith("#")}

    def once(self, run, way, flag, ids):
        """One process. Whether it got on, but not to its end."""
        place = tempfile.mkdtemp(dir=self.top)
        path = os.path.join(place, flag)
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(test + "\n" for test in sorted(ids))
        record = Record(os.path.join(place, "record"), run)
        command = [self.options.python, os.path.join(HERE, "child.py"), run.module, record.path,
                   way, "--" + flag, path]
        if way != "plain" and self.patched_here(run.module):
            command.append("--patch")
        output_path = os.path.join(place, "output")
        with open(output_path, "wb") as output:
            child = subprocess.Popen(command, cwd=place, env=self.environment(run.module, way),
                                     stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                     start_new_session=True)
            try:
                why = self.wait(child, record)
            finally:
                end_session(child)
        on = False
        if why:
            with open(output_path, encoding="utf-8", errors="replace") as output:
                on = self.charge(run, record, why, output.read()[-20000:])
        shutil.rmtree(place, ignore_errors=True)
        return on

    def charge(self, run, record, why, detail):
        """Note which test or fixture a process died in. Whether it is worth going on."""
        running = record.running
        seconds = time.monotonic() - record.since
        if running is None:
            run.put(f"outside of any test ({run.module})", why, detail)
            return False
        run.put(running, why, detail, seconds)
        return not record.ended and not running.startswith("tearDownModule")

    def wait(self, child, record):
        """None if CHILD came to its end, else why not."""
        while not ended(child, 0.1):
            record.read()
            limit = self.limit(record.run.module, record.running)
            if time.monotonic() - record.since > limit or self.stopped:
                self.ask(child)
                return "hung"
        record.read()
        if child.returncode < 0:
            return f"killed by signal {-child.returncode}"
        if not record.ended or child.returncode:
            return f"exit {child.returncode}"
        return None

    def ask(self, child):
        """All that hang for their stacks; they write to the output of the run."""
        for number in ANSWERING:
            for pid in session(child.pid):
                if catches(pid, number):
                    kill(pid, number)
            time.sleep(0.5)


def ended(child, seconds):
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def session(leader):
    """The processes of a session, from the newest to the oldest."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] not in "ZX":
            found.append(int(pid))
    return sorted(found, reverse=True)


def catches(pid, number):
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
            for line in status:
                if line.startswith("SigCgt:"):
                    return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    except OSError:
        pass
    return False


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end_session(child):
    """CHILD, and what its tests have left running."""
    for _ in range(20):
        pids = session(child.pid)
        for pid in pids:
            kill(pid, signal.SIGKILL)
        if not pids:
            break
        time.sleep(0.05)
    child.wait()


def quietly(command):
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode
