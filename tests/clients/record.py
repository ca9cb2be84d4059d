# SPDX-License-Identifier: MIT
"""What has become of each test, in a file. A test that hangs, or breaks the interpreter, ends the process;
the next one (see `run`) counts it as failed, takes over what came before and goes on behind it.
"""
import json

import pytest

ENDED = "FINISHED"


def of_the_ended(item):
    return pytest.TestReport(item.nodeid, item.location, {}, "failed",
                             "the process has ended in it: see above", "call")


class Record:
    def __init__(self, config, path):
        self._config = config
        self._before = {}
        with open(path, "a+", encoding="utf-8") as file:
            file.seek(0)
            for line in file:
                self._read(*json.loads(line))
        self._file = open(path, "a", encoding="utf-8", buffering=1)
        self._repeats = False

    def _read(self, name, report):
        reports = self._before.setdefault(name, [])
        if report is not None:
            reports.append(self._config.hook.pytest_report_from_serializable(
                config=self._config, data=report))

    def _write(self, name, report):
        if not self._repeats:
            self._file.write(json.dumps([name, report]) + "\n")

    def _repeat(self, item):
        reports = self._before[item.nodeid]
        # Its setup may have passed.
        if not reports or reports[-1].when != "teardown":
            reports = [of_the_ended(item)]
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        self._repeats = item.nodeid in self._before
        if not self._repeats:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._repeat(item)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_runtest_logstart(self, nodeid):
        self._write(nodeid, None)

    def pytest_runtest_logreport(self, report):
        self._write(report.nodeid, self._config.hook.pytest_report_to_serializable(
            config=self._config, report=report))

    def pytest_sessionfinish(self):
        self._file.write(json.dumps([ENDED, None]) + "\n")
