# SPDX-License-Identifier: MIT
# Libraries for the tests of what is bound to what: those that import and those that define.
rules_module = -module -avoid-version -shared -rpath $(abs_builddir)/tests/rules
rules_flags = -DRULES_LIBS=\"$(abs_builddir)/tests/rules/.libs\"

check_LTLIBRARIES += tests/rules/importer_lazy.la tests/rules/importer_now.la
tests_rules_importer_lazy_la_SOURCES = tests/rules/importer.c
tests_rules_importer_lazy_la_CPPFLAGS = $(AM_CPPFLAGS) -DBOUND_AT_FIRST_CALL
tests_rules_importer_lazy_la_LDFLAGS = $(AM_LDFLAGS) $(rules_module) -Wl,-z,lazy
tests_rules_importer_now_la_SOURCES = tests/rules/importer.c
tests_rules_importer_now_la_LDFLAGS = $(AM_LDFLAGS) $(rules_module) -Wl,-z,now -Wl,-z,relro
