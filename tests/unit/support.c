/* SPDX-License-Identifier: MIT */
#include "support.h"
#include "engine/thread.h"
#include "real.h"

#include <netinet/in.h>
#include <sched.h>

Suite *suite_of(const char *name, const struct unit_test *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *all = tcase_create(name);

	tcase_set_timeout(all, 20);
	for (size_t i = 0; i < n; i++)
		if (tests[i].times >= 0)
			tcase_add_loop_test(all, tests[i].test, 0,
					    tests[i].times ? tests[i].times : 1);
	suite_add_tcase(suite, all);
	return suite;
}

struct script script;

static int scripted_wait(void *self, const mpgreen_wait *what)
{
	struct script *s = self;
	struct step step = { .verdict = MPGREEN_NATIVE };

	ck_assert_msg(s->waits < s->n, "one wait more than the script has: %s", what->call);
	s->seen[s->waits] = *what;
	step = s->steps[s->waits++];
	if (step.meanwhile)
		step.meanwhile(step.fd);
	errno = step.error;
	return step.verdict;
}

static int scripted_can_wait(void *self)
{
	return !((struct script *)self)->declines;
}

static void scripted_closing(void *self, int fd)
{
	struct script *s = self;

	ck_assert_uint_lt(s->closings, 16);
	s->closed[s->closings++] = fd;
}

const mpgreen_scheduler scripted = {
	.abi = MPGREEN_ABI,
	.wait = scripted_wait,
	.can_wait = scripted_can_wait,
	.closing = scripted_closing,
};

void script_play(const struct step *steps, size_t n)
{
	ck_assert_uint_le(n, 16);
	script = (struct script){ .n = (unsigned)n };
	if (n)
		memcpy(script.steps, steps, n * sizeof(*steps));
	ck_assert_int_eq(mpgreen_attach(&scripted, &script), 0);
}

void write_a_byte(int fd)
{
	ck_assert_int_eq(REAL(write)(fd, "x", 1), 1);
}

void read_a_byte(int fd)
{
	char byte;

	ck_assert_int_eq(REAL(read)(fd, &byte, 1), 1);
}

void read_much(int fd)
{
	static char buffer[1 << 16];

	ck_assert_int_gt(REAL(read)(fd, buffer, sizeof(buffer)), 0);
}

void close_it(int fd)
{
	ck_assert_int_eq(close(fd), 0);
}

void raise_it(int sig)
{
	raise(sig);
}

void set_nonblocking(int fd)
{
	int flags = REAL(fcntl)(fd, F_GETFL);

	ck_assert_int_eq(REAL(fcntl)(fd, F_SETFL, flags | O_NONBLOCK), 0);
}

void open_pipe(int ends[2])
{
	ck_assert_int_eq(REAL(pipe2)(ends, O_CLOEXEC), 0);
}

const char *scratch_folder(void)
{
	static char folder[64];
	const char *parent = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%.40s/mpgreen-XXXXXX", parent ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	return folder;
}

/* Nothing is left behind: the name is gone before the test begins. */
void open_fifo(int ends[2])
{
	const char *folder = scratch_folder();
	char path[80];

	snprintf(path, sizeof(path), "%s/fifo", folder);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ends[1] = REAL(open)(path, O_RDWR | O_CLOEXEC);
	ends[0] = REAL(open)(path, O_RDONLY | O_CLOEXEC);
	ck_assert(ends[0] >= 0 && ends[1] >= 0);
	REAL(close)(ends[1]);
	ends[1] = REAL(open)(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(ends[1], 0);
	ck_assert(unlink(path) == 0 && rmdir(folder) == 0);
}

/* Raw, so that a byte is a byte. */
void open_pty(int ends[2])
{
	struct termios raw;

	ck_assert_int_eq(openpty(&ends[1], &ends[0], NULL, NULL, NULL), 0);
	ck_assert_int_eq(tcgetattr(ends[0], &raw), 0);
	cfmakeraw(&raw);
	ck_assert_int_eq(tcsetattr(ends[0], TCSANOW, &raw), 0);
}

void open_unix(int ends[2])
{
	ck_assert_int_eq(REAL(socketpair)(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static int bound_to_loopback(int type)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = REAL(socket)(AF_INET, type, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	return fd;
}

int listen_somewhere(void)
{
	int listener = bound_to_loopback(SOCK_STREAM);

	ck_assert_int_eq(listen(listener, 8), 0);
	return listener;
}

int connect_to(int listener)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int fd = REAL(socket)(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	ck_assert_int_eq(REAL(connect)(fd, (struct sockaddr *)&addr, len), 0);
	return fd;
}

void open_tcp(int ends[2])
{
	int listener = listen_somewhere();

	ends[1] = connect_to(listener);
	ends[0] = REAL(accept)(listener, NULL, NULL);
	ck_assert_int_ge(ends[0], 0);
	REAL(close)(listener);
}

/* [1] is connected to [0]. */
void open_udp(int ends[2])
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	ends[0] = bound_to_loopback(SOCK_DGRAM);
	ends[1] = bound_to_loopback(SOCK_DGRAM);
	ck_assert_int_eq(getsockname(ends[0], (struct sockaddr *)&addr, &len), 0);
	ck_assert_int_eq(REAL(connect)(ends[1], (struct sockaddr *)&addr, len), 0);
}

void fill_up(int fd)
{
	static const char block[4096];
	int flags = REAL(fcntl)(fd, F_GETFL);

	/* What is written to a terminal trickles away; once stopped, it takes nothing. */
	if (isatty(fd)) {
		ck_assert_int_eq(tcflow(fd, TCOOFF), 0);
		return;
	}
	ck_assert_int_eq(REAL(fcntl)(fd, F_SETFL, flags | O_NONBLOCK), 0);
	for (size_t len = sizeof(block); len; len /= 2)
		while (REAL(write)(fd, block, len) > 0)
			;
	ck_assert_int_eq(REAL(fcntl)(fd, F_SETFL, flags), 0);
}

bool is_open(int fd)
{
	return REAL(fcntl)(fd, F_GETFD) >= 0;
}

/* Only what is in force: a limit that may not be raised again is none to play with. */
void allow_fds(rlim_t n)
{
	static rlim_t before;
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (n)
		before = limit.rlim_cur;
	limit.rlim_cur = n ? n : before;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int captured = -1;

void capture_stderr(void)
{
	int ends[2];

	open_pipe(ends);
	set_nonblocking(ends[0]);
	ck_assert_int_eq(REAL(dup2)(ends[1], STDERR_FILENO), STDERR_FILENO);
	REAL(close)(ends[1]);
	captured = ends[0];
}

const char *captured_stderr(void)
{
	static char text[4096];
	ssize_t n = REAL(read)(captured, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int exit_status(pid_t pid)
{
	int status;

	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(REAL(waitpid)(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

int in_child(int (*body)(void *), void *argument)
{
	/* The library forgets it in the child, with reason; a search for leaks must not mind. */
	static struct mpg_slot *volatile slot;
	pid_t pid;

	slot = mpg_thread.slot;
	(void)slot;
	pid = fork();

	if (pid == 0)
		_exit(body(argument));
	return exit_status(pid);
}

int in_vfork_child(int (*body)(void *), void *argument)
{
	static _Alignas(16) char stack[64 * 1024];

	return exit_status(
		clone(body, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, argument));
}

bool fake_set_uid, fake_no_uring, fake_no_threads, fake_no_pidfd, fake_old_libc;
void (*during_dlsym)(void);

void *__real_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name);
unsigned long __real_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*body)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*body)(void *), void *argument);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

void *__wrap_dlsym(void *handle, const char *name)
{
	if (during_dlsym)
		during_dlsym();
	if (fake_old_libc && handle == RTLD_NEXT && strncmp(name, "res_", 4) == 0)
		return NULL;
	return __real_dlsym(handle, name);
}

unsigned long __wrap_getauxval(unsigned long type)
{
	return type == AT_SECURE && fake_set_uid ? 1 : __real_getauxval(type);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*body)(void *), void *argument)
{
	return fake_no_threads ? EAGAIN : __real_pthread_create(thread, attributes, body, argument);
}

/* Takes six arguments, whatever it is given. */
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if ((number == SYS_io_uring_setup && fake_no_uring)
	    || (number == SYS_pidfd_open && fake_no_pidfd)) {
		errno = ENOSYS;
		return -1;
	}
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
