/* SPDX-License-Identifier: MIT */
/* src/sources/futex*.c, src/registry/sems.c: each way of waiting for a word, where this kernel has it. */
#include "sources/futex.h"
#include "os/linux/futexring.h"
#include "real.h"
#include "registry/private.h"
#include "registry/sems.h"
#include "settings.h"
#include "sources/futex_ways.h"
#include "support.h"

static uint32_t *word;
static struct mpg_wait w;

static const int ways[] = { MPG_SEM_URING, MPG_SEM_WAITV, MPG_SEM_WORKER };
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static bool has(int sem)
{
	return sem == MPG_SEM_URING ? mpg_futex_uring_works()
		: sem == MPG_SEM_WAITV ? mpg_futex_waitv_works()
				       : true;
}

/* A word that other processes may share, and one wait for it in this way. */
static bool begin(int way, const struct step *steps, size_t n)
{
	mpg_settings.sem = ways[way];
	if (!has(ways[way]))
		return false;
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(word, MAP_FAILED);
	script_play(steps, n);
	ck_assert(mpg_wait_begin_other(&w, "test"));
	return true;
}

static void *change_it(void *unused)
{
	struct timespec moment = { .tv_nsec = 1000000 };

	/* Once the kernel has a waiter there is one to be woken; before, the word has changed. */
	syscall(SYS_nanosleep, &moment, NULL);
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	mpg_futex_wake_one(word, true);
	return unused;
}

static void change_it_soon(int unused)
{
	pthread_t thread;

	(void)unused;
	ck_assert_int_eq(pthread_create(&thread, NULL, change_it, NULL), 0);
	pthread_detach(thread);
}

static const struct step wake[] = {
	{ .verdict = MPGREEN_NATIVE, .meanwhile = change_it_soon },
	{ .verdict = MPGREEN_NATIVE },
	{ .verdict = MPGREEN_NATIVE },
};
static const struct step block[] = {
	{ .verdict = MPGREEN_NATIVE },
	{ .verdict = MPGREEN_NATIVE },
};
static const struct step cancel[] = {
	{ .verdict = MPGREEN_CANCELLED, .error = ESTALE },
	{ .verdict = MPGREEN_TIMEOUT },
};

START_TEST(a_wake_up_ends_the_wait)
{
	if (!begin(_i, wake, 3))
		return;
	MPG_FUTEX(f, word, 0, true);
	ck_assert(mpg_futex_wait(&w, &f));
	ck_assert_uint_eq(__atomic_load_n(word, __ATOMIC_SEQ_CST), 1);
	ck_assert(mpg_private_is(script.seen[0].fd));
}
END_TEST

START_TEST(a_word_that_has_changed_already_ends_the_wait)
{
	if (!begin(_i, block, 2))
		return;
	*word = 4711;
	MPG_FUTEX(f, word, 0, true);
	ck_assert(mpg_futex_wait(&w, &f));
	*word = 0;
	MPG_FUTEX(g, word, 4711, true);
	ck_assert(mpg_futex_wait(&w, &g));
}
END_TEST

START_TEST(a_wait_that_is_cancelled_leaves_the_word_to_others)
{
	if (!begin(_i, cancel, 2))
		return;
	w.timeout_error = ETIME;
	MPG_FUTEX(f, word, 0, true);
	ck_assert(!mpg_futex_wait(&w, &f));
	ck_assert_int_eq(errno, ESTALE);
	ck_assert(!mpg_futex_wait(&w, &f));
	ck_assert_int_eq(errno, ETIME);
	mpg_futex_end(&f);
	ck_assert_int_eq(errno, ETIME);
	ck_assert_ptr_null(f.held);
}
END_TEST

START_TEST(the_way_that_was_asked_for_is_taken)
{
	static const enum mpg_futex_way expected[] = {
		MPG_FUTEX_URING,
		MPG_FUTEX_WAITV,
		MPG_FUTEX_WORKER,
	};

	mpg_settings.sem = ways[_i];
	if (!has(ways[_i]))
		return;
	capture_stderr();
	ck_assert_int_eq(mpg_futex_way(), expected[_i]);
	ck_assert_str_eq(captured_stderr(), "");
}
END_TEST

START_TEST(a_way_that_does_not_work_is_reported_and_the_next_one_taken)
{
	fake_no_uring = true;
	mpg_settings.sem = MPG_SEM_URING;
	capture_stderr();
	errno = ENOANO;
	ck_assert_int_eq(mpg_futex_way(),
			 mpg_futex_waitv_works() ? MPG_FUTEX_WAITV : MPG_FUTEX_WORKER);
	ck_assert_int_eq(errno, ENOANO);
	ck_assert_ptr_nonnull(strstr(captured_stderr(), "MPGREEN_SEM=uring"));
	mpg_futex_way();
	ck_assert_str_eq(captured_stderr(), "");
}
END_TEST

START_TEST(without_being_asked_the_best_that_works_is_taken_silently)
{
	fake_no_uring = true;
	capture_stderr();
	ck_assert_int_eq(mpg_futex_way(),
			 mpg_futex_waitv_works() ? MPG_FUTEX_WAITV : MPG_FUTEX_WORKER);
	ck_assert_str_eq(captured_stderr(), "");
}
END_TEST

/* No room for a ring, a bell or a thread: it looks at the word now and then. */
START_TEST(with_no_means_at_all_it_looks_again_after_a_while)
{
	const struct step step = TIMEOUT;

	if (!begin(_i, &step, 1))
		return;
	mpg_futex_way();
	fake_no_uring = fake_no_threads = true;
	allow_fds(3);
	MPG_FUTEX(f, word, 0, true);
	ck_assert(mpg_futex_wait(&w, &f));
	allow_fds(0);
	ck_assert_int_eq(script.seen[0].fd, -1);
	ck_assert_int_lt(script.seen[0].deadline_ns, INT64_MAX);
}
END_TEST

START_TEST(a_semaphore_says_whether_it_is_shared)
{
	sem_t own, shared;

	errno = ENOANO;
	ck_assert(mpg_sems_known());
	ck_assert_int_eq(errno, ENOANO);
	ck_assert(REAL(sem_init)(&own, 0, 0) == 0 && REAL(sem_init)(&shared, 1, 0) == 0);
	ck_assert(!mpg_sem_is_green(&own) && mpg_sem_is_green(&shared));
	ck_assert_int_eq(mpg_sems_mark(&own, MPG_SEMS_GREEN), 0);
	ck_assert_int_eq(mpg_sems_mark(&shared, MPG_SEMS_NATIVE), 0);
	ck_assert(mpg_sem_is_green(&own) && !mpg_sem_is_green(&shared));
	mpg_sems_mark(&own, MPG_SEMS_UNMARKED);
	mpg_sems_mark(&shared, MPG_SEMS_UNMARKED);
	ck_assert(!mpg_sem_is_green(&own) && mpg_sem_is_green(&shared));
	ck_assert_int_eq(mpg_sems_marked, 0);
}
END_TEST

START_TEST(a_token_is_taken_once)
{
	sem_t sem;

	ck_assert_int_eq(REAL(sem_init)(&sem, 1, 1), 0);
	atomic_fetch_add(&mpg_sem(&sem)->data, MPG_SEM_WAITER);
	ck_assert(!mpg_sem_must_wake(0) && !mpg_sem_must_wake(MPG_SEM_WAITER));
	ck_assert(mpg_sem_must_wake(mpg_sem(&sem)->data));
	ck_assert_uint_eq(*mpg_sem_word(mpg_sem(&sem)), 1);
	ck_assert(mpg_sem_take(mpg_sem(&sem), true));
	ck_assert(!mpg_sem_take(mpg_sem(&sem), false));
	ck_assert_uint_eq(mpg_sem(&sem)->data, 0);
}
END_TEST

SUITE_OF(futex, { a_wake_up_ends_the_wait, WAYS },
	 { a_word_that_has_changed_already_ends_the_wait, WAYS },
	 { a_wait_that_is_cancelled_leaves_the_word_to_others, WAYS },
	 { the_way_that_was_asked_for_is_taken, WAYS },
	 { a_way_that_does_not_work_is_reported_and_the_next_one_taken, 0 },
	 { without_being_asked_the_best_that_works_is_taken_silently, 0 },
	 { with_no_means_at_all_it_looks_again_after_a_while, WAYS },
	 { a_semaphore_says_whether_it_is_shared, 0 }, { a_token_is_taken_once, 0 })
