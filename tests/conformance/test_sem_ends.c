/* SPDX-License-Identifier: MIT */
/*
 * Waits for a semaphore that end otherwise than with a token, beside others that go on: no token
 * may be lost, no wake-up may be swallowed, and nobody stays in the line. And peers that do not
 * have the library.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fibers.h"
#include "mpgreen.h"
#include "suites.h"
#include "way.h"

/* [0] is waited for by the test, [1] by the other side. */
static sem_t *sems;
static char name[64];
static _Atomic bool cleaned_up, came_back;
static _Atomic int answer, answer_errno;

static void make_sems(void)
{
	sems = mmap(NULL, 2 * sizeof(*sems), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		    0);
	ck_assert_ptr_ne(sems, MAP_FAILED);
	ck_assert(sem_init(&sems[0], 1, 0) == 0 && sem_init(&sems[1], 1, 0) == 0);
}

static int waiting(sem_t *s)
{
	uint64_t data;

	memcpy(&data, s, sizeof(data));
	return (int)(data >> 32);
}

static void assert_left(sem_t *s, int value)
{
	int tokens = -1;

	ck_assert_int_eq(sem_getvalue(s, &tokens), 0);
	ck_assert_int_eq(tokens, value);
	ck_assert_int_eq(waiting(s), 0);
}

static void clean_up(void *unused)
{
	(void)unused;
	cleaned_up = true;
}

static void *be_cancelled(void *early)
{
	pthread_cleanup_push(clean_up, NULL);
	if (early)
		pthread_cancel(pthread_self());
	sem_wait(&sems[0]);
	came_back = true;
	pthread_cleanup_pop(0);
	return NULL;
}

START_TEST(a_thread_that_is_cancelled_leaves_the_line)
{
	pthread_t victim;
	void *end;

	make_sems();
	ck_assert_int_eq(pthread_create(&victim, NULL, be_cancelled, NULL), 0);
	UNTIL(waiting(&sems[0]));
	ck_assert_int_eq(pthread_cancel(victim), 0);
	ck_assert_int_eq(pthread_join(victim, &end), 0);
	ck_assert_ptr_eq(end, PTHREAD_CANCELED);
	ck_assert(cleaned_up && !came_back);
	assert_left(&sems[0], 0);
}
END_TEST

START_TEST(a_wait_acts_upon_a_cancellation_that_is_pending)
{
	pthread_t victim;
	void *end;

	make_sems();
	OK(0, sem_post(&sems[0]));
	ck_assert_int_eq(pthread_create(&victim, NULL, be_cancelled, sems), 0);
	ck_assert_int_eq(pthread_join(victim, &end), 0);
	ck_assert_ptr_eq(end, PTHREAD_CANCELED);
	ck_assert(cleaned_up && !came_back);
	assert_left(&sems[0], 1);
}
END_TEST

static void wait_for_a_while(void)
{
	struct timespec soon;

	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	soon.tv_sec += soon.tv_nsec / 1000000000;
	soon.tv_nsec %= 1000000000;
	answer = sem_timedwait(&sems[0], &soon);
	answer_errno = errno;
}

static void *wait_on_a_thread(void *unused)
{
	wait_for_a_while();
	UNTIL(waiting(&sems[0]) == 1);
	ck_assert_int_eq(sem_post(&sems[0]), 0);
	return unused;
}

static void wait_and_post(void)
{
	wait_for_a_while();
	ck_assert_int_eq(sem_post(&sems[0]), 0);
}

/* First in the line, gone before the token comes: the one behind it gets it. */
START_TEST(one_who_gives_up_takes_no_token_along)
{
	pthread_t thread;

	make_sems();
	if (_i == 1)
		fibers_spawn(wait_and_post);
	else
		ck_assert_int_eq(pthread_create(&thread, NULL, wait_on_a_thread, NULL), 0);
	if (_i == 1)
		fibers_settle();
	OK(0, sem_wait(&sems[0]));
	if (_i == 0)
		pthread_join(thread, NULL);
	else
		fibers_join();
	ck_assert(answer == -1 && answer_errno == ETIMEDOUT);
	assert_left(&sems[0], 0);
}
END_TEST

static pid_t child;

static void *fork_and_post(void *unused)
{
	int status;

	mpgreen_native_enter();
	UNTIL(waiting(&sems[0]));
	child = fork();
	if (child == 0)
		_exit(waiting(&sems[0]) == 1 && sem_wait(&sems[1]) == 0 ? 0 : 1);
	UNTIL(waiting(&sems[1]));
	ck_assert_int_eq(sem_post(&sems[1]), 0);
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	ck_assert_int_eq(sem_post(&sems[0]), 0);
	return unused;
}

START_TEST(a_fork_beside_a_wait_does_not_disturb_it)
{
	pthread_t thread;

	make_sems();
	ck_assert_int_eq(pthread_create(&thread, NULL, fork_and_post, NULL), 0);
	OK(0, sem_wait(&sems[0]));
	pthread_join(thread, NULL);
	assert_left(&sems[0], 0);
	assert_left(&sems[1], 0);
}
END_TEST

static int in_child(void)
{
	if (way == FIBERS)
		fibers_start();
	if (sem_post(&sems[1]) < 0 || sem_wait(&sems[0]) < 0)
		return 1;
	return sem_post(&sems[1]) < 0;
}

START_TEST(a_fork_child_waits_on_its_own)
{
	int status;

	make_sems();
	OK(0, (sem_post(&sems[0]), sem_wait(&sems[0])));
	child = fork();
	if (child == 0)
		_exit(in_child());
	OK(0, sem_wait(&sems[1]));
	UNTIL(waiting(&sems[0]));
	OK(0, sem_post(&sems[0]));
	OK(0, sem_wait(&sems[1]));
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	assert_left(&sems[0], 0);
	assert_left(&sems[1], 0);
}
END_TEST

static pid_t start_peer(const char *acts)
{
	char path[PATH_MAX + 8];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	pid_t pid;

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	if (strcmp(strrchr(path, '/'), "/.libs") == 0)
		*strrchr(path, '/') = '\0';
	strcat(path, "/peer");
	pid = fork();
	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY), 1);
		execl(path, "peer", name, acts, NULL);
		_exit(9);
	}
	return pid;
}

static sem_t *open_named(void)
{
	sem_t *sem;

	snprintf(name, sizeof(name), "/mpgreen-peer-%d", getpid());
	sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	ck_assert_ptr_ne(sem, SEM_FAILED);
	return sem;
}

static void end_peer(pid_t pid, sem_t *sem)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	OK(0, sem_unlink(name));
	assert_left(sem, 0);
	OK(0, sem_close(sem));
}

START_TEST(a_peer_without_the_library_posts)
{
	sem_t *sem = open_named();
	pid_t peer = start_peer("pppppppp");

	for (int i = 0; i < 8; i++)
		OK(0, sem_wait(sem));
	end_peer(peer, sem);
}
END_TEST

START_TEST(a_peer_without_the_library_waits)
{
	sem_t *sem = open_named();
	pid_t peer = start_peer("wwww");

	for (int i = 0; i < 4; i++) {
		UNTIL(waiting(sem) == 1);
		OK(0, sem_post(sem));
		UNTIL(waiting(sem) == 0 || i < 3);
	}
	end_peer(peer, sem);
}
END_TEST

static void *wait_with_peers(void *sem)
{
	ck_assert_int_eq(sem_wait(sem), 0);
	return NULL;
}

START_TEST(peers_with_and_without_the_library_wait_in_one_line)
{
	sem_t *sem = open_named();
	pthread_t threads[4];
	pid_t peer;
	int status;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_with_peers, sem), 0);
	UNTIL(waiting(sem) == 4);
	peer = start_peer("w");
	UNTIL(waiting(sem) == 5);
	for (int i = 0; i < 5; i++)
		OK(0, sem_post(sem));
	ck_assert(waitpid(peer, &status, 0) == peer && status == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	peer = start_peer("");
	end_peer(peer, sem);
}
END_TEST

static void wait_for_the_other(void)
{
	answer = sem_wait(&sems[1]);
	answer_errno = errno;
}

/* The scheduler cancels: the fiber leaves the line, and the token is another's. */
START_TEST(a_cancelled_fiber_leaves_the_line)
{
	if (way != FIBERS)
		return;
	make_sems();
	fibers_answer(MPGREEN_CANCELLED, EOWNERDEAD);
	FAILS(EOWNERDEAD, sem_wait(&sems[0]));
	fibers_answer(MPGREEN_CANCELLED, 0);
	FAILS(ECANCELED, sem_wait(&sems[0]));
	fibers_answer(0, 0);
	assert_left(&sems[0], 0);
	fibers_spawn(wait_for_the_other);
	fibers_settle();
	OK(0, sem_post(&sems[1]));
	fibers_join();
	ck_assert_int_eq(answer, 0);
	assert_left(&sems[1], 0);
}
END_TEST

static void *post_both(void *unused)
{
	ck_assert_int_eq(sem_post(&sems[1]), 0);
	UNTIL(waiting(&sems[0]));
	ck_assert_int_eq(sem_post(&sems[0]), 0);
	return unused;
}

/* Where no fiber can be switched to, what came for a parked one must not be lost on the way. */
START_TEST(a_thread_that_blocks_keeps_what_comes_for_its_fibers)
{
	pthread_t thread;

	if (way != FIBERS)
		return;
	make_sems();
	fibers_spawn(wait_for_the_other);
	fibers_settle();
	ck_assert_int_eq(waiting(&sems[1]), 1);
	fibers_decline(true);
	ck_assert_int_eq(pthread_create(&thread, NULL, post_both, NULL), 0);
	OK(0, sem_wait(&sems[0]));
	fibers_decline(false);
	pthread_join(thread, NULL);
	fibers_join();
	ck_assert_int_eq(answer, 0);
	assert_left(&sems[0], 0);
	assert_left(&sems[1], 0);
}
END_TEST

Suite *sem_ends_suite(void)
{
	Suite *suite = suite_create("sem_ends");
	TCase *tcase = way_case(suite, "ends");
	TCase *cancel = way_case(suite, "cancel");
	TCase *peers = way_case(suite, "peers");

	/* gcc 12's AddressSanitizer fails a check of its own when a cancelled thread unwinds. */
	tcase_set_tags(cancel, "no-address");
	tcase_add_test(cancel, a_thread_that_is_cancelled_leaves_the_line);
	tcase_add_test(cancel, a_wait_acts_upon_a_cancellation_that_is_pending);
	each_side(tcase, one_who_gives_up_takes_no_token_along);
	tcase_add_test(tcase, a_fork_beside_a_wait_does_not_disturb_it);
	tcase_add_test(tcase, a_fork_child_waits_on_its_own);
	tcase_add_test(tcase, a_cancelled_fiber_leaves_the_line);
	tcase_add_test(tcase, a_thread_that_blocks_keeps_what_comes_for_its_fibers);
	tcase_add_test(peers, a_peer_without_the_library_posts);
	tcase_add_test(peers, a_peer_without_the_library_waits);
	tcase_add_test(peers, peers_with_and_without_the_library_wait_in_one_line);
	return suite;
}
