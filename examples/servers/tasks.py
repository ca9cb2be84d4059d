# SPDX-License-Identifier: MIT
"""Celery tasks that use multiprocessing, for a worker with the gevent pool.

    greenmp-run celery -A tasks worker -P gevent -c 50
    python3 -c 'import tasks; print(tasks.slow.delay("pool", 3).get())'        9, after a second

Celery calls patch_all() itself when it sees `-P gevent`. Messages and results are files below
$TASKS_FOLDER (/tmp/tasks), so that no broker has to be installed; a real one changes two lines.
"""
import os
import time

import billiard
from celery import Celery

import broker  # noqa: F401: files://
import jobs

FOLDER = os.environ.get("TASKS_FOLDER", "/tmp/tasks")
for name in ("messages", "results"):
    os.makedirs(os.path.join(FOLDER, name), exist_ok=True)


def by_billiard(number):
    """Celery's own multiprocessing."""
    return jobs.by_queue(number, billiard)


WAYS = dict(jobs.WAYS, billiard=by_billiard)

app = Celery("tasks", broker="files://", backend="file://" + os.path.join(FOLDER, "results"))
app.conf.broker_transport_options = {
    "data_folder_in": os.path.join(FOLDER, "messages"),
    "data_folder_out": os.path.join(FOLDER, "messages"),
    "polling_interval": 0.02,
}
app.conf.worker_prefetch_multiplier = 0


@app.task
def slow(way, number):
    return WAYS[way](number)


@app.task
def quick(sent):
    """How many seconds this task has waited for its turn, and which process runs it."""
    return time.time() - sent, os.getpid()
