# SPDX-License-Identifier: MIT
EXTRA_PROGRAMS = bench/passthrough
bench_passthrough_SOURCES = bench/passthrough.c
EXTRA_DIST += bench/run bench/pingpong.py
CLEANFILES += bench/passthrough$(EXEEXT)

bench: all bench/passthrough$(EXEEXT)
	@$(srcdir)/bench/run $(srcdir) $(PYTHON)

.PHONY: bench
