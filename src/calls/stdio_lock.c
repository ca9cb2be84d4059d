/* SPDX-License-Identifier: MIT */
/* Streams that a fiber locks for itself: libc's lock would let the thread's other fibers in. */
#include "calls/stdio.h"
#include "engine/signals.h"
#include "os/linux/interpose.h"
#include "registry/process.h"

static bool has_fibers(void)
{
	return mpg_thread_is_green() && !mpg_thread.native_depth && !mpg_signals_inside()
		&& !mpg_process_is_foreign();
}

/* It cannot fail: one that is ended in its wait goes on as it would without the library. */
GREEN(void, flockfile, FILE *file)
{
	int saved_errno = errno;

	if (has_fibers())
		mpg_filelock_enter(file, "flockfile");
	errno = saved_errno;
	REAL(flockfile)(file);
}

INTERPOSE(void, flockfile, FILE *file)
{
	if (mpg_thread_is_green())
		green_flockfile(file);
	else
		REAL(flockfile)(file);
}

GREEN(int, ftrylockfile, FILE *file)
{
	int r;

	if (!has_fibers())
		return REAL(ftrylockfile)(file);
	if (!mpg_filelock_try(file))
		return EBUSY;
	r = REAL(ftrylockfile)(file);
	if (r)
		mpg_filelock_leave(file);
	return r;
}

INTERPOSE(int, ftrylockfile, FILE *file)
{
	return mpg_thread_is_green() ? green_ftrylockfile(file) : REAL(ftrylockfile)(file);
}

INTERPOSE(void, funlockfile, FILE *file)
{
	REAL(funlockfile)(file);
	if (mpg_filelock_held && has_fibers())
		mpg_filelock_leave(file);
}

ALIAS(_IO_flockfile, flockfile);
ALIAS(_IO_ftrylockfile, ftrylockfile);
ALIAS(_IO_funlockfile, funlockfile);
