# SPDX-License-Identifier: MIT
# greenmp-run, what its --patch uses, their tests, and the comparison with CPython's own tests.

bin_SCRIPTS = scripts/installed/greenmp-run
dist_man1_MANS = docs/greenmp-run.1
patchdir = $(libdir)/mpgreen/patch
dist_patch_DATA = python-patch/sitecustomize.py

run_tests = \
	tests/run/find.sh \
	tests/run/preload.sh \
	tests/run/command.sh \
	tests/run/options.sh \
	tests/run/patch.sh \
	tests/run/manual.sh \
	tests/run/bare.sh \
	tests/run/compare.sh \
	tests/run/suite.sh

TESTS += $(run_tests)
dist_check_SCRIPTS += $(run_tests)
check_SCRIPTS += tests/run/env.sh
EXTRA_DIST += scripts/greenmp-run tests/run/lib.sh \
	tests/transparency/compare.py tests/transparency/record.py
CLEANFILES += scripts/installed/greenmp-run scripts/run.stamp tests/run/env.sh

# An out-of-tree build has its own copy: the script looks for the library in the tree it is in.
scripts/run.stamp: $(srcdir)/scripts/greenmp-run $(srcdir)/python-patch/sitecustomize.py
	$(AM_V_GEN)$(MKDIR_P) scripts python-patch && \
	{ test "$(srcdir)" = . || { \
		cp $(srcdir)/scripts/greenmp-run scripts/ && \
		cp $(srcdir)/python-patch/sitecustomize.py python-patch/; }; } && \
	touch $@

scripts/installed/greenmp-run: $(srcdir)/scripts/greenmp-run scripts/run.stamp Makefile
	$(AM_V_GEN)$(MKDIR_P) scripts/installed && \
	sed "s|^libdir=.*|libdir='$(libdir)'|" $(srcdir)/scripts/greenmp-run >$@.new && \
	chmod +x $@.new && mv -f $@.new $@

tests/run/env.sh: Makefile
	$(AM_V_GEN)$(MKDIR_P) tests/run && \
	printf '%s\n' "CC='$(CC)'" "PYTHON='$(PYTHON)'" "VERSION='$(PACKAGE_VERSION)'" \
		"SOURCE='$(abs_srcdir)/scripts/greenmp-run'" >$@

clean-local: clean-run
clean-run:
	test "$(srcdir)" = . || rm -f scripts/greenmp-run python-patch/sitecustomize.py

uninstall-local: uninstall-run
uninstall-run:
	rm -rf "$(DESTDIR)$(patchdir)/__pycache__"

# Minutes, so not part of check.
check-transparency: all
	$(PYTHON) $(srcdir)/tests/transparency/compare.py --python $(PYTHON) \
		--library .libs/libmpgreen.so $(TRANSPARENCY_FLAGS)

# The same through the whole cooperative path.
check-transparency-poll: all
	$(PYTHON) $(srcdir)/tests/transparency/compare.py --python $(PYTHON) \
		--library .libs/libmpgreen.so --scheduler poll $(TRANSPARENCY_FLAGS)

.PHONY: check-transparency check-transparency-poll clean-run uninstall-run
