/* SPDX-License-Identifier: MIT */
#include "sources/thread.h"

int mpg_thread_start(pthread_t *thread, size_t stack, void *(*body)(void *), void *argument)
{
	pthread_attr_t attributes;
	sigset_t all, mask;
	int error;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, stack);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	error = pthread_create(thread, &attributes, body, argument);
	/* Thread-local memory lies on the stack too: there may be more of it than we allow for. */
	if (error == EINVAL)
		error = pthread_create(thread, NULL, body, argument);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	pthread_attr_destroy(&attributes);
	return error;
}
