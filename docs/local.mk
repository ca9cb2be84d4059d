# SPDX-License-Identifier: MIT
# The documentation, and the checks that keep it and the sources in order.
DOC_CHECKS = scripts/check-calls scripts/check-settings

dist_doc_DATA = docs/calls.md docs/clients.md docs/configuration.md docs/multiprocessing-tests.md \
	docs/offload.md docs/policy.md docs/python.md docs/rules.md NEWS README.md

dist_check_SCRIPTS += $(DOC_CHECKS) scripts/check-direct-calls.sh
TESTS += $(DOC_CHECKS) scripts/check-direct-calls.sh
EXTRA_DIST += docs/design/01-tries.md docs/design/02-signals.md docs/design/03-registry.md \
	docs/design/04-semaphores.md docs/design/05-children.md \
	docs/design/06-ipc.md docs/design/07-speed.md docs/design/08-offload.md \
	docs/design/09-imports.md docs/design/10-names.md docs/design/11-locks.md \
	docs/design/12-threads.md docs/design/13-stdio.md \
	.clang-format .clang-tidy .editorconfig scripts/calls.awk scripts/check-layers.awk \
	scripts/lint scripts/lint-text.awk scripts/never-block.txt scripts/scan-imports

# Needs the Debian packages that scripts/scan-imports names.
scan:
	PYTHON=$(PYTHON) $(srcdir)/scripts/scan-imports

lint: libmpgreen.la
	TIDY_FLAGS='$(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) -std=gnu17' \
		$(srcdir)/scripts/lint

.PHONY: lint scan
