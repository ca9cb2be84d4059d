/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite through the built-in poll scheduler.
 */
#include "way.h"

const enum way way = POLL;

int main(int argc, char **argv)
{
	(void)argc;
	return way_run(argv);
}
