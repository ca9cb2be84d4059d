/* SPDX-License-Identifier: MIT */
/*
 * What the library takes for Python: a program that exports Py_BytesMain. It prints the PYTHONPATH
 * that the constructor left, so that a test can see it.
 */
#include <stdio.h>
#include <stdlib.h>

__attribute__((visibility("default"))) int Py_BytesMain(void);

int Py_BytesMain(void)
{
	const char *path = getenv("PYTHONPATH");

	puts(path ? path : "(unset)");
	return 0;
}

int main(void)
{
	return Py_BytesMain();
}
