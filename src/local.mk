# SPDX-License-Identifier: MIT
# libmpgreen.so, and its parts as a convenience library for the unit tests.

noinst_LTLIBRARIES = libcore.la
libcore_la_SOURCES = \
	include/mpgreen.h \
	src/api.c \
	src/calls.def \
	src/calls/accept.c \
	src/calls/accounts.c \
	src/calls/barrier.c \
	src/calls/birth.c \
	src/calls/c11.c \
	src/calls/chk.c \
	src/calls/cond.c src/calls/cond.h \
	src/calls/connect.c \
	src/calls/control.c src/calls/control.h \
	src/calls/copy.c \
	src/calls/epoll.c \
	src/calls/fd.c \
	src/calls/fopen.c \
	src/calls/hosts.c \
	src/calls/iovec.c src/calls/iovec.h \
	src/calls/join.c \
	src/calls/lock.c src/calls/lock.h \
	src/calls/locking.c src/calls/locking.h \
	src/calls/mqueue.c \
	src/calls/mutex.c src/calls/mutex.h \
	src/calls/names.c src/calls/names.h \
	src/calls/once.c \
	src/calls/open.c src/calls/open.h \
	src/calls/poll.c \
	src/calls/popen.c src/calls/popen.h \
	src/calls/process.c \
	src/calls/query.c \
	src/calls/readiness.c src/calls/readiness.h \
	src/calls/receive.c \
	src/calls/record.c src/calls/record.h \
	src/calls/rwlock.c \
	src/calls/select.c \
	src/calls/sem.c \
	src/calls/send.c \
	src/calls/services.c \
	src/calls/shell.c src/calls/shell.h \
	src/calls/signal.c \
	src/calls/sigwait.c \
	src/calls/sleep.c \
	src/calls/stdio.c src/calls/stdio.h \
	src/calls/stdio_buffer.c \
	src/calls/stdio_get.c \
	src/calls/stdio_lock.c \
	src/calls/stdio_print.c \
	src/calls/stdio_put.c \
	src/calls/stdio_read.c \
	src/calls/stdio_scan.c \
	src/calls/stdio_state.c \
	src/calls/stream.c src/calls/stream.h \
	src/calls/system.c \
	src/calls/sysv.c \
	src/calls/tty.c src/calls/tty.h \
	src/calls/waitall.c src/calls/waitall.h \
	src/engine/clock.h \
	src/engine/doorbell.c src/engine/doorbell.h \
	src/engine/held.c src/engine/held.h \
	src/engine/poll_scheduler.c \
	src/engine/scheduler.c src/engine/scheduler.h \
	src/engine/signals.c src/engine/signals.h \
	src/engine/stats.c src/engine/stats.h \
	src/engine/thread.h \
	src/engine/turn.c src/engine/turn.h \
	src/engine/wait.c src/engine/wait.h \
	src/engine/wake.c \
	src/init.c src/init.h \
	src/libc.h \
	src/os/linux/fdset.c src/os/linux/fdset.h \
	src/os/linux/file.c src/os/linux/file.h \
	src/os/linux/futexring.c src/os/linux/futexring.h \
	src/os/linux/imports.c src/os/linux/imports.h \
	src/os/linux/loaded.c src/os/linux/loaded.h \
	src/os/linux/interpose.h \
	src/os/linux/interrupt.c src/os/linux/interrupt.h \
	src/os/linux/nowait.c src/os/linux/nowait.h \
	src/os/linux/proc.c src/os/linux/proc.h \
	src/os/linux/ring.c src/os/linux/ring.h \
	src/os/linux/uring.c src/os/linux/uring.h \
	src/os/linux/waitid.c src/os/linux/waitid.h \
	src/python.c src/python.h \
	src/real.c src/real.h \
	src/registry/fds.c src/registry/fds.h \
	src/registry/lock.h \
	src/registry/peers.c src/registry/peers.h \
	src/registry/policy.c src/registry/policy.h \
	src/registry/private.c src/registry/private.h \
	src/registry/process.c src/registry/process.h \
	src/registry/sems.c src/registry/sems.h \
	src/rules/apply.c src/rules/apply.h \
	src/rules/bindings.c src/rules/bindings.h \
	src/rules/dl.c src/rules/dl.h \
	src/rules/find.c src/rules/find.h \
	src/rules/native.c src/rules/native.h \
	src/rules/rules.c src/rules/rules.h \
	src/settings.c src/settings.h \
	src/sources/bells.c src/sources/bells.h \
	src/sources/child.c src/sources/child.h \
	src/sources/filelock.c src/sources/filelock.h \
	src/sources/futex.c src/sources/futex.h \
	src/sources/futex_uring.c \
	src/sources/futex_waitv.c \
	src/sources/futex_ways.h \
	src/sources/futex_worker.c \
	src/sources/job.c src/sources/job.h \
	src/sources/lookup.c src/sources/lookup.h \
	src/sources/offload.c src/sources/offload.h \
	src/sources/parking.c src/sources/parking.h \
	src/sources/pool.c src/sources/pool.h \
	src/sources/reaped.c src/sources/reaped.h \
	src/sources/resolver.c src/sources/resolver.h \
	src/sources/serial.c src/sources/serial.h \
	src/sources/signature.c src/sources/signature.h \
	src/sources/thread.c src/sources/thread.h \
	src/sources/types.c src/sources/types.h
libcore_la_LIBADD = -lpthread -ldl $(RT_LIBS) $(FFI_LIBS)

lib_LTLIBRARIES = libmpgreen.la
libmpgreen_la_SOURCES =
libmpgreen_la_LIBADD = libcore.la $(RT_LIBS)
libmpgreen_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(MPG_VERSION_INFO) -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete \
	-Wl,--version-script=$(top_srcdir)/src/mpgreen.map
libmpgreen_la_DEPENDENCIES = libcore.la src/mpgreen.map

EXTRA_DIST += src/LAYERS src/mpgreen.map
