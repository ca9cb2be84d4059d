/* SPDX-License-Identifier: MIT */
#include "sources/serial.h"
#include "engine/doorbell.h"
#include "registry/lock.h"

/*
 * A thread that may not switch fibers blocks in the line. If it is its own fiber that would have to
 * go on, that one's turn is over after so long. A fiber that is parked waits as long as it takes.
 */
#define PATIENCE_NS (100 * MPG_MILLISECOND)

/* Guards the line, in which the turns of all functions stand as they came. */
static struct mpg_lock lock = MPG_LOCK_INITIALIZER;
static struct mpg_serial *line;

static struct mpg_serial *first_of(void (*function)(void))
{
	struct mpg_serial *turn = line;

	while (turn && turn->function != function)
		turn = turn->next;
	return turn;
}

static void join(struct mpg_serial *turn)
{
	struct mpg_serial **p = &line;

	mpg_lock(&lock);
	turn->granted = !first_of(turn->function);
	while (*p)
		p = &(*p)->next;
	*p = turn;
	turn->stands = true;
	mpg_unlock(&lock);
}

static void take_over(struct mpg_serial *turn)
{
	bool all_ended = true;

	mpg_lock(&lock);
	for (const struct mpg_serial *before = line; before != turn; before = before->next)
		all_ended = all_ended && (before->function != turn->function || before->ended);
	if (all_ended)
		turn->granted = true;
	mpg_unlock(&lock);
}

bool mpg_serial_enter(struct mpg_wait *w, struct mpg_serial *turn)
{
	join(turn);
	w->timeout_error = 0;
	w->always_restarts = true;
	while (!atomic_load(&turn->granted)) {
		w->deadline = mpg_clock_after(PATIENCE_NS);
		if (mpg_wait_on(w, turn->bell, POLLIN))
			continue;
		if (errno)
			return false;
		if (w->blocked)
			take_over(turn);
	}
	w->deadline = MPGREEN_FOREVER;
	w->attempt = 0;
	mpg_doorbell_silence(turn->bell);
	return true;
}

void mpg_serial_leave(struct mpg_serial *turn)
{
	struct mpg_serial **p = &line, *next;

	if (!turn->stands)
		return;
	mpg_lock(&lock);
	turn->stands = false;
	/* After a fork() it is not there. */
	while (*p && *p != turn)
		p = &(*p)->next;
	if (*p)
		*p = turn->next;
	next = first_of(turn->function);
	if (next && !next->granted) {
		/* In this order, so that whoever sees that it is granted can silence it. */
		mpg_doorbell_ring(next->bell);
		next->granted = true;
	}
	mpg_unlock(&lock);
}

void mpg_serial_before_fork(void)
{
	mpg_lock(&lock);
}

void mpg_serial_after_fork(void)
{
	mpg_unlock(&lock);
}

void mpg_serial_forked(void)
{
	line = NULL;
	mpg_unlock(&lock);
}
