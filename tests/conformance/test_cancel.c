/* SPDX-License-Identifier: MIT */
/*
 * Cancellation points stay cancellation points: a thread that is blocked in a call can be
 * cancelled.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "kinds.h"
#include "suites.h"
#include "switch.h"
#include "way.h"

static char buf[16];
static _Atomic pid_t victim_id;
static _Atomic bool cleaned_up, came_back;

static void in_read(void)
{
	read(fd[0], buf, 1);
}

static void in_readv(void)
{
	readv(fd[0], &(struct iovec){ buf, 1 }, 1);
}

static void in_recv(void)
{
	recv(fd[0], buf, 1, 0);
}

static void in_recvmsg(void)
{
	recvmsg(fd[0], &(struct msghdr){ 0 }, 0);
}

static void in_write(void)
{
	write(fd[0], "x", 1);
}

static void in_send(void)
{
	send(fd[0], "x", 1, 0);
}

static void in_accept(void)
{
	struct sockaddr_storage addr;
	socklen_t len;

	accept(listen_tcp(&addr, &len, 1), NULL, NULL);
}

static void in_poll(void)
{
	poll(&(struct pollfd){ fd[0], POLLIN, 0 }, 1, -1);
}

static void in_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd[0], &set);
	select(fd[0] + 1, &set, NULL, NULL, NULL);
}

static void in_epoll_wait(void)
{
	epoll_wait(epoll_create1(0), &(struct epoll_event){ 0 }, 1, -1);
}

static void in_nanosleep(void)
{
	nanosleep(&(struct timespec){ .tv_sec = 100 }, NULL);
}

static void in_pause(void)
{
	pause();
}

static void in_sigwaitinfo(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwaitinfo(&set, NULL);
}

static void in_mq_receive(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = sizeof(buf) };
	mqd_t queue = mq_open("/mpgreen-cancel", O_RDWR | O_CREAT, 0600, &attr);

	mq_unlink("/mpgreen-cancel");
	mq_receive(queue, buf, sizeof(buf), NULL);
}

static int queue = -1;

static void in_msgrcv(void)
{
	struct {
		long type;
	} message;

	queue = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
	msgrcv(queue, &message, 0, 0, 0);
}

static void in_msgsnd(void)
{
	struct {
		long type;
		char text[2048];
	} message = { .type = 1 };

	queue = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
	for (;;)
		msgsnd(queue, &message, sizeof(message.text), 0);
}

static int open_file(void)
{
	char *path = scratch("lock");
	int file = open(path, O_RDWR | O_CREAT, 0600);

	ck_assert_int_ge(file, 0);
	return file;
}

static void in_fcntl(void)
{
	struct flock lock = { .l_type = F_WRLCK };

	/* Under valgrind no other thread would run. */
	if (is_emulated())
		pause();
	fcntl(open_file(), F_OFD_SETLKW, &lock);
	fcntl(open_file(), F_OFD_SETLKW, &lock);
}

static void in_open(void)
{
	char *path = scratch("fifo");

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	open(path, O_RDONLY);
}

static void remove_files(void)
{
	char *path = scratch("lock");

	unlink(path);
	path = scratch("fifo");
	unlink(path);
}

static void remove_queue(void)
{
	if (queue >= 0)
		msgctl(queue, IPC_RMID, NULL);
}

static void (*const calls[])(void) = {
	in_read,	in_readv,      in_recv,	  in_recvmsg,	 in_write,     in_send,
	in_accept,	in_poll,       in_select, in_epoll_wait, in_nanosleep, in_pause,
	in_sigwaitinfo, in_mq_receive, in_msgrcv, in_msgsnd,	 in_fcntl,     in_open,
};
enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static void clean_up(void *unused)
{
	(void)unused;
	cleaned_up = true;
}

static void *be_blocked(void *call)
{
	pthread_cleanup_push(clean_up, NULL);
	victim_id = gettid();
	(*(void (*const *)(void))call)();
	came_back = true;
	pthread_cleanup_pop(0);
	return NULL;
}

START_TEST(a_thread_blocked_in_a_call_can_be_cancelled)
{
	pthread_t victim;
	void *end;

	open_unix(fd);
	fill(fd[0]);
	ck_assert_int_eq(pthread_create(&victim, NULL, be_blocked, (void *)&calls[_i]), 0);
	UNTIL(victim_id && is_blocked(victim_id));
	ck_assert_int_eq(pthread_cancel(victim), 0);
	ck_assert_int_eq(pthread_join(victim, &end), 0);
	ck_assert_ptr_eq(end, PTHREAD_CANCELED);
	ck_assert(cleaned_up);
	ck_assert(!came_back);
}
END_TEST

static void *be_cancelled_already(void *call)
{
	pthread_cleanup_push(clean_up, NULL);
	pthread_cancel(pthread_self());
	(*(void (*const *)(void))call)();
	came_back = true;
	pthread_cleanup_pop(0);
	return NULL;
}

START_TEST(a_call_acts_upon_a_cancellation_that_is_pending)
{
	pthread_t victim;
	void *end;

	open_unix(fd);
	fill(fd[0]);
	ck_assert_int_eq(pthread_create(&victim, NULL, be_cancelled_already, (void *)&calls[_i]),
			 0);
	ck_assert_int_eq(pthread_join(victim, &end), 0);
	ck_assert_ptr_eq(end, PTHREAD_CANCELED);
	ck_assert(cleaned_up && !came_back);
}
END_TEST

Suite *cancel_suite(void)
{
	Suite *suite = suite_create("cancel");
	TCase *tcase = way_case(suite, "cancel");

	/* gcc 12's AddressSanitizer fails a check of its own when a cancelled thread unwinds. */
	tcase_set_tags(tcase, "no-address");
	tcase_add_checked_fixture(tcase, NULL, remove_queue);
	tcase_add_checked_fixture(tcase, NULL, remove_files);
	tcase_add_loop_test(tcase, a_thread_blocked_in_a_call_can_be_cancelled, 0, CALLS);
	tcase_add_loop_test(tcase, a_call_acts_upon_a_cancellation_that_is_pending, 0, CALLS);
	return suite;
}
