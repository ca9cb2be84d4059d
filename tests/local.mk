# SPDX-License-Identifier: MIT
# The conformance suite: one set of cases, three programs that differ in how they run them.
if HAVE_CHECK
conformance_flags = $(AM_CPPFLAGS) -I$(srcdir)/tests/support -I$(srcdir)/tests/conformance \
	-DLIBRARY_VERSION=\"$(PACKAGE_VERSION)\"
conformance_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_LTLIBRARIES = tests/libconformance.la tests/libfortified.la
tests_libconformance_la_CPPFLAGS = $(conformance_flags)
tests_libconformance_la_CFLAGS = $(conformance_cflags)
tests_libconformance_la_SOURCES = \
	tests/conformance/suites.h \
	tests/conformance/test_api.c \
	tests/conformance/test_cancel.c \
	tests/conformance/test_close.c \
	tests/conformance/test_connect.c \
	tests/conformance/test_deadline.c \
	tests/conformance/test_epoll.c \
	tests/conformance/test_events.c \
	tests/conformance/test_fd.c \
	tests/conformance/test_fibers.c \
	tests/conformance/test_fork.c \
	tests/conformance/test_names.c \
	tests/conformance/test_poll.c \
	tests/conformance/test_read.c \
	tests/conformance/test_receive.c \
	tests/conformance/test_select.c \
	tests/conformance/test_send.c \
	tests/conformance/test_signal.c \
	tests/conformance/test_sigwait.c \
	tests/conformance/test_sleep.c \
	tests/conformance/test_terminal.c \
	tests/conformance/test_transfer.c \
	tests/conformance/test_write.c \
	tests/support/fibers.c tests/support/fibers.h \
	tests/support/kinds.c tests/support/kinds.h \
	tests/support/switch.h \
	tests/support/way.c tests/support/way.h

# As most programs are built: the headers then call other names.
tests_libfortified_la_CPPFLAGS = $(conformance_flags) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
tests_libfortified_la_CFLAGS = $(conformance_cflags) -O2
tests_libfortified_la_SOURCES = tests/conformance/test_fortified.c

conformance_programs = tests/way_native tests/way_poll tests/way_fibers
conformance_libs = tests/libconformance.la tests/libfortified.la libmpgreen.la $(CHECK_LIBS) \
	-lutil -lpthread
check_PROGRAMS += $(conformance_programs)
TESTS += $(conformance_programs)
tests_way_native_CPPFLAGS = $(conformance_flags)
tests_way_native_LDADD = $(conformance_libs)
tests_way_native_SOURCES = tests/conformance/way_native.c
tests_way_poll_CPPFLAGS = $(conformance_flags)
tests_way_poll_LDADD = $(conformance_libs)
tests_way_poll_SOURCES = tests/conformance/way_poll.c
tests_way_fibers_CPPFLAGS = $(conformance_flags)
tests_way_fibers_LDADD = $(conformance_libs)
tests_way_fibers_SOURCES = tests/conformance/way_fibers.c
endif
include tests/unit/local.mk
