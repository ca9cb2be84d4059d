/* SPDX-License-Identifier: MIT */
/*
 * What the library takes for Python: a program that exports Py_BytesMain. It prints the PYTHONPATH
 * that the constructor left, so that a test can see it. PLAY_SET_UID makes it look set-uid.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

unsigned long __real_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type);

unsigned long __wrap_getauxval(unsigned long type)
{
	return type == AT_SECURE && getenv("PLAY_SET_UID") ? 1 : __real_getauxval(type);
}

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
