# SPDX-License-Identifier: MIT
"""What the tests of the table have measured, a line for each client."""
import collections

COLUMNS = [
    ("20 x 0.5 s", "together", lambda seconds: "%.2f s" % max(seconds)),
    ("longest gap", "gap", lambda seconds: "%.1f ms" % (1000 * max(seconds))),
    ("Timeout late by", "stopped_by_timeout", lambda seconds: "%.1f ms" % (1000 * max(seconds))),
    ("kill by", "stopped_by_kill", lambda seconds: "%.1f ms" % (1000 * max(seconds))),
    ("afterwards its connection", "afterwards", lambda words: ", ".join(sorted(set(words)))),
]


def measured(reports):
    """{client: {what: [values]}} of the reports of tests that have passed."""
    clients = collections.defaultdict(lambda: collections.defaultdict(list))
    for report in reports:
        properties = getattr(report, "user_properties", [])
        names = [value for name, value in properties if name == "client"]
        if names and report.when == "call":
            for name, value in properties:
                clients[names[0]][name].append(value)
    return clients


def table(reports):
    rows = [[""] + [title for title, _, _ in COLUMNS]]
    for client, values in measured(reports).items():
        rows.append([client] + [shown(values[what]) if what in values else "-"
                                for _, what, shown in COLUMNS])
    if len(rows) == 1:
        return []
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in rows]
