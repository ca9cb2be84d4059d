/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite on a fiber of the toy scheduler.
 */
#include "way.h"

const enum way way = FIBERS;

int main(int argc, char **argv)
{
	(void)argc;
	return way_run(argv);
}
