# SPDX-License-Identifier: MIT
"""A web application whose slow requests use multiprocessing; its quick ones should not notice.

    greenmp-run gunicorn -k gevent web:application

    curl localhost:8000/quick           answers at once: which process it is
    curl localhost:8000/pool/3          9, after a second: pipe, queue, pool, executor

gunicorn's gevent worker calls patch_all() itself. Without greenmp-run a slow request stops the whole
worker, or dies.
"""
import os

import jobs


def answer(path):
    if path == "/quick":
        return str(os.getpid())
    _, way, number = path.split("/")
    return str(jobs.WAYS[way](int(number)))


def application(environ, start_response):
    try:
        status, text = "200 OK", answer(environ["PATH_INFO"])
    except (KeyError, ValueError):
        status, text = "404 Not Found", "/quick, or one of %s with a number" % ", ".join(jobs.WAYS)
    except Exception as error:
        status, text = "500 Internal Server Error", "%s: %s" % (type(error).__name__, error)
    body = text.encode() + b"\n"
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
