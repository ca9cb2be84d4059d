/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues: both directions, deadlines, marks, and that only the calls about queues
 * wait for one.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fibers.h"
#include "kinds.h"
#include "mpgreen.h"
#include "signals.h"
#include "suites.h"
#include "way.h"

mqd_t __mq_open_2(const char *name, int flags);

enum { SIZE = 32, ROOM = 3 };

static mqd_t queue;
static char buf[SIZE];

/* No limit: the headers do not allow for it, the kernel does. */
static ssize_t (*const receive_until)(mqd_t, char *, size_t, unsigned *,
				      const struct timespec *) = mq_timedreceive;
static int (*const send_until)(mqd_t, const char *, size_t, unsigned,
			       const struct timespec *) = mq_timedsend;

static mqd_t open_queue(void)
{
	struct mq_attr attr = { .mq_maxmsg = ROOM, .mq_msgsize = SIZE };
	char name[64];
	mqd_t made;

	snprintf(name, sizeof(name), "/mpgreen-test-%d", getpid());
	made = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	ck_assert_msg(made >= 0, "mq_open: %s", strerror(errno));
	mq_unlink(name);
	return made;
}

static struct timespec from_now(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* Past the library, as a process does that has not loaded it. */
static void send_natively(const char *text, unsigned priority)
{
	ck_assert_int_eq(syscall(SYS_mq_timedsend, queue, text, strlen(text), priority, NULL), 0);
}

static ssize_t receive_natively(void)
{
	char message[SIZE];

	return syscall(SYS_mq_timedreceive, queue, message, SIZE, NULL, NULL);
}

static void fill_queue(void)
{
	for (int i = 0; i < ROOM; i++)
		send_natively("old", 0);
}

static ssize_t receive(void)
{
	return mq_receive(queue, buf, SIZE, NULL);
}

static ssize_t receive_timed(void)
{
	struct timespec far = from_now(100000);

	return mq_timedreceive(queue, buf, SIZE, NULL, &far);
}

static ssize_t receive_timed_for_ever(void)
{
	return receive_until(queue, buf, SIZE, NULL, NULL);
}

static ssize_t (*const receives[])(void) = { receive, receive_timed, receive_timed_for_ever };
enum { RECEIVES = sizeof(receives) / sizeof(receives[0]) };

static ssize_t send_it(void)
{
	return mq_send(queue, "new", 3, 0);
}

static ssize_t send_timed(void)
{
	struct timespec far = from_now(100000);

	return mq_timedsend(queue, "new", 3, 0, &far);
}

static ssize_t send_timed_for_ever(void)
{
	return send_until(queue, "new", 3, 0, NULL);
}

static ssize_t (*const sends[])(void) = { send_it, send_timed, send_timed_for_ever };
enum { SENDS = sizeof(sends) / sizeof(sends[0]) };

static void say_hello(void)
{
	send_natively("hello", 0);
}

static void make_room(void)
{
	ck_assert_int_eq(receive_natively(), 3);
}

START_TEST(a_receive_waits_for_a_message)
{
	queue = open_queue();
	other_side(_i, say_hello);
	OK(5, receives[_i / other_sides()]());
	ck_assert_mem_eq(buf, "hello", 5);
	assert_waited();
	ck_assert_int_eq(fcntl(queue, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(a_send_waits_for_room)
{
	queue = open_queue();
	fill_queue();
	other_side(_i, make_room);
	OK(0, sends[_i / other_sides()]());
	assert_waited();
	for (int i = 1; i < ROOM; i++)
		OK(3, receive());
	OK(3, receive());
	ck_assert_mem_eq(buf, "new", 3);
}
END_TEST

START_TEST(nobody_waits_without_need)
{
	struct timespec past = { 0 };
	unsigned priority = 0;

	queue = open_queue();
	OK(0, mq_send(queue, "low", 3, 1));
	OK(0, mq_timedsend(queue, "high", 4, 7, &past));
	OK(0, mq_send(queue, "", 0, 3));
	OK(4, mq_timedreceive(queue, buf, SIZE, &priority, &past));
	ck_assert_mem_eq(buf, "high", 4);
	ck_assert_uint_eq(priority, 7);
	OK(0, mq_receive(queue, buf, SIZE, &priority));
	ck_assert_uint_eq(priority, 3);
	OK(3, mq_receive(queue, buf, SIZE, &priority));
	ck_assert_uint_eq(priority, 1);
	FAILS(ETIMEDOUT, mq_timedreceive(queue, buf, SIZE, NULL, &past));
	fill_queue();
	FAILS(ETIMEDOUT, mq_timedsend(queue, "x", 1, 0, &past));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_deadline_ends_a_call)
{
	double began = now_ms();
	struct timespec soon = from_now(30);

	queue = open_queue();
	FAILS(ETIMEDOUT, mq_timedreceive(queue, buf, SIZE, NULL, &soon));
	ck_assert_double_ge(now_ms() - began, 29);
	fill_queue();
	soon = from_now(30);
	FAILS(ETIMEDOUT, mq_timedsend(queue, "x", 1, 0, &soon));
	ck_assert_double_ge(now_ms() - began, 58);
	ck_assert_double_lt(now_ms() - began, 5000);
	assert_waited();
}
END_TEST

/* Our waits are cut into seconds: that must not show. */
START_TEST(a_deadline_of_more_than_a_second_is_kept)
{
	double began = now_ms();
	struct timespec soon = from_now(2100);

	queue = open_queue();
	FAILS(ETIMEDOUT, mq_timedreceive(queue, buf, SIZE, NULL, &soon));
	ck_assert_double_ge(now_ms() - began, 2099);
	ck_assert_double_lt(now_ms() - began, 2900);
	if (green())
		ck_assert_uint_ge(waits(), 3);
}
END_TEST

START_TEST(errors_are_the_kernel_s)
{
	const struct timespec wrong[] = { { 0, -1 }, { 0, 1000000000 }, { -1, 0 } };
	int pipe_ends[2];
	mqd_t reader;
	char name[64];

	queue = open_queue();
	for (int i = 0; i < 3; i++) {
		FAILS(EINVAL, mq_timedreceive(queue, buf, SIZE, NULL, &wrong[i]));
		FAILS(EINVAL, mq_timedsend(queue, "x", 1, 0, &wrong[i]));
	}
	FAILS(EMSGSIZE, mq_receive(queue, buf, SIZE - 1, NULL));
	FAILS(EMSGSIZE, mq_send(queue, buf, SIZE + 1, 0));
	FAILS(EINVAL, mq_send(queue, buf, 1, 32768));
	FAILS(EBADF, mq_receive(minus_one, buf, SIZE, NULL));
	open_pipe(pipe_ends);
	FAILS(EBADF, mq_receive(pipe_ends[0], buf, SIZE, NULL));
	FAILS(EBADF, mq_send(pipe_ends[1], buf, 1, 0));
	snprintf(name, sizeof(name), "/mpgreen-two-%d", getpid());
	FAILS(ENOENT, __mq_open_2(name, O_RDONLY));
	reader = mq_open(name, O_RDONLY | O_CREAT, 0600, NULL);
	ck_assert_int_ge(reader, 0);
	OK(0, mq_close(reader));
	reader = __mq_open_2(name, O_RDONLY);
	mq_unlink(name);
	FAILS(EBADF, mq_send(reader, buf, 1, 0));
	OK(0, mq_close(reader));
	FAILS(EBADF, mq_close(reader));
	FAILS(EBADF, mq_receive(reader, buf, SIZE, NULL));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

static void set_queue_nonblocking(void)
{
	struct mq_attr attr = { .mq_flags = O_NONBLOCK };

	ck_assert_int_eq(mq_setattr(queue, &attr, NULL), 0);
}

START_TEST(a_nonblocking_queue_says_EAGAIN)
{
	struct timespec far = from_now(100000);

	queue = open_queue();
	set_queue_nonblocking();
	FAILS(EAGAIN, receive());
	FAILS(EAGAIN, mq_timedreceive(queue, buf, SIZE, NULL, &far));
	fill_queue();
	FAILS(EAGAIN, send_it());
	FAILS(EAGAIN, send_timed());
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_nonblocking_queue_that_is_marked_waits)
{
	queue = open_queue();
	set_queue_nonblocking();
	ck_assert_int_eq(mpgreen_mark(queue, MPGREEN_ALWAYS), 0);
	other_side(_i, say_hello);
	if (green())
		OK(5, receive());
	else
		FAILS(EAGAIN, receive());
	assert_waited();
}
END_TEST

START_TEST(marks_are_kept)
{
	queue = open_queue();
	ck_assert_int_eq(mpgreen_marks(queue), MPGREEN_GREEN);
	ck_assert_int_eq(mpgreen_mark(queue, MPGREEN_ALWAYS), 0);
	ck_assert_int_eq(mpgreen_marks(queue), MPGREEN_GREEN | MPGREEN_ALWAYS);
	ck_assert_int_eq(mpgreen_unmark(queue), 0);
	ck_assert_int_eq(mpgreen_marks(queue), 0);
	other_side(0, say_hello);
	OK(5, receive());
	ck_assert_uint_eq(waits(), 0);
	ck_assert_int_eq(mq_close(queue), 0);
	ck_assert_int_eq(mpgreen_marks(queue), -EBADF);
}
END_TEST

/* A queue is a file that can be read: what it says of itself never has to be waited for. */
START_TEST(read_does_not_wait_for_a_queue)
{
	char text[128];

	queue = open_queue();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_gt(pread(queue, text, sizeof(text), 0), 0);
		ck_assert_int_eq(lseek(queue, 0, SEEK_SET), 0);
		ck_assert_int_gt(read(queue, text, sizeof(text)), 0);
		ck_assert_uint_eq(waits(), 0);
		mpgreen_mark(queue, 0);
		other_side(_i, say_hello);
		OK(5, receive());
		other_side_join();
		count_waits_anew();
	}
}
END_TEST

START_TEST(poll_waits_for_a_queue)
{
	struct pollfd set;

	queue = open_queue();
	set = (struct pollfd){ queue, POLLIN, 0 };
	other_side(_i, say_hello);
	OK(1, poll(&set, 1, -1));
	ck_assert_int_eq(set.revents, POLLIN);
	assert_waited();
}
END_TEST

static void raise_it_and_say_hello(void)
{
	raise_it();
	settle();
	say_hello();
}

START_TEST(a_handler_ends_a_call)
{
	queue = open_queue();
	catch_with(0);
	other_side(0, raise_it);
	FAILS(EINTR, receives[_i]());
	other_side_join();
	fill_queue();
	other_side(0, raise_it);
	FAILS(EINTR, sends[_i]());
	ck_assert_int_eq(signals, 2);
	assert_waited();
}
END_TEST

START_TEST(SA_RESTART_spares_a_receive)
{
	queue = open_queue();
	catch_with(SA_RESTART);
	other_side(0, raise_it_and_say_hello);
	OK(5, receives[_i]());
	ck_assert_int_eq(signals, 1);
	assert_waited();
}
END_TEST

static mqd_t copy;

/* The kernel lets a receiver finish on the queue that it began with. */
static void close_it_and_say_hello(void)
{
	ck_assert_int_eq(mq_close(queue), 0);
	queue = copy;
	settle();
	say_hello();
}

START_TEST(a_receive_ends_when_its_queue_is_closed)
{
	queue = open_queue();
	copy = dup(queue);
	other_side(_i, close_it_and_say_hello);
	if (green())
		FAILS(EBADF, receive());
	else
		OK(5, receive());
	assert_waited();
}
END_TEST

static void wake_it(void)
{
	ck_assert_int_eq(mpgreen_wake(queue, ETIMEDOUT), green() ? 1 : 0);
	if (!green())
		say_hello();
}

START_TEST(mpgreen_wake_ends_a_receive)
{
	queue = open_queue();
	other_side(_i, wake_it);
	if (green())
		FAILS(ETIMEDOUT, receive());
	else
		OK(5, receive());
	assert_waited();
}
END_TEST

static pid_t peer(void (*act)(void))
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		UNTIL(is_blocked(parent));
		act();
		_exit(0);
	}
	return pid;
}

static void assert_ended_well(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

enum { MANY = 3000 };

static void send_many(void)
{
	for (int i = 0; i < MANY; i++)
		send_natively("hello", (unsigned)i % 5);
}

static void receive_many(void)
{
	for (int i = 0; i < MANY; i++)
		if (receive_natively() < 0)
			_exit(1);
}

START_TEST(another_process_sends)
{
	pid_t pid;

	queue = open_queue();
	pid = peer(send_many);
	for (int i = 0; i < MANY; i++)
		OK(5, receive());
	assert_ended_well(pid);
	assert_waited();
}
END_TEST

START_TEST(another_process_receives)
{
	pid_t pid;

	queue = open_queue();
	fill_queue();
	pid = peer(receive_many);
	for (int i = ROOM; i < MANY; i++)
		OK(0, send_it());
	assert_ended_well(pid);
	assert_waited();
}
END_TEST

static unsigned received;

static void receive_some(void)
{
	for (int i = 0; i < MANY / 4; i++) {
		struct timespec soon = from_now(i % 2);
		char message[SIZE];

		if (mq_timedreceive(queue, message, SIZE, NULL, &soon) >= 0)
			received++;
		else
			ck_assert_int_eq(errno, ETIMEDOUT);
	}
}

/* Receivers whose time runs out again and again, on fibers of this thread or on this one alone. */
START_TEST(no_message_is_lost_when_receivers_give_up)
{
	struct mq_attr attr;
	unsigned sent = MANY / 2;
	pid_t parent = getpid(), pid;

	queue = open_queue();
	pid = fork();
	if (pid == 0) {
		UNTIL(is_blocked(parent));
		for (unsigned i = 0; i < sent; i++) {
			struct timespec pause = { .tv_nsec = i % 3 * 300000 };

			send_natively("hello", 0);
			syscall(SYS_nanosleep, &pause, NULL);
		}
		_exit(0);
	}
	if (way == FIBERS) {
		fibers_spawn(receive_some);
		fibers_spawn(receive_some);
	}
	receive_some();
	other_side_join();
	while (waitpid(pid, NULL, WNOHANG) == 0)
		receive_some();
	ck_assert_int_eq(mq_getattr(queue, &attr), 0);
	ck_assert_uint_eq(received + (unsigned)attr.mq_curmsgs, sent);
}
END_TEST

Suite *mqueue_suite(void)
{
	Suite *suite = suite_create("mqueue");
	TCase *tcase = way_case(suite, "mqueue");

	each_row(tcase, a_receive_waits_for_a_message, RECEIVES);
	each_row(tcase, a_send_waits_for_room, SENDS);
	tcase_add_test(tcase, nobody_waits_without_need);
	tcase_add_test(tcase, a_deadline_ends_a_call);
	tcase_add_test(tcase, a_deadline_of_more_than_a_second_is_kept);
	tcase_add_test(tcase, errors_are_the_kernel_s);
	tcase_add_test(tcase, a_nonblocking_queue_says_EAGAIN);
	each_side(tcase, a_nonblocking_queue_that_is_marked_waits);
	tcase_add_test(tcase, marks_are_kept);
	each_side(tcase, read_does_not_wait_for_a_queue);
	each_side(tcase, poll_waits_for_a_queue);
	tcase_add_loop_test(tcase, a_handler_ends_a_call, 0, RECEIVES);
	tcase_add_loop_test(tcase, SA_RESTART_spares_a_receive, 0, RECEIVES);
	each_side(tcase, a_receive_ends_when_its_queue_is_closed);
	each_side(tcase, mpgreen_wake_ends_a_receive);
	tcase_add_test(tcase, another_process_sends);
	tcase_add_test(tcase, another_process_receives);
	tcase_add_test(tcase, no_message_is_lost_when_receivers_give_up);
	return suite;
}
