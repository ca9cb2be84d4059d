# SPDX-License-Identifier: MIT
# Libraries for the tests of what is bound to what: those that import and those that define.
rules_folder = $(abs_builddir)/tests/rules/.libs
rules_flags = -DRULES_LIBS=\"$(rules_folder)\"
rules_library = $(AM_LDFLAGS) -avoid-version -shared -rpath $(abs_builddir)/tests/rules
rules_module = $(rules_library) -module -Wl,-rpath,$(rules_folder) -Wl,--enable-new-dtags
rules_lazy = $(rules_module) -Wl,-z,lazy
rules_now = $(rules_module) -Wl,-z,now -Wl,-z,relro

rules_libraries = \
	tests/rules/libslow.la \
	tests/rules/caller_lazy.la tests/rules/caller_now.la \
	tests/rules/held.la \
	tests/rules/importer_lazy.la tests/rules/importer_now.la \
	tests/rules/plugin.la
check_LTLIBRARIES += $(rules_libraries)
tests_rules_libslow_la_SOURCES = tests/rules/slow.c tests/rules/slow.h
tests_rules_libslow_la_LDFLAGS = $(rules_library)
tests_rules_caller_lazy_la_SOURCES = tests/rules/caller.c tests/rules/caller.h
tests_rules_caller_lazy_la_CPPFLAGS = $(AM_CPPFLAGS) -DBOUND_AT_FIRST_CALL
tests_rules_caller_lazy_la_LDFLAGS = $(rules_lazy)
tests_rules_caller_lazy_la_LIBADD = tests/rules/libslow.la
tests_rules_caller_now_la_SOURCES = tests/rules/caller.c tests/rules/caller.h
tests_rules_caller_now_la_LDFLAGS = $(rules_now)
tests_rules_caller_now_la_LIBADD = tests/rules/libslow.la
tests_rules_held_la_SOURCES = tests/rules/held.c
tests_rules_held_la_LDFLAGS = $(rules_now)
tests_rules_held_la_LIBADD = tests/rules/libslow.la
tests_rules_importer_lazy_la_SOURCES = tests/rules/importer.c
tests_rules_importer_lazy_la_CPPFLAGS = $(AM_CPPFLAGS) -DBOUND_AT_FIRST_CALL
tests_rules_importer_lazy_la_LDFLAGS = $(rules_lazy)
tests_rules_importer_now_la_SOURCES = tests/rules/importer.c
tests_rules_importer_now_la_LDFLAGS = $(rules_now)
tests_rules_plugin_la_SOURCES = tests/rules/plugin.c
tests_rules_plugin_la_LDFLAGS = $(rules_lazy)
tests_rules_plugin_la_LIBADD = tests/rules/libslow.la

check_PROGRAMS += tests/rules/probe tests/rules/probe_fixed
tests_rules_probe_SOURCES = tests/rules/probe.c tests/rules/slow.h
tests_rules_probe_LDADD = -lpthread -ldl
tests_rules_probe_fixed_SOURCES = tests/rules/probe.c tests/rules/slow.h
tests_rules_probe_fixed_CPPFLAGS = $(AM_CPPFLAGS) -DTAKES_ADDRESSES
tests_rules_probe_fixed_CFLAGS = $(AM_CFLAGS) -fno-pie
tests_rules_probe_fixed_LDFLAGS = $(AM_LDFLAGS) -no-pie -no-install
tests_rules_probe_fixed_LDADD = tests/rules/libslow.la -lpthread -ldl
dist_check_SCRIPTS += tests/rules/rules.sh
TESTS += tests/rules/rules.sh
