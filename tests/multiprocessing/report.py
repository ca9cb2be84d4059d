# SPDX-License-Identifier: MIT
"""Compares the runs, repeats what differs, and prints what there is to say."""
import fnmatch
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
EXPECTED = os.path.join(HERE, "expected.txt")
EXPLAINED = os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs",
                         "multiprocessing-tests.md")
KINDS = ("passed", "failed", "hung", "skipped")


def say(text):
    print(text, flush=True)


def kind(outcome):
    if outcome in ("ok", "expected failure"):
        return "passed"
    if outcome.startswith("skip"):
        return "skipped"
    return "hung" if outcome.startswith("hung") else "failed"


def is_fixture(test):
    return "(" in test


class Expected:
    """expected.txt: a section of the document and a pattern of test ids in each line."""

    def __init__(self):
        self.entries = []
        with open(EXPECTED, encoding="utf-8") as lines:
            for line in lines:
                words = line.split("#")[0].split()
                if words:
                    self.entries.append(words)
        with open(EXPLAINED, encoding="utf-8") as document:
            sections = set(re.findall(r"^#+ .*\(`([\w-]+)`\)$", document.read(), re.M))
        self.unexplained = sorted({words[0] for words in self.entries} - sections)

    def section(self, test):
        for section, pattern in self.entries:
            if fnmatch.fnmatchcase(test, "test.test_" + pattern):
                return section
        return None

    def stale(self, tests, bad):
        """Patterns some tests of this run match, but none that does not pass."""
        for section, pattern in self.entries:
            mine = [test for test in tests if fnmatch.fnmatchcase(test, "test.test_" + pattern)]
            if mine and not any(test in bad for test in mine):
                yield f"{section}: {pattern}"


class Report:
    def __init__(self, runner, results):
        self.runner = runner
        self.results = results
        self.options = runner.options
        self.expected = Expected()
        self.oracle = dict(results["plain"])
        self.new = []
        self.listed = []
        self.flaky = []
        self.tests = []

    def all(self):
        for module in self.options.modules:
            self.summary(module)
        if self.could_not_run():
            return 2
        if "mpgreen" not in self.options.way:
            return 0
        for module in self.options.modules:
            self.module(module)
        return self.end()

    def summary(self, module):
        for way, runs in self.results.items():
            run = runs.get(module)
            if run is None:
                continue
            counts = dict.fromkeys(KINDS, 0)
            for test, outcome in run.outcomes.items():
                if not is_fixture(test):
                    counts[kind(outcome)] += 1
            say(f"{module:34} {way:8}" + "".join(f"{counts[name]:5} {name}" for name in KINDS)
                + f"  {run.seconds:5.0f} s")

    def could_not_run(self):
        broken = False
        for way, runs in self.results.items():
            for module, run in runs.items():
                detail = run.details.get(f"outside of any test ({module})")
                if detail is not None:
                    say(f"{module}, {way}: nothing to compare: {detail[-400:]}")
                    broken = True
        return broken

    def passes_plainly(self, module, test):
        plain = self.oracle[module]
        return kind(plain.outcomes.get(test, "ok" if is_fixture(test) else "absent")) == "passed"

    def module(self, module):
        run = self.results["mpgreen"][module]
        self.tests += run.outcomes
        if module not in self.oracle:
            odd = [test for test, outcome in run.outcomes.items()
                   if kind(outcome) != "passed" and not self.expected.section(test)]
            self.oracle[module] = self.runner.module(module, "plain", odd)
        for test, outcome in run.outcomes.items():
            # The tests of a class whose set-up fails stand for it.
            if kind(outcome) == "passed" or test.startswith("setUpClass ("):
                continue
            if self.expected.section(test) or self.passes_plainly(module, test):
                self.look_again(module, test, outcome)

    def look_again(self, module, test, outcome):
        section = self.expected.section(test)
        if section:
            self.listed.append(test)
            say(f"  listed ({section}): {test}: {outcome.splitlines()[0]}"
                + self.under_gevent(module, test))
            return
        alone = {way: self.alone(module, test, way) for way in ("plain", "mpgreen")}
        line = f"{test}\n      {outcome.splitlines()[0]}; alone {alone['mpgreen']}; " \
               f"plainly {alone['plain']}" + self.under_gevent(module, test)
        if alone["plain"] and not any(kind(end) == "passed" for end in alone["plain"]):
            say(f"  alone it does not pass plainly: {line}")
        elif "ok" in alone["mpgreen"] and not self.again_in_company(module, test):
            self.flaky.append(test)
            say(f"  flaky: {line}")
        else:
            self.new.append(test)
            say(f"  DOES NOT PASS: {line}")
        if self.options.details:
            detail = self.results["mpgreen"][module].details[test]
            say("".join(f"      | {text}\n" for text in detail.splitlines()[-60:]))

    def under_gevent(self, module, test):
        run = self.results["gevent"].get(module)
        return f"; gevent {run.outcomes.get(test, 'ok').splitlines()[0]}" if run else ""

    def alone(self, module, test, way):
        """The outcomes of up to --repeat runs: until one passes."""
        ends = []
        while len(ends) < self.options.repeat and "ok" not in ends and not is_fixture(test):
            run = self.runner.module(module, way, [test])
            ends.append(run.outcomes.get(test, "absent").splitlines()[0])
        return ends

    def again_in_company(self, module, test):
        """Whether a test that passes alone fails again when its class runs."""
        of_class = test.rpartition(".")[0] + "."
        tests = [other for other in self.results["mpgreen"][module].tests
                 if other.startswith(of_class)]
        run = self.runner.module(module, "mpgreen", tests)
        return kind(run.outcomes.get(test, "absent")) != "passed"

    def end(self):
        bad = set(self.new + self.listed + self.flaky)
        for entry in self.expected.stale(self.tests, bad):
            say(f"  listed, and passes now: {entry}")
        for section in self.expected.unexplained:
            say(f"  {EXPECTED} names a section that {EXPLAINED} has not: {section}")
        for name, tests in (("do not pass and are not listed", self.new), ("flaky", self.flaky)):
            if tests:
                say(f"{name}:" + "".join(f"\n  {test}" for test in tests))
        say(f"{len(self.tests)} tests: {len(self.new)} real differences, {len(self.listed)} "
            f"listed, {len(self.flaky)} flaky")
        return 1 if self.new or self.expected.unexplained else 0
