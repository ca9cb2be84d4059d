/* SPDX-License-Identifier: MIT */
/*
 * mpgreen.h needs nothing before it: compiled as -std=c99 -pedantic -Werror and as C++.
 */
#include "mpgreen.h"

int mpgreen_header_is_enough(mpgreen_scheduler *scheduler, mpgreen_wait *what);

int mpgreen_header_is_enough(mpgreen_scheduler *scheduler, mpgreen_wait *what)
{
	what->deadline_ns = MPGREEN_FOREVER;
	scheduler->abi = MPGREEN_ABI;
	return scheduler->wait(NULL, what) == MPGREEN_NATIVE;
}
