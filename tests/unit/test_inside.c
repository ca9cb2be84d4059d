/* SPDX-License-Identifier: MIT */
/* src/engine/signals.c: is this code running inside a signal handler? */
#include "engine/signals.h"
#include "support.h"

#include <setjmp.h>

static volatile sig_atomic_t runs, inside;

static void handle(int sig)
{
	(void)sig;
	runs++;
	inside = mpg_signals_inside();
}

static void install(int sig, void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	ck_assert_int_eq(sigaction(sig, &act, NULL), 0);
}

START_TEST(a_handler_knows_that_it_is_one)
{
	mpg_signals_activate();
	install(SIGUSR1, handle, 0);
	ck_assert(!mpg_signals_inside());
	raise(SIGUSR1);
	ck_assert(runs == 1 && inside);
	ck_assert(!mpg_signals_inside());
}
END_TEST

static volatile sig_atomic_t inside_outer;

static void raise_another(int sig)
{
	(void)sig;
	raise(SIGUSR1);
	inside_outer = mpg_signals_inside();
}

START_TEST(after_a_nested_handler_the_outer_one_still_is_inside)
{
	mpg_signals_activate();
	install(SIGUSR1, handle, 0);
	install(SIGUSR2, raise_another, 0);
	raise(SIGUSR2);
	ck_assert(runs == 1 && inside && inside_outer);
	ck_assert(!mpg_signals_inside());
	ck_assert_uint_eq(mpg_thread.handled, 2);
}
END_TEST

static sigjmp_buf out;

static void jump_out(int sig)
{
	(void)sig;
	runs++;
	siglongjmp(out, 1);
}

START_TEST(a_handler_left_by_longjmp_is_over)
{
	mpg_signals_activate();
	install(SIGUSR1, jump_out, 0);
	if (sigsetjmp(out, 1) == 0)
		raise(SIGUSR1);
	ck_assert(runs == 1 && !mpg_signals_inside());
}
END_TEST

START_TEST(a_handler_left_by_longjmp_from_a_nested_one_is_over)
{
	mpg_signals_activate();
	install(SIGUSR1, jump_out, 0);
	install(SIGUSR2, raise_another, 0);
	if (sigsetjmp(out, 1) == 0)
		raise(SIGUSR2);
	ck_assert(runs == 1 && !mpg_signals_inside());
}
END_TEST

static char alternate[64 * 1024];

static void use_alternate_stack(void)
{
	const stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };

	ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
}

START_TEST(a_handler_on_its_own_stack_knows_that_it_is_one)
{
	mpg_signals_activate();
	use_alternate_stack();
	install(SIGUSR1, handle, SA_ONSTACK);
	raise(SIGUSR1);
	ck_assert(runs == 1 && inside && !mpg_signals_inside());
}
END_TEST

START_TEST(a_handler_on_its_own_stack_left_by_longjmp_is_over)
{
	mpg_signals_activate();
	use_alternate_stack();
	install(SIGUSR1, jump_out, SA_ONSTACK);
	if (sigsetjmp(out, 1) == 0)
		raise(SIGUSR1);
	ck_assert(runs == 1 && !mpg_signals_inside());
}
END_TEST

SUITE_OF(inside, { a_handler_knows_that_it_is_one, 0 },
	 { after_a_nested_handler_the_outer_one_still_is_inside, 0 },
	 { a_handler_left_by_longjmp_is_over, 0 },
	 { a_handler_left_by_longjmp_from_a_nested_one_is_over, 0 },
	 { a_handler_on_its_own_stack_knows_that_it_is_one, 0 },
	 { a_handler_on_its_own_stack_left_by_longjmp_is_over, 0 })
