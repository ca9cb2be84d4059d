/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite on plain libc: the oracle.
 */
#include "way.h"

const enum way way = NATIVE;

int main(int argc, char **argv)
{
	(void)argc;
	return way_run(argv);
}
