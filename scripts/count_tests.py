#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts real tests in the output of test runs.

    count_tests.py FILE...      prints "PASSED FAILED SKIPPED"

FILE is a log, or automake's name.trs, which stands for name.log beside it. What Check, pytest,
unittest, TAP and tests/transparency report is counted case by case; a log without any of these is
one test, whose result the .trs tells. So is the failure of a log that reports no failed case.
"""
import collections
import os
import re
import sys

Count = collections.namedtuple("Count", "passed failed skipped")

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
PYTEST = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.M)
UNITTEST = re.compile(r"^Ran (\d+) tests? in [\d.]+s\n\n(?:OK|FAILED)(?: \((.*)\))?", re.M)
COMPARISON = re.compile(r"^(\d+) tests: (\d+) real differences?\b", re.M)
TAP = re.compile(r"^(not )?ok \d+[^\n#]*(# ?(?:SKIP|TODO))?", re.M | re.I)


def add(counts):
    return Count(*(sum(column) for column in zip(Count(0, 0, 0), *counts)))


def check_count(match):
    checks, failures, errors = map(int, match.groups())
    return Count(checks - failures - errors, failures + errors, 0)


def pytest_count(match):
    words = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", match[1])}
    failed = sum(words.get(word, 0) for word in ("failed", "error", "errors", "xpassed"))
    return Count(words.get("passed", 0) + words.get("xfailed", 0), failed, words.get("skipped", 0))


def unittest_count(match):
    words = dict(re.findall(r"([a-z][a-z ]*)=(\d+)", match[2] or ""))
    failed = sum(int(number) for word, number in words.items() if word in ("failures", "errors"))
    skipped = int(words.get("skipped", 0))
    return Count(int(match[1]) - failed - skipped, failed, skipped)


def comparison_count(match):
    tests, differences = map(int, match.groups())
    return Count(tests - differences, differences, 0)


def tap_count(match):
    if match[2]:
        return Count(0, 0, 1)
    return Count(0, 1, 0) if match[1] else Count(1, 0, 0)


FORMATS = ((CHECK, check_count), (PYTEST, pytest_count), (UNITTEST, unittest_count),
           (COMPARISON, comparison_count), (TAP, tap_count))


def count_log(text):
    """The cases of a log in the first format that it has, or None."""
    for pattern, count in FORMATS:
        matches = list(pattern.finditer(text))
        if matches:
            return add(map(count, matches))
    return None


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def count_file(path):
    if not path.endswith(".trs"):
        return count_log(read(path)) or Count(0, 0, 0)

    results = re.findall(r"^:global-test-result: (\w+)", read(path), re.M)
    result = results[0] if results else "ERROR"
    if result == "SKIP":
        return Count(0, 0, 1)
    log = path[:-len(".trs")] + ".log"
    cases = count_log(read(log)) if os.path.exists(log) else None
    good = result in ("PASS", "XFAIL")
    if cases is None or cases == (0, 0, 0):
        return Count(1, 0, 0) if good else Count(0, 1, 0)
    if not good and cases.failed == 0:
        return cases._replace(failed=1)
    return cases


if __name__ == "__main__":
    print(*add(map(count_file, sys.argv[1:])))
