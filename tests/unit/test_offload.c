/* SPDX-License-Identifier: MIT */
/* src/sources/offload.c: functions on a worker, what is copied for them, what becomes of errno. */
#include "sources/offload.h"
#include "engine/stats.h"
#include "real.h"
#include "support.h"

#include <sched.h>

#if HAVE_FFI

#define OFFLOAD(signature, function, result, ...) \
	mpgreen_offload(signature, (void (*)(void))(function), result, (void *[]){ __VA_ARGS__ }, 0)

static pthread_t caller;
static _Atomic bool on_worker, begun, may_end, has_ended;

static double mix(int8_t a, uint16_t b, float c, double d, int64_t e, void *f)
{
	on_worker = !pthread_equal(caller, pthread_self());
	while (on_worker && !may_end)
		sched_yield();
	return a + b + (double)c + d + (double)e + (f == &caller);
}

/* A worker may be faster than its caller, who then has nothing to wait for. */
static void let_end(int unused)
{
	(void)unused;
	may_end = true;
}

static double call_mix(void)
{
	int8_t a = -7;
	uint16_t b = 60000;
	float c = 0.5;
	double d = 0.25, result = 0;
	int64_t e = -(1LL << 40);
	void *f = &caller;

	caller = pthread_self();
	ck_assert_int_eq(OFFLOAD("double mix(int8, uint16, float, double, int64, ptr)", mix,
				 &result, &a, &b, &c, &d, &e, &f),
			 0);
	return result - (-7 + 60000 + 0.5 + 0.25 - (double)(1LL << 40) + 1);
}

START_TEST(a_function_runs_on_a_worker_with_its_arguments)
{
	PLAY(READY_AFTER(let_end, 0), NATIVE);
	ck_assert(call_mix() == 0);
	ck_assert(on_worker);
	ck_assert_uint_eq(mpg_stats.worked, 1);
	ck_assert_str_eq(script.seen[0].call, "mpgreen_offload");
}
END_TEST

START_TEST(on_a_thread_with_no_scheduler_it_is_just_called)
{
	ck_assert(call_mix() == 0);
	ck_assert(!on_worker);
}
END_TEST

START_TEST(in_a_native_section_it_is_just_called)
{
	int token;

	NOTHING_TO_WAIT_FOR();
	token = mpgreen_native_enter();
	ck_assert(call_mix() == 0);
	mpgreen_native_leave(token);
	ck_assert(!on_worker);
}
END_TEST

START_TEST(without_a_thread_it_is_called_by_this_one)
{
	NOTHING_TO_WAIT_FOR();
	fake_no_threads = true;
	ck_assert(call_mix() == 0);
	ck_assert(!on_worker);
}
END_TEST

static void *call_itself(int times)
{
	void *result = &caller;

	times--;
	if (times)
		ck_assert_int_eq(OFFLOAD("ptr f(int)", call_itself, &result, &times), 0);
	return result;
}

START_TEST(without_a_thread_it_may_call_itself_though_it_takes_turns)
{
	int times = 3;
	void *result = NULL;

	NOTHING_TO_WAIT_FOR();
	fake_no_threads = true;
	ck_assert_int_eq(OFFLOAD("ptr f(int)", call_itself, &result, &times), 0);
	ck_assert_ptr_eq(result, &caller);
}
END_TEST

START_TEST(without_room_for_its_copies_it_is_called_by_this_one)
{
	NOTHING_TO_WAIT_FOR();
	allow_fds(1);
	ck_assert(call_mix() == 0);
	allow_fds(0);
	ck_assert(!on_worker);
}
END_TEST

static int8_t minus_one(void)
{
	return -1;
}

static uint8_t plus_255(void)
{
	return 255;
}

START_TEST(a_small_result_is_stored_in_a_small_object)
{
	struct {
		int8_t value, beyond;
	} is_signed = { 0, 5 };
	struct {
		uint8_t value, beyond;
	} is_unsigned = { 0, 5 };

	PLAY(NATIVE, NATIVE);
	ck_assert_int_eq(OFFLOAD("int8 f()", minus_one, &is_signed.value, NULL), 0);
	ck_assert(is_signed.value == -1 && is_signed.beyond == 5);
	ck_assert_int_eq(OFFLOAD("uint8 f()", plus_255, &is_unsigned.value, NULL), 0);
	ck_assert(is_unsigned.value == 255 && is_unsigned.beyond == 5);
}
END_TEST

START_TEST(nobody_needs_to_want_the_result)
{
	PLAY(NATIVE);
	ck_assert_int_eq(mpgreen_offload("int8 f()", (void (*)(void))minus_one, NULL, NULL, 0), 0);
}
END_TEST

static int set_errno(int to)
{
	int before = errno;

	if (to)
		errno = to;
	return before;
}

START_TEST(errno_is_what_the_function_makes_of_it)
{
	int to = EDOM, before;

	if (_i)
		PLAY(NATIVE, NATIVE);
	errno = ESTALE;
	ck_assert_int_eq(OFFLOAD("int f(int)", set_errno, &before, &to), 0);
	ck_assert_int_eq(errno, EDOM);
	ck_assert_int_eq(before, ESTALE);
	to = 0;
	ck_assert_int_eq(OFFLOAD("int f(int)", set_errno, &before, &to), 0);
	ck_assert_int_eq(errno, EDOM);
}
END_TEST

static const char *seen_text;

static char *find(const char *text, int c)
{
	seen_text = text;
	return strchr(text, c);
}

START_TEST(a_string_is_copied_and_what_points_into_it_is_translated)
{
	const char *text = "hallo";
	char *found;
	int c = 'l';

	PLAY(NATIVE, NATIVE);
	ck_assert_int_eq(OFFLOAD("ptr f(str, int)", find, &found, &text, &c), 0);
	ck_assert_ptr_ne(seen_text, text);
	ck_assert_ptr_eq(found, text + 2);
	c = '\0';
	ck_assert_int_eq(OFFLOAD("ptr f(str, int)", find, &found, &text, &c), 0);
	ck_assert_ptr_eq(found, text + 5);
}
END_TEST

static bool seen_null;

static void *look(const void *a, const void *b, const void *c, void *d)
{
	seen_null = !a && !b && !c && !d;
	return d;
}

START_TEST(null_is_passed_as_null)
{
	void *null = NULL, *result = &null;

	PLAY(NATIVE);
	ck_assert_int_eq(OFFLOAD("ptr f(str, in[5], inout[5], out[5])", look, &result, &null, &null,
				 &null, &null),
			 0);
	ck_assert(seen_null);
	ck_assert_ptr_null(result);
}
END_TEST

static int seen_out, seen_in, seen_inout;

static int fill(int *to, const int *from, int *both, size_t bytes)
{
	seen_out = to[0];
	seen_in = from[0];
	seen_inout = both[1];
	memset(to, 7, bytes);
	both[1] = 9;
	return pthread_equal(caller, pthread_self()) ? -1 : 0;
}

START_TEST(buffers_are_copied_in_and_out_as_is_said)
{
	int to[3] = { 1, 2, 3 }, from[2] = { 4, 5 }, both[2] = { 6, 8 }, result;
	int *to_pointer = to, *from_pointer = from, *both_pointer = both;
	size_t bytes = 2 * sizeof(int);

	caller = pthread_self();
	PLAY(NATIVE);
	ck_assert_int_eq(OFFLOAD("int f(out[n], in[n], inout[8], size_t n)", fill, &result,
				 &to_pointer, &from_pointer, &both_pointer, &bytes),
			 0);
	ck_assert_int_eq(result, 0);
	ck_assert(seen_out == 0 && seen_in == 4 && seen_inout == 8);
	ck_assert(to[0] == 0x07070707 && to[1] == 0x07070707 && to[2] == 3);
	ck_assert(from[0] == 4 && both[0] == 6 && both[1] == 9);
}
END_TEST

static long size_of(const void *buffer, long bytes)
{
	(void)buffer;
	return pthread_equal(caller, pthread_self()) ? bytes : 0;
}

START_TEST(a_size_that_makes_no_sense_is_for_the_function_itself)
{
	const char *pointer = "";
	long bytes = -1, result = 0;

	caller = pthread_self();
	NOTHING_TO_WAIT_FOR();
	ck_assert_int_eq(OFFLOAD("long f(in[n], long n)", size_of, &result, &pointer, &bytes), 0);
	ck_assert_int_eq(result, -1);
	ck_assert_uint_eq(mpg_stats.worked, 0);
}
END_TEST

/* What greenlet does with a stack: what lies on it is something else while its fiber waits. */
static char on_stack[64];

static void move_stack(int unused)
{
	struct pollfd bell = { .fd = script.seen[0].fd, .events = POLLIN };

	(void)unused;
	memset(on_stack, 'x', sizeof(on_stack));
	may_end = true;
	ck_assert_int_eq(REAL(poll)(&bell, 1, -1), 1);
	for (size_t i = 0; i < sizeof(on_stack); i++)
		ck_assert_int_eq(on_stack[i], 'x');
	strcpy(on_stack, "as before, though not all");
}

static size_t wait_and_measure(const char *text, char *to)
{
	while (!may_end)
		sched_yield();
	memcpy(to, text, strlen(text));
	return strlen(text);
}

START_TEST(the_worker_touches_nothing_of_a_stack_that_has_moved)
{
	char *text = on_stack, *to = on_stack;
	static const char zeros[10];
	size_t length = 0;

	strcpy(on_stack, "as before");
	PLAY(READY_AFTER(move_stack, 0));
	ck_assert_int_eq(OFFLOAD("size_t f(str, out[20])", wait_and_measure, &length, &text, &to),
			 0);
	ck_assert_uint_eq(length, 9);
	ck_assert_str_eq(on_stack, "as before");
	ck_assert_mem_eq(on_stack + 10, zeros, 10);
	ck_assert_str_eq(on_stack + 20, "t all");
}
END_TEST

static const char *late_text;

static int end_late(char *text)
{
	begun = true;
	while (!may_end)
		sched_yield();
	late_text = text;
	memset(text, 'z', strlen(text));
	has_ended = true;
	return 5;
}

static void await_begun(int unused)
{
	(void)unused;
	while (!begun)
		sched_yield();
}

/* Under valgrind and ASan, it would be seen to write to what has been freed. */
START_TEST(a_wait_that_is_cancelled_leaves_the_function_to_its_own)
{
	char *text = strdup("abc");
	int result = 77, bell;

	PLAY({ .verdict = MPGREEN_CANCELLED, .error = ETIME, .meanwhile = await_begun });
	errno = ESTALE;
	ck_assert_int_eq(OFFLOAD("int f(inout[4])", end_late, &result, &text), -ETIME);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_eq(result, 77);
	ck_assert_str_eq(text, "abc");
	free(text);
	bell = script.seen[0].fd;
	ck_assert(is_open(bell) && !has_ended);
	may_end = true;
	while (is_open(bell))
		sched_yield();
	ck_assert(has_ended);
}
END_TEST

static void await_in_call(int fd)
{
	int unread = 1;

	write_a_byte(fd);
	while (unread)
		ck_assert_int_eq(ioctl(fd, FIONREAD, &unread), 0);
}

static bool is_loaded(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);

	if (library)
		dlclose(library);
	return library;
}

/* Unloaded, the function would end in a signal. */
START_TEST(a_library_stays_until_a_function_that_nobody_waits_for_has_ended)
{
	static const char path[] = RULES_LIBS "/libslow.so";
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *function = library ? dlsym(library, "slow_wait_twice") : NULL;
	int ends[2], bell;

	ck_assert_ptr_nonnull(function);
	open_pipe(ends);
	PLAY({ .verdict = MPGREEN_CANCELLED,
	       .error = ETIME,
	       .meanwhile = await_in_call,
	       .fd = ends[1] });
	ck_assert_int_eq(OFFLOAD("long f(int)", function, NULL, &ends[0]), -ETIME);
	ck_assert_int_eq(dlclose(library), 0);
	ck_assert(is_loaded(path));
	write_a_byte(ends[1]);
	bell = script.seen[0].fd;
	while (is_open(bell))
		sched_yield();
	ck_assert(!is_loaded(path));
}
END_TEST

static volatile sig_atomic_t handled;

static void handle(int sig)
{
	(void)sig;
	handled++;
}

static void interrupt(int unused)
{
	await_begun(unused);
	raise(SIGUSR1);
	may_end = true;
}

START_TEST(a_signal_does_not_end_the_wait)
{
	struct sigaction action = { .sa_handler = handle };
	char *text = on_stack;
	int result;

	strcpy(on_stack, "abc");
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	PLAY(READY_AFTER(interrupt, 0), NATIVE);
	ck_assert_int_eq(OFFLOAD("int f(inout[4])", end_late, &result, &text), 0);
	ck_assert_int_eq(result, 5);
	ck_assert_int_eq(handled, 1);
	ck_assert_str_eq(on_stack, "zzz");
}
END_TEST

static void spin(void)
{
	while (!may_end)
		sched_yield();
}

static const struct {
	const char *text;
	union mpg_result result;
} failures[] = {
	{ "int f()", { .integer = UINT64_MAX } },  { "uint f()", { .integer = UINT32_MAX } },
	{ "uint8 f()", { .integer = UINT8_MAX } }, { "uint64 f()", { .integer = UINT64_MAX } },
	{ "int f() else 9", { .integer = 9 } },	   { "parallel ptr f()", { .pointer = NULL } },
};
enum { FAILURES = sizeof(failures) / sizeof(failures[0]) };

START_TEST(a_failed_wait_has_a_result_for_those_who_expect_one)
{
	struct mpg_signature_error error;
	struct mpg_signature *s = mpg_signature_new(failures[_i].text, &error);
	union mpg_result result = { .integer = 5 };

	PLAY(CANCELLED(ETIME));
	ck_assert(!mpg_offload_call(s, (void (*)(void))spin, &result, NULL, "test"));
	ck_assert_int_eq(errno, ETIME);
	ck_assert_uint_eq(result.integer, failures[_i].result.integer);
	may_end = true;
	mpg_signature_put(s);
}
END_TEST

START_TEST(a_failed_wait_for_a_number_is_none)
{
	struct mpg_signature_error error;
	struct mpg_signature *s = mpg_signature_new(_i ? "float f()" : "double f()", &error);
	union mpg_result result = { .integer = 5 };

	PLAY(CANCELLED(ETIME));
	ck_assert(!mpg_offload_call(s, (void (*)(void))spin, &result, NULL, "test"));
	ck_assert(_i ? result.real != result.real : result.real_double != result.real_double);
	may_end = true;
	mpg_signature_put(s);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	void (*function)(void) = (void (*)(void))minus_one;

	NOTHING_TO_WAIT_FOR();
	errno = ESTALE;
	ck_assert_int_eq(mpgreen_offload(NULL, function, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(mpgreen_offload("int8 f()", NULL, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(mpgreen_offload("int8 f()", function, NULL, NULL, 1), -EINVAL);
	ck_assert_int_eq(mpgreen_offload("int8 f(int)", function, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(mpgreen_offload("int8 f(", function, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(errno, ESTALE);
}
END_TEST

static void exit_thread(void)
{
	pthread_exit(NULL);
}

START_TEST(a_function_that_ends_its_thread_ends_the_wait)
{
	PLAY(NATIVE, NATIVE);
	may_end = true;
	ck_assert_int_eq(OFFLOAD("void f()", exit_thread, NULL, NULL), -ECANCELED);
	ck_assert(call_mix() == 0);
}
END_TEST

SUITE_OF(offload, { a_function_runs_on_a_worker_with_its_arguments, 0 },
	 { on_a_thread_with_no_scheduler_it_is_just_called, 0 },
	 { in_a_native_section_it_is_just_called, 0 },
	 { without_a_thread_it_is_called_by_this_one, 0 },
	 { without_a_thread_it_may_call_itself_though_it_takes_turns, 0 },
	 { without_room_for_its_copies_it_is_called_by_this_one, 0 },
	 { a_small_result_is_stored_in_a_small_object, 0 }, { nobody_needs_to_want_the_result, 0 },
	 { errno_is_what_the_function_makes_of_it, 2 },
	 { a_string_is_copied_and_what_points_into_it_is_translated, 0 },
	 { null_is_passed_as_null, 0 }, { buffers_are_copied_in_and_out_as_is_said, 0 },
	 { a_size_that_makes_no_sense_is_for_the_function_itself, 0 },
	 { the_worker_touches_nothing_of_a_stack_that_has_moved, 0 },
	 { a_wait_that_is_cancelled_leaves_the_function_to_its_own, 0 },
	 { a_library_stays_until_a_function_that_nobody_waits_for_has_ended, 0 },
	 { a_signal_does_not_end_the_wait, 0 },
	 { a_failed_wait_has_a_result_for_those_who_expect_one, FAILURES },
	 { a_failed_wait_for_a_number_is_none, 2 }, { what_makes_no_sense_is_refused, 0 },
	 { a_function_that_ends_its_thread_ends_the_wait, 0 })

#else

START_TEST(without_libffi_nothing_is_offloaded)
{
	ck_assert_int_eq(mpgreen_offload("int f()", (void (*)(void))abort, NULL, NULL, 0), -ENOSYS);
}
END_TEST

SUITE_OF(offload, { without_libffi_nothing_is_offloaded, 0 })

#endif
