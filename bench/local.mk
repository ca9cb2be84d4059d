# SPDX-License-Identifier: MIT
EXTRA_PROGRAMS = bench/passthrough
bench_passthrough_SOURCES = bench/passthrough.c
EXTRA_DIST += bench/run bench/gil.py bench/pingpong.py bench/multiprocessing bench/setup-peers \
	bench/clients bench/mp/cell.py bench/mp/columns.py bench/mp/rows.py bench/mp/table.py
CLEANFILES += bench/passthrough$(EXEEXT)

bench: all bench/passthrough$(EXEEXT)
	@$(srcdir)/bench/run $(srcdir) $(PYTHON)

# gipc and GeventMP come from PyPI, once; without a network their columns stay empty.
bench-multiprocessing: all
	@test -d bench/peers || $(srcdir)/bench/setup-peers $(PYTHON) || \
		echo "$@: without gipc and GeventMP" >&2
	@PYTHON=$(PYTHON) $(srcdir)/bench/multiprocessing

# Queries of PostgreSQL through psycopg2; for a column more, with psycogreen.
bench-clients: all
	@$(PYTHON) -B $(srcdir)/bench/clients $(CLIENTS_FLAGS)

distclean-local: clean-peers
clean-peers:
	rm -rf bench/peers

.PHONY: bench bench-clients bench-multiprocessing clean-peers
