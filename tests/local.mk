# SPDX-License-Identifier: MIT
# The conformance suite: one set of cases, three programs that differ in how they run them.
if HAVE_CHECK
conformance_flags = $(AM_CPPFLAGS) -I$(srcdir)/tests/support -I$(srcdir)/tests/conformance \
	$(rules_flags) -DLIBRARY_VERSION=\"$(PACKAGE_VERSION)\"
conformance_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_LTLIBRARIES += tests/libconformance.la tests/libfortified.la
tests_libconformance_la_CPPFLAGS = $(conformance_flags)
tests_libconformance_la_CFLAGS = $(conformance_cflags)
tests_libconformance_la_SOURCES = \
	tests/conformance/suites.h \
	tests/conformance/test_accounts.c \
	tests/conformance/test_api.c \
	tests/conformance/test_cancel.c \
	tests/conformance/test_child.c \
	tests/conformance/test_close.c \
	tests/conformance/test_cond.c \
	tests/conformance/test_connect.c \
	tests/conformance/test_deadline.c \
	tests/conformance/test_epoll.c \
	tests/conformance/test_events.c \
	tests/conformance/test_fd.c \
	tests/conformance/test_fibers.c \
	tests/conformance/test_fopen.c \
	tests/conformance/test_fork.c \
	tests/conformance/test_hosts.c \
	tests/conformance/test_lock.c \
	tests/conformance/test_lock_ends.c \
	tests/conformance/test_imports.c \
	tests/conformance/test_join.c \
	tests/conformance/test_mqueue.c \
	tests/conformance/test_mutex.c \
	tests/conformance/test_mutex_fibers.c \
	tests/conformance/test_names.c \
	tests/conformance/test_once.c \
	tests/conformance/test_open.c \
	tests/conformance/test_offload.c \
	tests/conformance/test_poll.c \
	tests/conformance/test_query.c \
	tests/conformance/test_read.c \
	tests/conformance/test_receive.c \
	tests/conformance/test_recvmmsg.c \
	tests/conformance/test_resolve.c \
	tests/conformance/test_rwlock.c \
	tests/conformance/test_select.c \
	tests/conformance/test_sem.c \
	tests/conformance/test_sem_ends.c \
	tests/conformance/test_send.c \
	tests/conformance/test_shared_locks.c \
	tests/conformance/test_signal.c \
	tests/conformance/test_sigwait.c \
	tests/conformance/test_sleep.c \
	tests/conformance/test_spawn.c \
	tests/conformance/test_stdio_beside.c \
	tests/conformance/test_stdio_fibers.c \
	tests/conformance/test_stdio_get.c \
	tests/conformance/test_stdio_input.c \
	tests/conformance/test_stdio_output.c \
	tests/conformance/test_stdio_put.c \
	tests/conformance/test_stdio_state.c \
	tests/conformance/test_system.c \
	tests/conformance/test_sysv_msg.c \
	tests/conformance/test_sysv_sem.c \
	tests/conformance/test_terminal.c \
	tests/conformance/test_transfer.c \
	tests/conformance/test_write.c \
	tests/support/beside.c tests/support/beside.h \
	tests/support/fibers.c tests/support/fibers.h \
	tests/support/fifos.c tests/support/fifos.h \
	tests/support/kinds.c tests/support/kinds.h \
	tests/support/mutexes.c tests/support/mutexes.h \
	tests/support/nameserver.c tests/support/nameserver.h \
	tests/support/locks.c tests/support/locks.h \
	tests/support/mark_point.c \
	tests/support/signals.c tests/support/signals.h \
	tests/support/switch.h \
	tests/support/way.c tests/support/way.h

# As most programs are built: the headers then call other names.
tests_libfortified_la_CPPFLAGS = $(conformance_flags) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
tests_libfortified_la_CFLAGS = $(conformance_cflags) -O2
tests_libfortified_la_SOURCES = tests/conformance/test_fortified.c

conformance_ldflags = -Wl,--wrap=_mark_point
conformance_programs = tests/way_native tests/way_poll tests/way_fibers
conformance_libs = tests/libconformance.la tests/libfortified.la libmpgreen.la $(CHECK_LIBS) \
	-lresolv -lutil -lpthread $(RT_LIBS)
check_PROGRAMS += $(conformance_programs)
TESTS += $(conformance_programs)
tests_way_native_CPPFLAGS = $(conformance_flags)
tests_way_native_LDADD = $(conformance_libs)
tests_way_native_LDFLAGS = $(conformance_ldflags)
tests_way_native_SOURCES = tests/conformance/way_native.c
tests_way_poll_CPPFLAGS = $(conformance_flags)
tests_way_poll_LDADD = $(conformance_libs)
tests_way_poll_LDFLAGS = $(conformance_ldflags)
tests_way_poll_SOURCES = tests/conformance/way_poll.c
tests_way_fibers_CPPFLAGS = $(conformance_flags)
tests_way_fibers_LDADD = $(conformance_libs)
tests_way_fibers_LDFLAGS = $(conformance_ldflags)
tests_way_fibers_SOURCES = tests/conformance/way_fibers.c
dist_check_SCRIPTS += tests/coverage.sh tests/semaphores.sh
TESTS += tests/coverage.sh tests/semaphores.sh

# What waits and posts without the library.
check_PROGRAMS += tests/peer
tests_peer_SOURCES = tests/support/peer.c
tests_peer_LDADD = -lpthread

check_valgrind_flags = -q --error-exitcode=3 --trace-children=yes --fair-sched=yes
check_valgrind_programs = $(conformance_programs) tests/unit/unit

# The poll way runs itself anew, hence the tracing of children; a thread that waits for its turn
# must sleep in a lock, hence the fair scheduler.
check-valgrind: all
	CK_TIMEOUT_MULTIPLIER=15 $(MAKE) check TESTS='$(check_valgrind_programs)' \
		LOG_COMPILER='$(LIBTOOL) --mode=execute valgrind' LOG_FLAGS='$(check_valgrind_flags)'

check-asan:
	$(MAKE) check-sanitizer SANITIZER_NAME=address SANITIZER_FOLDER=$@.build
check-ubsan:
	$(MAKE) check-sanitizer SANITIZER_NAME=undefined SANITIZER_FOLDER=$@.build
check-tsan:
	$(MAKE) check-sanitizer SANITIZER_NAME=thread SANITIZER_FOLDER=$@.build

# ThreadSanitizer installs its handlers before it can watch our sigaction().
tsan_signals = handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0
tsan_options = $(tsan_signals):handle_sigtrap=0:suppressions=$(abs_srcdir)/tests/support/tsan.supp
sanitizer_options = ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=$(tsan_options)

# The cases end with their processes and do not free what they have made.
check-sanitizer:
	$(MKDIR_P) $(SANITIZER_FOLDER)
	cd $(SANITIZER_FOLDER) && { test -f Makefile || $(abs_srcdir)/configure -q CC='$(CC)' \
		PYTHON='$(PYTHON)' --enable-sanitizer=$(SANITIZER_NAME); }
	cd $(SANITIZER_FOLDER) && $(sanitizer_options) CK_TIMEOUT_MULTIPLIER=5 \
		CK_EXCLUDE_TAGS=no-$(SANITIZER_NAME) $(MAKE) check \
		TESTS='$(check_valgrind_programs)'
endif
.PHONY: check-valgrind check-asan check-ubsan check-tsan check-sanitizer

# A million operations; with a number as its argument, as many.
check_PROGRAMS += tests/stress/semaphores
TESTS += tests/stress/semaphores
tests_stress_semaphores_SOURCES = tests/stress/semaphores.c
tests_stress_semaphores_LDADD = libmpgreen.la -lpthread

dist_check_SCRIPTS += tests/allocators.sh tests/exports.sh tests/header.sh
TESTS += tests/allocators.sh tests/exports.sh tests/header.sh
EXTRA_DIST += tests/header.c tests/support/tsan.supp

include tests/rules/local.mk
include tests/unit/local.mk
