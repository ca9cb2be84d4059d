/* SPDX-License-Identifier: MIT */
/*
 * Any C function on a worker. What its arguments point to is copied to the heap and back, as its
 * signature says: the caller's stack may be elsewhere while it waits. The function is never
 * cancelled; when its caller has gone it runs on with the copies, and what it returns is dropped.
 */
#ifndef MPG_OFFLOAD_H
#define MPG_OFFLOAD_H

#include "sources/signature.h"

#pragma GCC visibility push(hidden)

/* What a function returns, as libffi stores it: integers are at least a register wide. */
union mpg_result {
	uint64_t integer;
	void *pointer;
	float real;
	double real_double;
};

/*
 * Calls `function`, on a thread with no scheduler right here. values[] and *result are what libffi
 * takes and gives. True: errno is what the function has left. False: the wait has ended before it,
 * errno says why, and *result is what the signature says of failure: its `else`, -1, NULL or NaN.
 * `call` is a string that lives for ever.
 */
bool mpg_offload_call(const struct mpg_signature *signature, void (*function)(void),
		      union mpg_result *result, void *const values[], const char *call);

/* mpgreen_offload() */
int mpg_offload(const char *signature, void (*function)(void), void *result,
		void *const arguments[], unsigned flags);

#pragma GCC visibility pop

#endif
