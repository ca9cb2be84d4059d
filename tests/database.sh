#!/bin/sh
# SPDX-License-Identifier: MIT
# A gunicorn worker that asks PostgreSQL through psycopg2, without and with the library, for a short time: at
# least twice as many requests are answered (it is about forty times). Exit status 77 where a
# package is missing.
set -eu

exec "${PYTHON:-python3}" -B "$(dirname "$0")/../examples/database/compare.py" --seconds 2 "$@"
