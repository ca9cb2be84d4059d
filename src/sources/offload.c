/* SPDX-License-Identifier: MIT */
#include "sources/offload.h"

#if HAVE_FFI
#include "os/linux/loaded.h"
#include "sources/job.h"
#include "sources/serial.h"

/* A gap, so that the end of one copy is not the beginning of the next. */
#define ALIGNED(size) (((size) / 16 + 1) * 16)

struct copy {
	char *original, *copy;
	size_t size;
};

struct offload {
	struct mpg_job job;
	struct mpg_serial turn;
	struct mpg_signature *signature;
	void (*function)(void);
	void *library;			/* of the function, kept once nobody waits for it */
	int errno_before;
	union mpg_result result;
	void *values[MPG_PARAMETERS];
	union mpg_result arguments[MPG_PARAMETERS];
	struct copy copies[MPG_PARAMETERS];	/* of no size: it is no pointer to a copy */
	_Alignas(16) char memory[];
};

static void call(const struct mpg_signature *signature, void (*function)(void),
		 union mpg_result *result, void *const values[])
{
	ffi_call((ffi_cif *)&signature->cif, function, result, (void **)values);
}

static void run(struct mpg_job *job)
{
	struct offload *o = (struct offload *)job;

	errno = o->errno_before;
	call(o->signature, o->function, &o->result, o->values);
	mpg_job_finish(job, 0);
	mpg_serial_ended(&o->turn);
}

/* Whoever has loaded it waits for the call no more, and may think that it is over. */
static void left(struct mpg_job *job)
{
	struct offload *o = (struct offload *)job;

	o->library = mpg_loaded_open((const void *)o->function);
}

static void freed(struct mpg_job *job)
{
	struct offload *o = (struct offload *)job;

	if (o->library)
		dlclose(o->library);
	mpg_serial_leave(&o->turn);
	mpg_signature_put(o->signature);
}

/* The copies to be made, and the room they need. False: they make no sense. */
static bool measure(const struct mpg_signature *s, void *const values[], struct copy *copies,
		    size_t *room)
{
	*room = 0;
	for (unsigned i = 0; i < s->n; i++) {
		struct copy *c = &copies[i];

		if (s->parameters[i].memory == MPG_MEMORY_AS_IS)
			continue;
		memcpy(&c->original, values[i], sizeof(c->original));
		if (!c->original)
			continue;
		if (s->parameters[i].memory == MPG_MEMORY_STRING)
			c->size = strlen(c->original) + 1;
		else if (!mpg_signature_size(s, i, values, &c->size))
			return false;
		*room += ALIGNED(c->size);
	}
	return true;
}

static void copy_in(struct offload *o, void *const values[])
{
	const struct mpg_signature *s = o->signature;
	char *memory = o->memory;

	for (unsigned i = 0; i < s->n; i++) {
		struct copy *c = &o->copies[i];

		o->values[i] = &o->arguments[i];
		memcpy(&o->arguments[i], values[i], s->parameters[i].type->bytes);
		if (!c->original)
			continue;
		c->copy = memory;
		o->arguments[i].pointer = memory;
		if (s->parameters[i].memory != MPG_MEMORY_OUT)
			memcpy(memory, c->original, c->size);
		memory += ALIGNED(c->size);
	}
}

static void copy_out(const struct offload *o)
{
	const struct mpg_signature *s = o->signature;

	for (unsigned i = 0; i < s->n; i++)
		if (o->copies[i].original && s->parameters[i].memory >= MPG_MEMORY_OUT)
			memcpy(o->copies[i].original, o->copies[i].copy, o->copies[i].size);
}

/* What points into a copy, as strchr() does, is to point to the same place of the original. */
static void *translated(const struct offload *o, void *pointer)
{
	uintptr_t at = (uintptr_t)pointer;

	for (unsigned i = 0; i < o->signature->n; i++) {
		const struct copy *c = &o->copies[i];
		uintptr_t begin = (uintptr_t)c->copy;

		if (c->copy && at >= begin && at - begin <= c->size)
			return c->original + (at - begin);
	}
	return pointer;
}

static struct mpg_job *new_job(const struct mpg_signature *s, void (*function)(void),
			       void *const values[])
{
	struct copy copies[MPG_PARAMETERS] = { 0 };
	int saved_errno = errno;
	struct offload *o;
	size_t room;

	if (!measure(s, values, copies, &room))
		return NULL;
	o = (struct offload *)mpg_job_new(sizeof(*o) + room, run);
	errno = saved_errno;
	if (!o)
		return NULL;
	o->job.left = left;
	o->job.freed = freed;
	o->job.may_queue = !s->unbounded;
	o->job.uncancellable = true;
	o->job.wins_nothing = true;
	o->turn.function = function;
	o->turn.bell = o->job.bell;
	o->signature = mpg_signature_get(s);
	o->function = function;
	o->errno_before = errno;
	memcpy(o->copies, copies, sizeof(copies));
	copy_in(o, values);
	return &o->job;
}

static void fail(const struct mpg_signature *s, union mpg_result *result)
{
	unsigned unused = 64 - s->result->bytes * 8;
	uint64_t integer = (uint64_t)s->failure;

	switch (s->result->class) {
	case MPG_CLASS_VOID:
		return;
	case MPG_CLASS_POINTER:
		result->pointer = NULL;
		return;
	case MPG_CLASS_FLOAT:
		if (s->result->bytes == sizeof(float))
			result->real = __builtin_nanf("");
		else
			result->real_double = __builtin_nan("");
		return;
	case MPG_CLASS_UNSIGNED:
		integer = integer << unused >> unused;
		break;
	default:
		break;
	}
	result->integer = integer;
}

static void collect(const struct offload *o, union mpg_result *result)
{
	int saved_errno = errno;

	copy_out(o);
	*result = o->result;
	if (o->signature->result->class == MPG_CLASS_POINTER)
		result->pointer = translated(o, o->result.pointer);
	errno = saved_errno;
}

bool mpg_offload_call(const struct mpg_signature *signature, void (*function)(void),
		      union mpg_result *result, void *const values[], const char *name)
{
	struct mpg_wait w;
	int green = mpg_wait_begin_other_or_end(&w, name);
	MPG_JOB(job, green > 0 ? new_job(signature, function, values) : NULL);
	struct offload *o = (struct offload *)job;

	if (green < 0) {
		fail(signature, result);
		return false;
	}
	/* No copies to be had: blocking the thread is right, an error of ours would not be. */
	if (!job) {
		call(signature, function, result, values);
		return true;
	}
	if ((signature->serial && !mpg_serial_enter(&w, &o->turn)) || !mpg_job_run(&w, job)
	    || job->result < 0) {
		fail(signature, result);
		return false;
	}
	collect(o, result);
	mpg_serial_leave(&o->turn);
	return true;
}

/* An object of the type that the function returns. */
static void store(const struct mpg_type *type, const union mpg_result *from, void *result)
{
	uint8_t byte = (uint8_t)from->integer;
	uint16_t half = (uint16_t)from->integer;
	uint32_t word = (uint32_t)from->integer;
	bool is_integer = mpg_type_is_integer(type);

	if (is_integer && type->bytes == sizeof(byte))
		memcpy(result, &byte, sizeof(byte));
	else if (is_integer && type->bytes == sizeof(half))
		memcpy(result, &half, sizeof(half));
	else if (is_integer && type->bytes == sizeof(word))
		memcpy(result, &word, sizeof(word));
	else
		memcpy(result, from, type->bytes);
}

static int offload(const struct mpg_signature *s, void (*function)(void), void *result,
		   void *const arguments[])
{
	int saved_errno = errno, error;
	union mpg_result stored = { 0 };

	if (s->n && !arguments)
		return -EINVAL;
	if (!mpg_offload_call(s, function, &stored, arguments, "mpgreen_offload")) {
		error = errno;
		errno = saved_errno;
		return -error;
	}
	if (result)
		store(s->result, &stored, result);
	return 0;
}

static void drop(struct mpg_signature **signature)
{
	int saved_errno = errno;

	if (*signature)
		mpg_signature_put(*signature);
	errno = saved_errno;
}

int mpg_offload(const char *signature, void (*function)(void), void *result,
		void *const arguments[], unsigned flags)
{
	__attribute__((cleanup(drop))) struct mpg_signature *s = NULL;
	struct mpg_signature_error error;
	int saved_errno = errno;

	if (!signature || !function || flags)
		return -EINVAL;
	s = mpg_signature_new(signature, &error);
	errno = saved_errno;
	if (!s)
		return error.column ? -EINVAL : -ENOMEM;
	return offload(s, function, result, arguments);
}

#else

bool mpg_offload_call(const struct mpg_signature *signature, void (*function)(void),
		      union mpg_result *result, void *const values[], const char *call)
{
	(void)signature, (void)function, (void)result, (void)values, (void)call;
	errno = ENOSYS;
	return false;
}

int mpg_offload(const char *signature, void (*function)(void), void *result,
		void *const arguments[], unsigned flags)
{
	(void)signature, (void)function, (void)result, (void)arguments, (void)flags;
	return -ENOSYS;
}

#endif
