/* SPDX-License-Identifier: MIT */
/*
 * Entries of the databases of names: struct hostent, passwd and their like. A worker asks for one
 * with the function whose name ends in _r, into memory of the job; what the caller is given are
 * copies, whose pointers point where the caller expects them to: into its own buffer, or into one
 * that belongs to its thread, where libc has one for the process.
 */
#ifndef MPG_RECORD_H
#define MPG_RECORD_H

#include "sources/lookup.h"

#pragma GCC visibility push(hidden)

enum mpg_record_kind { MPG_HOST, MPG_SERVICE, MPG_PASSWD, MPG_GROUP, MPG_SHADOW, MPG_RECORD_KINDS };

struct mpg_answer;

/* One question. What lies behind the pointers is copied. */
struct mpg_question {
	enum mpg_record_kind kind;
	bool resolves;			/* name servers may be asked, and h_errno tells of it */
	const char *name, *second;
	const void *address;
	socklen_t len;
	long number;
	/* Makes the real call, with the record, the buffer and the result of `a`. */
	int (*ask)(struct mpg_answer *a);
	const char *call;
};

struct mpg_answer {
	struct mpg_lookup lookup;
	struct mpg_question question;
	union {
		struct hostent host;
		struct servent service;
		struct passwd passwd;
		struct group group;
		struct spwd shadow;
	} record;
	void *result;			/* &record, or NULL */
	char *buf;
	size_t size;
	int status, h_error;
};

/* For the two forms of each function; false: the caller makes the real call. */
bool mpg_record_get(const struct mpg_question *question, void **result);
bool mpg_record_get_r(const struct mpg_question *question, void *record, char *buf, size_t size,
		      void **result, int *h_error, int *status);

#pragma GCC visibility pop

#endif
