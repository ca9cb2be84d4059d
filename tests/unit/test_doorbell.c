/* SPDX-License-Identifier: MIT */
/* src/engine/doorbell.c: one eventfd for each thread. */
#include "engine/doorbell.h"
#include "os/linux/nowait.h"
#include "real.h"
#include "registry/private.h"
#include "support.h"

static bool rings(int bell)
{
	return mpg_nowait_ready(bell, POLLIN);
}

START_TEST(a_thread_has_one_doorbell_and_it_is_private)
{
	int bell = mpg_doorbell();

	mpg_fds_activate();
	ck_assert_int_ge(bell, 0);
	ck_assert(mpg_private_is(bell));
	ck_assert_int_eq(mpg_doorbell(), bell);
	ck_assert(!rings(bell));
}
END_TEST

START_TEST(it_rings_until_it_is_silenced)
{
	int bell = mpg_doorbell();

	mpg_doorbell_ring(bell);
	mpg_doorbell_ring(bell);
	ck_assert(rings(bell));
	mpg_doorbell_silence(bell);
	ck_assert(!rings(bell));
}
END_TEST

START_TEST(ringing_and_silencing_keep_errno_and_never_block)
{
	int bell = mpg_doorbell();

	errno = ENOANO;
	mpg_doorbell_silence(bell);
	ck_assert_int_eq(errno, ENOANO);
	eventfd_write(bell, UINT64_MAX - 1);
	errno = ENOANO;
	mpg_doorbell_ring(bell);
	ck_assert_int_eq(errno, ENOANO);
}
END_TEST

static void *bell_of_thread(void *unused)
{
	int bell = mpg_doorbell();

	(void)unused;
	ck_assert(is_open(bell));
	return (void *)(intptr_t)bell;
}

START_TEST(each_thread_has_its_own_and_takes_it_along)
{
	int bell = mpg_doorbell();
	pthread_t thread;
	void *other;

	ck_assert_int_eq(pthread_create(&thread, NULL, bell_of_thread, NULL), 0);
	REAL(pthread_join)(thread, &other);
	ck_assert_int_ne((int)(intptr_t)other, bell);
	ck_assert(!is_open((int)(intptr_t)other));
	ck_assert(is_open(bell));
}
END_TEST

static int bell_of_child(void *parents)
{
	int bell;

	if (is_open(*(int *)parents))
		return 1;
	bell = mpg_doorbell();
	mpg_doorbell_ring(bell);
	return !rings(bell);
}

START_TEST(a_fork_child_has_a_new_one)
{
	int bell = mpg_doorbell();

	ck_assert_int_eq(in_child(bell_of_child, &bell), 0);
	ck_assert(!rings(bell));
}
END_TEST

START_TEST(without_a_free_number_there_is_none_and_errno_says_why)
{
	allow_fds(1);
	ck_assert_int_eq(mpg_doorbell(), -1);
	ck_assert_int_eq(errno, EMFILE);
	allow_fds(0);
}
END_TEST

SUITE_OF(doorbell, { a_thread_has_one_doorbell_and_it_is_private, 0 },
	 { it_rings_until_it_is_silenced, 0 },
	 { ringing_and_silencing_keep_errno_and_never_block, 0 },
	 { each_thread_has_its_own_and_takes_it_along, 0 }, { a_fork_child_has_a_new_one, 0 },
	 { without_a_free_number_there_is_none_and_errno_says_why, 0 })
