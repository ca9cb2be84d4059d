/* SPDX-License-Identifier: MIT */
/*
 * A library that is being loaded for as long as somebody wants: the loader asks it for one of its
 * functions while it fills the slots, and is held up until there is a byte in fd 100. A slot that
 * is filled by then lies in one page with one that is not.
 */
#include "slow.h"

typedef long (*slow)(int fd);

static const slow hold = slow_wait;

static int one(void)
{
	return 1;
}

__attribute__((used,
	       no_sanitize("address", "thread", "undefined"))) static int (*choose(void))(void)
{
	const slow *filled = &hold;

	/* The call must go through that slot, for its own is not filled yet. */
	__asm__("" : "+r"(filled));
	(*filled)(100);
	return one;
}

#pragma GCC visibility push(default)

int held(void) __attribute__((ifunc("choose")));
int held_calls(void);

int held_calls(void)
{
	return held();
}
