# SPDX-License-Identifier: MIT
# Unit tests: one program, a suite for each file of src/. It holds the whole library, its constructor
# and its hidden functions included; a few functions of libc are wrapped, to play another system.
if HAVE_CHECK
unit_core = -Wl,--whole-archive,.libs/libcore.a,--no-whole-archive
unit_libs = -lutil -lpthread -ldl $(RT_LIBS) $(FFI_LIBS)

check_PROGRAMS += tests/unit/unit tests/unit/fakepython
TESTS += tests/unit/unit

tests_unit_unit_CPPFLAGS = $(AM_CPPFLAGS) $(rules_flags)
tests_unit_unit_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_unit_LDFLAGS = $(AM_LDFLAGS) $(unit_core) \
	-Wl,--wrap=dlsym -Wl,--wrap=getauxval -Wl,--wrap=pthread_create -Wl,--wrap=syscall
tests_unit_unit_LDADD = $(CHECK_LIBS) $(unit_libs)
tests_unit_unit_DEPENDENCIES = libcore.la $(rules_libraries) tests/unit/fakepython
tests_unit_unit_SOURCES = \
	tests/unit/main.c \
	tests/unit/suites.h \
	tests/unit/support.c tests/unit/support.h \
	tests/unit/test_abandoned.c \
	tests/unit/test_bindings.c \
	tests/unit/test_child.c \
	tests/unit/test_clock.c \
	tests/unit/test_control.c \
	tests/unit/test_doorbell.c \
	tests/unit/test_events.c \
	tests/unit/test_fds.c \
	tests/unit/test_fdset.c \
	tests/unit/test_futex.c \
	tests/unit/test_held.c \
	tests/unit/test_imports.c \
	tests/unit/test_inside.c \
	tests/unit/test_interrupted.c \
	tests/unit/test_iovec.c \
	tests/unit/test_job.c \
	tests/unit/test_lookup.c \
	tests/unit/test_nowait.c \
	tests/unit/test_offload.c \
	tests/unit/test_parking.c \
	tests/unit/test_policy.c \
	tests/unit/test_pool.c \
	tests/unit/test_private.c \
	tests/unit/test_process.c \
	tests/unit/test_progress.c \
	tests/unit/test_python.c \
	tests/unit/test_readiness.c \
	tests/unit/test_real.c \
	tests/unit/test_rules.c \
	tests/unit/test_scheduler.c \
	tests/unit/test_serial.c \
	tests/unit/test_settings.c \
	tests/unit/test_signals.c \
	tests/unit/test_signature.c \
	tests/unit/test_stats.c \
	tests/unit/test_turn.c \
	tests/unit/test_uring.c \
	tests/unit/test_wait.c

# The constructor in a program that looks like Python, copied into trees of all shapes.
tests_unit_fakepython_LDFLAGS = $(AM_LDFLAGS) $(unit_core) -export-dynamic -Wl,--wrap=getauxval
tests_unit_fakepython_LDADD = $(unit_libs)
tests_unit_fakepython_DEPENDENCIES = libcore.la
tests_unit_fakepython_SOURCES = tests/unit/fakepython.c
endif
