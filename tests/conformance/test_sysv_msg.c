/* SPDX-License-Identifier: MIT */
/*
 * System V message queues: which message fits, what is waited for, and what ends a wait.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fibers.h"
#include "signals.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

enum { SIZE = 64, LARGE = 2048 };

static int queue = -1;
static struct message {
	long type;
	char text[LARGE];
} message;

static void remove_queue(void)
{
	if (queue >= 0)
		msgctl(queue, IPC_RMID, NULL);
	queue = -1;
}

static void make_queue(void)
{
	queue = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
	ck_assert_msg(queue >= 0, "msgget: %s", strerror(errno));
}

static unsigned long queued(void)
{
	struct msqid_ds state;

	ck_assert_int_eq(msgctl(queue, IPC_STAT, &state), 0);
	return state.msg_qnum;
}

/* Past the library, as a process does that has not loaded it. */
static void send_natively(long type, const char *text)
{
	struct message m = { .type = type };

	strcpy(m.text, text);
	ck_assert_int_eq(syscall(SYS_msgsnd, queue, &m, strlen(text), 0), 0);
}

static ssize_t receive_natively(void)
{
	struct message m;

	return syscall(SYS_msgrcv, queue, &m, sizeof(m.text), 0, IPC_NOWAIT);
}

static void send_another_and_then_it(void)
{
	send_natively(9, "no");
	settle();
	send_natively(3, "hello");
}

static const struct {
	long type;
	int flags;
} fitting[] = { { 3, 0 }, { -3, 0 }, { -8, 0 }, { 9, MSG_EXCEPT }, { 3, MSG_NOERROR } };
enum { FITTING = sizeof(fitting) / sizeof(fitting[0]) };

START_TEST(a_receive_waits_for_a_message_that_fits)
{
	int row = _i / other_sides();

	other_side(_i, send_another_and_then_it);
	OK(5, msgrcv(queue, &message, SIZE, fitting[row].type, fitting[row].flags));
	ck_assert_int_eq(message.type, 3);
	ck_assert_mem_eq(message.text, "hello", 5);
	assert_waited();
	ck_assert_uint_eq(queued(), 1);
	OK(2, msgrcv(queue, &message, SIZE, 0, 0));
	ck_assert_int_eq(message.type, 9);
}
END_TEST

static void say_hello(void)
{
	send_natively(5, "hello");
}

static void say_nothing(void)
{
	send_natively(5, "");
}

START_TEST(a_receive_waits_for_any_message)
{
	other_side(_i, say_hello);
	OK(5, msgrcv(queue, &message, SIZE, 0, 0));
	ck_assert_int_eq(message.type, 5);
	assert_waited();
	other_side(_i, say_nothing);
	OK(0, msgrcv(queue, &message, SIZE, 0, 0));
	ck_assert_int_eq(message.type, 5);
	other_side(_i, say_nothing);
	OK(0, msgrcv(queue, &message, 0, 5, 0));
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(a_message_that_is_too_long_stays)
{
	other_side(_i, say_hello);
	FAILS(E2BIG, msgrcv(queue, &message, 4, 0, 0));
	assert_waited();
	ck_assert_uint_eq(queued(), 1);
	OK(5, msgrcv(queue, &message, 5, 0, 0));
	other_side(_i, say_hello);
	OK(4, msgrcv(queue, &message, 4, 0, MSG_NOERROR));
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

static size_t fill_queue(void)
{
	size_t n = 0;

	message.type = 1;
	while (syscall(SYS_msgsnd, queue, &message, LARGE, IPC_NOWAIT) == 0)
		n++;
	ck_assert_int_eq(errno, EAGAIN);
	return n;
}

static void make_room(void)
{
	ck_assert_int_eq(receive_natively(), LARGE);
}

START_TEST(a_send_waits_for_room)
{
	size_t n = fill_queue();

	message.type = 7;
	strcpy(message.text, "new");
	other_side(_i, make_room);
	OK(0, msgsnd(queue, &message, LARGE, 0));
	assert_waited();
	ck_assert_uint_eq(queued(), n);
	OK(LARGE, msgrcv(queue, &message, LARGE, 7, 0));
	ck_assert_str_eq(message.text, "new");
}
END_TEST

START_TEST(nobody_waits_without_need)
{
	message.type = 2;
	OK(0, msgsnd(queue, &message, 3, 0));
	FAILS(ENOMSG, msgrcv(queue, &message, SIZE, 3, IPC_NOWAIT));
	OK(3, msgrcv(queue, &message, SIZE, 2, 0));
	FAILS(ENOMSG, msgrcv(queue, &message, SIZE, 0, IPC_NOWAIT));
	fill_queue();
	FAILS(EAGAIN, msgsnd(queue, &message, LARGE, IPC_NOWAIT));
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(MSG_COPY_looks_and_does_not_wait)
{
	FAILS(EINVAL, msgrcv(queue, &message, SIZE, 0, MSG_COPY));
	FAILS(ENOMSG, msgrcv(queue, &message, SIZE, 0, MSG_COPY | IPC_NOWAIT));
	say_hello();
	OK(5, msgrcv(queue, &message, SIZE, 0, MSG_COPY | IPC_NOWAIT));
	ck_assert_uint_eq(queued(), 1);
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(errors_are_the_kernel_s)
{
	message.type = 0;
	FAILS(EINVAL, msgsnd(queue, &message, 1, 0));
	message.type = 1;
	FAILS(EINVAL, msgsnd(minus_one, &message, 1, 0));
	FAILS(EINVAL, msgrcv(minus_one, &message, 1, 0, 0));
	if (!is_emulated()) {
		FAILS(EINVAL, msgsnd(queue, &message, (size_t)minus_one, 0));
		FAILS(EINVAL, msgrcv(queue, &message, (size_t)minus_one, 0, 0));
	}
	ck_assert_uint_eq(waits(), 0);
}
END_TEST

START_TEST(a_receive_ends_when_the_queue_is_removed)
{
	other_side(_i, remove_queue);
	FAILS(EIDRM, msgrcv(queue, &message, SIZE, 0, 0));
	assert_waited();
}
END_TEST

START_TEST(a_send_ends_when_the_queue_is_removed)
{
	fill_queue();
	other_side(_i, remove_queue);
	FAILS(EIDRM, msgsnd(queue, &message, LARGE, 0));
	assert_waited();
}
END_TEST

/* signal(7): System V calls are never restarted. */
START_TEST(a_handler_ends_a_call_even_with_SA_RESTART)
{
	catch_with(_i ? SA_RESTART : 0);
	other_side(0, raise_it);
	FAILS(EINTR, msgrcv(queue, &message, SIZE, 0, 0));
	other_side_join();
	fill_queue();
	other_side(0, raise_it);
	FAILS(EINTR, msgsnd(queue, &message, LARGE, 0));
	ck_assert_int_eq(signals, 2);
	assert_waited();
}
END_TEST

enum { MANY = 2000 };

static unsigned sent, received, wrong;
static _Atomic bool over;

static void receive_some(void)
{
	for (int i = 0; i < MANY; i++) {
		struct message m = { 0 };
		ssize_t n = msgrcv(queue, &m, SIZE, i % 2 ? 0 : -9, 0);

		if (n >= 0) {
			received++;
			wrong += m.type != 1 + n;
		} else {
			ck_assert_int_eq(errno, EINTR);
		}
	}
}

static void *disturb(void *unused)
{
	while (!over) {
		pthread_kill(test_thread(), SIGUSR1);
		breathe();
	}
	return unused;
}

static pthread_t begin_to_disturb(void)
{
	pthread_t disturber;

	catch_with(SA_RESTART);
	ck_assert_int_eq(pthread_create(&disturber, NULL, disturb, NULL), 0);
	return disturber;
}

/* Receivers who are interrupted again and again; one message of three is empty. */
START_TEST(no_message_is_lost_when_receivers_give_up)
{
	static const char *const texts[] = { "", "a", "bc" };
	pthread_t disturber;
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < MANY; i++) {
			struct timespec pause = { .tv_nsec = i % 5 * 40000 };

			send_natively(1 + i % 3, texts[i % 3]);
			syscall(SYS_nanosleep, &pause, NULL);
		}
		_exit(0);
	}
	disturber = begin_to_disturb();
	if (way == FIBERS) {
		fibers_spawn(receive_some);
		fibers_spawn(receive_some);
	}
	receive_some();
	other_side_join();
	while (waitpid(pid, NULL, WNOHANG) == 0)
		receive_some();
	over = true;
	pthread_join(disturber, NULL);
	while (receive_natively() >= 0)
		received++;
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(received, MANY);
}
END_TEST

static void send_some(void)
{
	static struct message m = { .type = 4 };

	for (int i = 0; i < MANY; i++)
		if (msgsnd(queue, &m, LARGE, 0) == 0)
			sent++;
		else
			ck_assert_int_eq(errno, EINTR);
}

static void count_messages(void)
{
	struct timespec pause = { .tv_nsec = 50000 };
	unsigned n = 0;

	for (bool last = false;; last = over) {
		while (receive_natively() >= 0)
			n++;
		if (last)
			break;
		syscall(SYS_nanosleep, &pause, NULL);
	}
	received = n;
}

static void *count_beside(void *unused)
{
	count_messages();
	return unused;
}

START_TEST(what_was_sent_arrives_once)
{
	pthread_t disturber, receiver;

	ck_assert_int_eq(pthread_create(&receiver, NULL, count_beside, NULL), 0);
	disturber = begin_to_disturb();
	if (way == FIBERS)
		fibers_spawn(send_some);
	send_some();
	other_side_join();
	over = true;
	pthread_join(disturber, NULL);
	pthread_join(receiver, NULL);
	ck_assert_uint_gt(sent, 0);
	ck_assert_uint_eq(received, sent);
}
END_TEST

Suite *sysv_msg_suite(void)
{
	Suite *suite = suite_create("sysv_msg");
	TCase *tcase = way_case(suite, "sysv_msg");

	tcase_add_checked_fixture(tcase, make_queue, remove_queue);
	each_row(tcase, a_receive_waits_for_a_message_that_fits, FITTING);
	each_side(tcase, a_receive_waits_for_any_message);
	each_side(tcase, a_message_that_is_too_long_stays);
	each_side(tcase, a_send_waits_for_room);
	tcase_add_test(tcase, nobody_waits_without_need);
	tcase_add_test(tcase, MSG_COPY_looks_and_does_not_wait);
	tcase_add_test(tcase, errors_are_the_kernel_s);
	each_side(tcase, a_receive_ends_when_the_queue_is_removed);
	each_side(tcase, a_send_ends_when_the_queue_is_removed);
	tcase_add_loop_test(tcase, a_handler_ends_a_call_even_with_SA_RESTART, 0, 2);
	tcase_add_test(tcase, no_message_is_lost_when_receivers_give_up);
	tcase_add_test(tcase, what_was_sent_arrives_once);
	return suite;
}
