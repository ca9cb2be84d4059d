/* SPDX-License-Identifier: MIT */
/*
 * Every libc header the library uses, and the prototypes that libc exports but does not declare.
 * Nothing of ours: any file may include it.
 */
#ifndef MPG_LIBC_H
#define MPG_LIBC_H

#include "config.h"

/* A fortified prototype would redefine the names we intercept. */
#undef _FORTIFY_SOURCE

/* Nor do its inline versions of getc() and its kin stand beside ours. */
#include <features.h>
#undef __USE_EXTERN_INLINES

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <limits.h>
#include <link.h>
#include <mqueue.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <shadow.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>
#if HAVE_FFI
#include <ffi.h>
#endif
#if HAVE_DECL_PIDFD_OPEN
#include <sys/pidfd.h>
#endif

/* Macros, where the compiler optimizes. */
#undef fread_unlocked
#undef fwrite_unlocked

#pragma GCC visibility push(default)
ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags, struct sockaddr *addr,
		       socklen_t *addr_len);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t size);
/* Weak, for a program is not linked against names that only old programs may use. */
int __pthread_mutex_destroy(pthread_mutex_t *mutex) __attribute__((weak));
int __pthread_mutex_lock(pthread_mutex_t *mutex) __attribute__((weak));
int __pthread_mutex_trylock(pthread_mutex_t *mutex) __attribute__((weak));
int __pthread_mutex_unlock(pthread_mutex_t *mutex) __attribute__((weak));
int __pthread_once(pthread_once_t *control, void (*init)(void)) __attribute__((weak));
int __sigpause(int sig_or_mask, int is_sig);
int __xpg_sigpause(int sig);
int __mq_open_2(const char *name, int flags);
int __open_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
/* Before glibc 2.34 the header makes these the names of others. */
struct __res_state;
int res_nquery(struct __res_state *state, const char *name, int class, int type,
	       unsigned char *answer, int size);
int res_nquerydomain(struct __res_state *state, const char *name, const char *domain, int class,
		     int type, unsigned char *answer, int size);
int res_nsearch(struct __res_state *state, const char *name, int class, int type,
		unsigned char *answer, int size);
int res_nsend(struct __res_state *state, const unsigned char *message, int len,
	      unsigned char *answer, int size);
int res_query(const char *name, int class, int type, unsigned char *answer, int size);
int res_querydomain(const char *name, const char *domain, int class, int type,
		    unsigned char *answer, int size);
int res_search(const char *name, int class, int type, unsigned char *answer, int size);
int res_send(const unsigned char *message, int len, unsigned char *answer, int size);
void _pthread_cleanup_push(struct _pthread_cleanup_buffer *buffer, void (*run)(void *),
			   void *argument);
void _pthread_cleanup_pop(struct _pthread_cleanup_buffer *buffer, int execute);
struct _IO_FILE_plus;
void _IO_un_link(struct _IO_FILE_plus *stream);
void _IO_doallocbuf(FILE *stream);
int __underflow(FILE *stream);
size_t __fread_chk(void *to, size_t room, size_t size, size_t n, FILE *stream);
size_t __fread_unlocked_chk(void *to, size_t room, size_t size, size_t n, FILE *stream);
char *__fgets_chk(char *to, size_t room, int n, FILE *stream);
char *__fgets_unlocked_chk(char *to, size_t room, int n, FILE *stream);
int __isoc99_vfscanf(FILE *stream, const char *format, va_list arguments);
int __isoc99_vscanf(const char *format, va_list arguments);
int __isoc99_fscanf(FILE *stream, const char *format, ...);
int __isoc99_scanf(const char *format, ...);
#if HAVE_ISOC23
int __isoc23_vfscanf(FILE *stream, const char *format, va_list arguments);
int __isoc23_vscanf(const char *format, va_list arguments);
int __isoc23_fscanf(FILE *stream, const char *format, ...);
int __isoc23_scanf(const char *format, ...);
#endif
int __printf_chk(int flag, const char *format, ...);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments);
int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vasprintf_chk(char **text, int flag, const char *format, va_list arguments);
int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
#pragma GCC visibility pop

#endif
