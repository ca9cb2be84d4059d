# SPDX-License-Identifier: MIT
# CPython's own tests of multiprocessing, under gevent and the library.
EXTRA_DIST += \
	tests/multiprocessing/child.py \
	tests/multiprocessing/expected.txt \
	tests/multiprocessing/processes.py \
	tests/multiprocessing/report.py \
	tests/multiprocessing/slow.txt \
	tests/multiprocessing/suite.py

# SUITE_FLAGS: see suite.py --help
check-multiprocessing: all
	$(PYTHON) $(srcdir)/tests/multiprocessing/suite.py \
		--library .libs/libmpgreen.so $(SUITE_FLAGS)
.PHONY: check-multiprocessing
