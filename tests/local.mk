# SPDX-License-Identifier: MIT
if HAVE_CHECK
conformance_sources = \
	tests/support/fibers.c tests/support/fibers.h \
	tests/support/kinds.c tests/support/kinds.h \
	tests/support/switch.h \
	tests/support/way.c tests/support/way.h \
	tests/conformance/suites.h \
	tests/conformance/test_connect.c \
	tests/conformance/test_deadline.c \
	tests/conformance/test_read.c \
	tests/conformance/test_receive.c \
	tests/conformance/test_send.c \
	tests/conformance/test_transfer.c \
	tests/conformance/test_write.c

check_LTLIBRARIES = tests/libconformance.la
tests_libconformance_la_SOURCES = $(conformance_sources)
tests_libconformance_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/support \
	-I$(srcdir)/tests/conformance
tests_libconformance_la_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

conformance_programs = tests/way_native tests/way_poll tests/way_fibers
conformance_libs = tests/libconformance.la libmpgreen.la $(CHECK_LIBS) -lutil -lpthread
check_PROGRAMS += $(conformance_programs)
TESTS += $(conformance_programs)
tests_way_native_SOURCES = tests/conformance/way_native.c
tests_way_native_CPPFLAGS = $(tests_libconformance_la_CPPFLAGS)
tests_way_native_LDADD = $(conformance_libs)
tests_way_poll_SOURCES = tests/conformance/way_poll.c
tests_way_poll_CPPFLAGS = $(tests_libconformance_la_CPPFLAGS)
tests_way_poll_LDADD = $(conformance_libs)
tests_way_fibers_SOURCES = tests/conformance/way_fibers.c
tests_way_fibers_CPPFLAGS = $(tests_libconformance_la_CPPFLAGS)
tests_way_fibers_LDADD = $(conformance_libs)
endif
