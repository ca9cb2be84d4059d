# SPDX-License-Identifier: MIT
"""A web application that asks PostgreSQL for something slow at each request.

    DATABASE='dbname=postgres' greenmp-run gunicorn -k gevent web:application

    curl localhost:8000/                what the database said, after 50 ms
    curl localhost:8000/quick           answers at once

This is psycopg2 as everybody uses it. Under gunicorn's gevent worker without greenmp-run each query stops
the whole worker.
"""
import os
import threading

import psycopg2

QUERY = "select 'slow answer' from pg_sleep(0.05)"
mine = threading.local()


def ask():
    """Each thread has a connection of its own; a greenlet is one, after patch_all()."""
    if not hasattr(mine, "connection"):
        mine.connection = psycopg2.connect(os.environ["DATABASE"])
        mine.connection.autocommit = True
    with mine.connection.cursor() as cursor:
        cursor.execute(QUERY)
        return cursor.fetchone()[0]


def application(environ, start_response):
    text = "quick answer" if environ["PATH_INFO"] == "/quick" else ask()
    body = text.encode() + b"\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
