#!/bin/sh
# SPDX-License-Identifier: MIT
# gunicorn and Celery workers with the library preloaded: slow requests that use multiprocessing run side
# by side, and quick ones do not notice. Exit status 77 where neither of the two is installed.
set -eu

exec "$(dirname "$0")/../examples/servers/run" --only-with "$@"
