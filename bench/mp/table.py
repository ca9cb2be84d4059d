# SPDX-License-Identifier: MIT
"""The rows of the table, their aims, and how the table is printed."""
import collections
import functools
import statistics

import columns
import rows

ALL = columns.NAMES
OF_THE_MODULE = ("plain", "geventmp", "ours")

# measure(column, there) -> figures; `better` is max or min, of several rounds
Row = collections.namedtuple("Row", "title columns measure better cores")
ROWS = {
    "pipe64": Row("Pipe 64 B, round trips/s", ALL, functools.partial(rows.ping_pong, 64), max, (1, 2)),
    "pipe64k": Row("Pipe 64 KiB, round trips/s", ALL,
                   functools.partial(rows.ping_pong, 65536), max, (1, 2)),
    "lock": Row("Lock acquire+release, ns", OF_THE_MODULE, rows.lock, min, (1,)),
    "handover": Row("semaphore hand-overs/s", OF_THE_MODULE, rows.hand_over, max, (1, 2)),
    "queue": Row("Queue.get, items/s", OF_THE_MODULE, rows.queue_get, max, (1, 2)),
    "pool": Row("Pool.map no-ops, tasks/s", OF_THE_MODULE, rows.pool_map, max, (1, 2)),
    "waiters1k": Row("1,000 waiters, round trips/s", ALL,
                     functools.partial(rows.waiters, 1000), max, (1, 2)),
    "waiters10k": Row("10,000 waiters, round trips/s", ("geventmp", "gevent", "ours"),
                      functools.partial(rows.waiters, 10000), max, (1, 2)),
}

# Of our figure: (rows, column of) the other figure, limit, cores it is asked for
Aim = collections.namedtuple("Aim", "row other_row other_column at_least at_most cores")
AIMS = (
    Aim("pipe64", "pipe64", "plain", 0.9, None, (1, 2)),
    Aim("pipe64k", "pipe64k", "plain", 0.9, None, (1, 2)),
    Aim("lock", "lock", "plain", None, 1.05, (1,)),
    Aim("handover", "handover", "geventmp", 2, None, (1,)),
    Aim("queue", "queue", "geventmp", 3, None, (1, 2)),
    Aim("pool", "pool", "plain", 0.9, None, (1, 2)),
    Aim("waiters1k", "waiters1k", "geventmp", 1.5, None, (1, 2)),
    Aim("waiters10k", "waiters1k", "ours", 0.9, None, (1, 2)),
)


class Results:
    """figures[row, column, cores] = one dict for each round, None where a cell failed"""

    def __init__(self, take):
        self.take = take
        self.rounds = collections.defaultdict(list)

    def add(self, row, column, cores, figures):
        self.rounds[row, column, cores].append(figures)

    def value(self, row, column, cores, key="value"):
        values = [f[key] for f in self.rounds.get((row, column, cores), ()) if f and key in f]
        if not values:
            return None
        return ROWS[row].better(values) if self.take == "best" else statistics.median(values)

    def ratio(self, aim, cores):
        """Of the figures taken; with the median, the median of the rounds' own ratios."""
        other = (aim.other_row, aim.other_column, cores)
        ours = (aim.row, "ours", cores)
        if self.take == "best":
            a, b = self.value(*ours), self.value(*other)
            return a / b if a and b else None
        ratios = [a["value"] / b["value"]
                  for a, b in zip(self.rounds[ours], self.rounds[other]) if a and b]
        return statistics.median(ratios) if ratios else None


def number(value):
    return "–" if value is None else format(value, ",.1f" if value < 100 else ",.0f")


def cell_text(results, name, column, cores):
    measured = results.rounds.get((name, column, cores))
    if not measured:
        return "–"
    value = results.value(name, column, cores)
    if value is None:
        return "failed"
    kib = results.value(name, column, cores, "kib")
    return number(value) + ("" if kib is None else " (%.1f)" % kib)


def verdicts(results, row, cores):
    for aim in AIMS:
        if aim.row != row or cores not in aim.cores:
            continue
        ratio = results.ratio(aim, cores)
        if ratio is None:
            continue
        reached = ratio >= aim.at_least if aim.at_least else ratio <= aim.at_most
        whose = "1,000" if aim.other_row != aim.row else columns.TITLES[aim.other_column]
        yield "%.2f x %s, aim %s %s: %s" % (
            ratio, whose, ">=" if aim.at_least else "<=", aim.at_least or aim.at_most,
            "yes" if reached else "NO")


def print_table(results, names, shown, cores):
    here = [name for name in names if cores in ROWS[name].cores]
    if not here:
        return
    widths = "%-30s" + "%16s" * len(shown) + "   %s"
    place = {1: "both processes on one core", 2: "on two cores"}[cores]
    print()
    print((widths % (place, *(columns.TITLES[c] for c in shown), "")).rstrip())
    for name in here:
        cells = [cell_text(results, name, column, cores) for column in shown]
        words = "; ".join(verdicts(results, name, cores))
        print((widths % (ROWS[name].title, *cells, words)).rstrip())
    if any(name.startswith("waiters") for name in here):
        print("  in brackets: KiB for each waiter")
