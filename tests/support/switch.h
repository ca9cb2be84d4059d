/* SPDX-License-Identifier: MIT */
/*
 * What valgrind and the sanitizers must be told when a thread changes stacks, and what they cannot
 * run. Nothing at all without them.
 */
#ifndef TESTS_SWITCH_H
#define TESTS_SWITCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_STACK_REGISTER(start, end) 0u
#define VALGRIND_STACK_DEREGISTER(id) (void)(id)
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

/* ThreadSanitizer makes vfork() a fork(), and its own of the signal handlers. */
#if defined(__SANITIZE_THREAD__)
enum { VFORK_IS_FORK = 1, HANDLERS_ARE_WRAPPED = 1 };
#else
enum { VFORK_IS_FORK = 0, HANDLERS_ARE_WRAPPED = 0 };
#endif

/* Under valgrind, which knows no newer calls and reports each wrong pointer, though on purpose. */
static inline bool is_emulated(void)
{
	return RUNNING_ON_VALGRIND;
}

struct switch_notes {
	void *stack;
	size_t size;
	unsigned id;
	void *shadow;	/* what the sanitizer keeps for this fiber */
};

static inline void switch_first(struct switch_notes *notes)
{
#if defined(__SANITIZE_THREAD__)
	notes->shadow = __tsan_get_current_fiber();
#endif
	pthread_attr_t attr;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &notes->stack, &notes->size);
	pthread_attr_destroy(&attr);
}

static inline void switch_new(struct switch_notes *notes, void *stack, size_t size)
{
	notes->stack = stack;
	notes->size = size;
	notes->id = VALGRIND_STACK_REGISTER(stack, (char *)stack + size);
#if defined(__SANITIZE_THREAD__)
	notes->shadow = __tsan_create_fiber(0);
#endif
}

static inline void switch_leave(struct switch_notes *from, struct switch_notes *to, bool for_ever)
{
	(void)from, (void)to, (void)for_ever;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(for_ever ? NULL : &from->shadow, to->stack, to->size);
#elif defined(__SANITIZE_THREAD__)
	__tsan_switch_to_fiber(to->shadow, 0);
#endif
}

static inline void switch_arrive(struct switch_notes *self)
{
	(void)self;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(self->shadow, NULL, NULL);
#endif
}

static inline void switch_gone(struct switch_notes *notes)
{
	VALGRIND_STACK_DEREGISTER(notes->id);
#if defined(__SANITIZE_THREAD__)
	__tsan_destroy_fiber(notes->shadow);
#endif
}

#endif
