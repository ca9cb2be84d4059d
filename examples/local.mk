# SPDX-License-Identifier: MIT
dist_check_SCRIPTS += examples/demo.py examples/app.py
EXTRA_DIST += examples/timeline.py docs/demo.svg
CLEANFILES += examples/demo.svg

# Real processes, without and with the library; draws $(builddir)/examples/demo.svg.
demo: all
	@$(MKDIR_P) examples
	$(PYTHON) -B $(srcdir)/examples/demo.py --library .libs/libmpgreen.so --picture examples/demo.svg

.PHONY: demo
