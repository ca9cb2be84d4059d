# SPDX-License-Identifier: MIT
# The Python package: $(libdir)/mpgreen/python/mpgreen, and in the build tree python/mpgreen. Beside it
# lies what gevent looks for to find the entry point.

python_sources = \
	python/mpgreen/__init__.py \
	python/mpgreen/__main__.py \
	python/mpgreen/_child.py \
	python/mpgreen/_hubs.py \
	python/mpgreen/_interrupt.py \
	python/mpgreen/_modules.py \
	python/mpgreen/_multiprocessing.py \
	python/mpgreen/_synchronize.py \
	python/mpgreen/_start.py \
	python/mpgreen/_streams.py \
	python/mpgreen/_waiting.py
python_tests = \
	python/tests/conftest.py \
	python/tests/nameserver.py \
	python/tests/peers.py \
	python/tests/stopwatch.py \
	python/tests/test_billiard.py \
	python/tests/test_blocking_cases.py \
	python/tests/test_cancel.py \
	python/tests/test_children.py \
	python/tests/test_files.py \
	python/tests/test_fork.py \
	python/tests/test_interface.py \
	python/tests/test_ipc.py \
	python/tests/test_locks_in_c.py \
	python/tests/test_multiprocessing.py \
	python/tests/test_names.py \
	python/tests/test_offload.py \
	python/tests/test_recursive_locks.py \
	python/tests/test_rules.py \
	python/tests/test_semaphores.py \
	python/tests/test_start_methods.py \
	python/tests/test_stdio.py \
	python/tests/test_streams.py \
	python/tests/test_threads.py \
	python/tests/test_waiting.py \
	python/tests/test_waiting_in_c.py \
	python/tests/test_without_gevent.py

EXTRA_DIST += $(python_sources) $(python_tests) python/entry_points.txt python/tests/run \
	pyproject.toml setup.py

if HAVE_PYTHON
mpgreenpackagedir = $(libdir)/mpgreen/python/mpgreen
mpgreenpackage_DATA = $(python_sources)
mpgreenpackage_LTLIBRARIES = python/mpgreen/_gevent.abi3.la
python_mpgreen__gevent_abi3_la_SOURCES = \
	python/ext/binding.h \
	python/ext/hub.c python/ext/hub.h \
	python/ext/kept.c \
	python/ext/library.c \
	python/ext/module.c \
	python/ext/park.c \
	python/ext/queue.c \
	python/ext/stay.c \
	python/ext/timers.c \
	python/ext/trace.c \
	python/ext/turn.c \
	python/ext/watch.c
python_mpgreen__gevent_abi3_la_CPPFLAGS = $(AM_CPPFLAGS) $(PYTHON_CPPFLAGS)
python_mpgreen__gevent_abi3_la_CFLAGS = $(AM_CFLAGS)
python_mpgreen__gevent_abi3_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
python_mpgreen__gevent_abi3_la_LIBADD = -ldl

python_info = mpgreen-$(PACKAGE_VERSION).dist-info
mpgreeninfodir = $(libdir)/mpgreen/python/$(python_info)
nodist_mpgreeninfo_DATA = python/$(python_info)/METADATA python/$(python_info)/entry_points.txt
CLEANFILES += $(nodist_mpgreeninfo_DATA)

python/$(python_info)/METADATA: $(srcdir)/configure.ac
	@$(MKDIR_P) $(@D)
	$(AM_V_GEN)printf 'Metadata-Version: 2.1\nName: mpgreen\nVersion: %s\n' $(PACKAGE_VERSION) >$@

python/$(python_info)/entry_points.txt: $(srcdir)/python/entry_points.txt
	@$(MKDIR_P) $(@D)
	$(AM_V_GEN)cp $(srcdir)/python/entry_points.txt $@

# The package as it is used from the build tree; the tests and the runner load it from here. Copies of
# the sources would be found before the sources themselves, so make cannot tell which are out of date.
all-local: python-package
python-package: python/mpgreen/_gevent.abi3.la $(nodist_mpgreeninfo_DATA)
	@for file in $(python_sources); do \
		cmp -s $(srcdir)/$$file $$file || cp -f $(srcdir)/$$file $$file || exit; \
	done
	@cmp -s python/mpgreen/.libs/_gevent.abi3.so python/mpgreen/_gevent.abi3.so || \
		cp -f python/mpgreen/.libs/_gevent.abi3.so python/mpgreen/_gevent.abi3.so

mostlyclean-local: clean-python
clean-python:
	rm -rf python/mpgreen/__pycache__ python/mpgreen/_gevent.abi3.so python/tests/__pycache__
	test "$(srcdir)" = . || rm -f $(python_sources)

# libtool's own description of the extension is of no use to anyone.
install-data-hook: uninstall-python-la
uninstall-python-la: install-mpgreenpackageLTLIBRARIES
	rm -f $(DESTDIR)$(mpgreenpackagedir)/_gevent.abi3.la

uninstall-hook: uninstall-python
uninstall-python:
	rm -f $(DESTDIR)$(mpgreenpackagedir)/_gevent.abi3.so
	-rmdir $(DESTDIR)$(mpgreeninfodir) $(DESTDIR)$(mpgreenpackagedir) \
		$(DESTDIR)$(libdir)/mpgreen/python $(DESTDIR)$(libdir)/mpgreen

TESTS += python/tests/run
endif
.PHONY: python-package clean-python uninstall-python-la uninstall-python
