# SPDX-License-Identifier: MIT
dist_check_SCRIPTS += examples/demo.py examples/app.py
EXTRA_DIST += examples/README.md examples/timeline.py docs/demo.svg \
	examples/servers/jobs.py examples/servers/web.py examples/servers/tasks.py \
	examples/servers/broker.py examples/servers/compare.py examples/servers/run \
	examples/database/compare.py examples/database/web.py
CLEANFILES += examples/demo.svg

# Real processes, without and with the library; draws $(builddir)/examples/demo.svg.
demo: all
	@$(MKDIR_P) examples
	$(PYTHON) -B $(srcdir)/examples/demo.py --library .libs/libmpgreen.so --picture examples/demo.svg

# gunicorn and Celery workers, without and with the library; the test is with it only.
servers: all
	@PYTHON=$(PYTHON) $(srcdir)/examples/servers/run

# gunicorn, psycopg2 and PostgreSQL, without and with the library, measured by wrk.
database: all
	@$(PYTHON) -B $(srcdir)/examples/database/compare.py

if HAVE_PYTHON
dist_check_SCRIPTS += tests/servers.sh tests/database.sh
TESTS += tests/servers.sh tests/database.sh
endif

.PHONY: database demo servers
