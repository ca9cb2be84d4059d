#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs app.py without and with libmpgreen, and shows what its ticker did meanwhile.

    demo.py --library .libs/libmpgreen.so [--picture demo.svg]

Each kind of wait gets a process of its own, so that one that dies does not hide the others; the
last row is the whole program in one process. Exits with 1 if, with the library, something failed
or the ticker stood still for 50 ms.
"""
import argparse
import errno
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

import timeline

APP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "app.py")
TIME_LIMIT_SECONDS = 20
HEADINGS = {
    "manager": "Manager().Queue().get()",
    "duplex": "Pipe().recv()",
    "simplex": "Pipe(False).recv()",
    "queue": "Queue().get()",
}


def in_milliseconds(step):
    start = step["start"]
    return {
        "kind": step["kind"],
        "error": step["error"],
        "end": (step["end"] - start) * 1000,
        "ticks": [(tick - start) * 1000 for tick in step["ticks"]],
    }


def wait_or_kill(process):
    """False if the process had to be killed; its own children are killed in any case."""
    try:
        process.wait(TIME_LIMIT_SECONDS)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def run_app(kinds, library):
    """Runs app.py in a session of its own: its steps, and one that says so if it broke down."""
    environment = {name: value for name, value in os.environ.items()
                   if name != "LD_PRELOAD" and not name.startswith("MPGREEN_")}
    if library:
        environment["LD_PRELOAD"] = library
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        with open(os.path.join(folder, "log"), "w+", encoding="utf-8", errors="replace") as log:
            process = subprocess.Popen([sys.executable, APP, "--report", report, *kinds],
                                       env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            in_time = wait_or_kill(process)
            log.seek(0)
            words = log.read().strip().splitlines() or ["no output"]
        if os.path.exists(report):
            with open(report, encoding="ascii") as file:
                return [in_milliseconds(step) for step in json.load(file)]
    ended = f"exit status {process.returncode}" if in_time else f"hung for {TIME_LIMIT_SECONDS} s"
    return [{"kind": kinds[-1], "error": f"{ended}: {words[-1]}", "end": 0, "ticks": []}]


def longest_gap(steps):
    return max((end - begin for step in steps for begin, end in timeline.gaps(step["ticks"])),
               default=0)


def failure(steps):
    """What went wrong, or None."""
    for step in steps:
        if step["error"]:
            return step["error"]
    if longest_gap(steps) >= timeline.STALL_MS:
        return f"stalled for {longest_gap(steps):.0f} ms"
    return None


def outcome(steps):
    broken = [step["error"] for step in steps if step["error"]]
    if broken:
        number = re.search(r"\[Errno (\d+)\]", broken[0])
        name = errno.errorcode.get(int(number[1])) if number else None
        return f"dies: {name or broken[0].split(':')[0]}"
    return "stalls" if longest_gap(steps) >= timeline.STALL_MS else "works"


def print_table(rows):
    print(f"{'':24} | {'without libmpgreen':^24} | {'    with libmpgreen'}")
    print(f"{'':24} | {'outcome':14} {'gap':>9} | {'outcome':14} {'gap':>9}")
    for name, before, after in rows:
        print(f"{name:24} | {outcome(before):14} {longest_gap(before):6.0f} ms"
              f" | {outcome(after):14} {longest_gap(after):6.0f} ms")
    print("gap: the longest pause of a ticker that wants to run every 10 ms")


def main():
    parser = argparse.ArgumentParser(description="what libmpgreen does for multiprocessing")
    parser.add_argument("--library", required=True, help="libmpgreen.so")
    parser.add_argument("--picture", help="SVG to draw")
    options = parser.parse_args()
    library = os.path.abspath(options.library)
    if not os.path.exists(library):
        sys.exit(f"{library}: no such library")

    runs = [[kind] for kind in HEADINGS] + [list(HEADINGS)]
    names = list(HEADINGS.values()) + ["all of them, one program"]
    rows = []
    for name, kinds in zip(names, runs):
        before, after = run_app(kinds, None), run_app(kinds, library)
        rows.append((name, before, after))
        print(f"{name}\n    without: {failure(before) or 'works'}"
              f"\n    with:    {failure(after) or 'works'}", flush=True)

    print()
    print_table(rows)
    if options.picture:
        panels = [(name, [before[0], after[0]]) for name, before, after in rows[:-1]]
        lanes = [("without", "libmpgreen"), ("with", "libmpgreen")]
        title = "A gevent ticker every 10 ms, while another greenlet waits in multiprocessing"
        with open(options.picture, "w", encoding="utf-8") as picture:
            picture.write(timeline.draw(title, panels, lanes))
        print(f"drawn: {os.path.abspath(options.picture)}")

    failed = [name for name, _, after in rows if failure(after)]
    if failed:
        sys.exit(f"with libmpgreen this did not work: {', '.join(failed)}")


if __name__ == "__main__":
    main()
