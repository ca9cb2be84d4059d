/* SPDX-License-Identifier: MIT */
/*
 * Futexes by io_uring: one ring per thread, made when first needed. The first waiter of a thread,
 * its leader, parks on the ring's fd; the others, its followers, on a bell each. Whoever takes
 * completions off the ring rings for those whose they are, and a leader that leaves rings for
 * another, who becomes the leader. While there is a leader only it takes completions: it sleeps
 * until the ring has one.
 */
#include "engine/doorbell.h"
#include "os/linux/futexring.h"
#include "real.h"
#include "sources/bells.h"
#include "sources/futex_ways.h"

struct node {
	struct node *next, *previous;	/* among the followers; `next` among the idle, too */
	int bell;			/* -1: does not follow */
	bool woken;			/* the kernel is through with it */
	bool rung;
	bool left;			/* nobody waits for it any more */
};

struct crew {
	struct mpg_ring ring;
	struct node *leader, *idle;
	struct node followers;		/* the head of their list */
};

static __thread struct crew *own;
static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What has not come back is leaked: fibers that never go on may hold it. */
static void drop(struct crew *crew)
{
	struct node *node;

	mpg_futexring_close(&crew->ring);
	while ((node = crew->idle)) {
		crew->idle = node->next;
		free(node);
	}
	free(crew);
}

static void thread_ends(void *crew)
{
	own = NULL;
	drop(crew);
}

static void prepare(void)
{
	pthread_key_create(&ending, thread_ends);
}

static struct crew *crew_of_this_thread(void)
{
	struct crew *crew = own;

	if (crew)
		return crew;
	crew = calloc(1, sizeof(*crew));
	if (!crew)
		return NULL;
	if (!mpg_futexring_open(&crew->ring)) {
		free(crew);
		return NULL;
	}
	crew->followers.next = crew->followers.previous = &crew->followers;
	REAL(pthread_once)(&once, prepare);
	pthread_setspecific(ending, crew);
	return own = crew;
}

static struct node *take_node(struct crew *crew)
{
	struct node *node = crew->idle;

	if (node)
		crew->idle = node->next;
	else
		node = malloc(sizeof(*node));
	if (node)
		*node = (struct node){ .bell = -1 };
	return node;
}

static void put_node(struct crew *crew, struct node *node)
{
	node->next = crew->idle;
	crew->idle = node;
}

static void ring(struct node *node)
{
	node->rung = true;
	mpg_doorbell_ring(node->bell);
}

static void reap(struct crew *crew)
{
	struct node *node;

	while ((node = mpg_futexring_reap(&crew->ring))) {
		node->woken = true;
		if (node->left)
			put_node(crew, node);
		else if (node->bell >= 0 && !node->rung)
			ring(node);
	}
}

/* Followers without a leader would sleep for ever. One that is through is about to leave. */
static void promote(struct crew *crew)
{
	struct node *next = crew->followers.next;

	while (next != &crew->followers && next->woken)
		next = next->next;
	if (!crew->leader && next != &crew->followers && !next->rung)
		ring(next);
}

static bool lead(struct mpg_wait *w, struct crew *crew, struct node *node)
{
	bool again;

	crew->leader = node;
	again = mpg_wait_on(w, crew->ring.fd, POLLIN);
	if (mpg_wait_was_forked(w))
		return false;
	crew->leader = NULL;
	reap(crew);
	if (node->woken || !again)
		promote(crew);
	return again;
}

static void stop_following(struct node *node)
{
	if (node->bell < 0)
		return;
	node->next->previous = node->previous;
	node->previous->next = node->next;
	if (node->rung)
		mpg_doorbell_silence(node->bell);
	mpg_bells_give(node->bell);
	node->bell = -1;
	node->rung = false;
}

static void start_following(struct crew *crew, struct node *node, int bell)
{
	node->bell = bell;
	node->next = &crew->followers;
	node->previous = crew->followers.previous;
	node->previous->next = node;
	crew->followers.previous = node;
}

/*
 * Whoever leaves may have taken completions off the ring that others sleep for: it sees to it that
 * somebody leads, and that the leader looks if its own was among them.
 */
static void leave(struct crew *crew)
{
	promote(crew);
	if (crew->leader && crew->leader->woken)
		mpg_futexring_kick(&crew->ring);
}

/*
 * Where no fiber can be switched to, the leader cannot be either: then the thread is blocked by a
 * poll of the ring itself.
 */
static bool follow(struct mpg_wait *w, struct crew *crew, struct node *node)
{
	int bell = mpg_bells_take();
	bool again;

	if (bell < 0)
		return mpg_futex_nap(w);
	start_following(crew, node, bell);
	w->native_fd = crew->ring.fd;
	again = mpg_wait_on(w, bell, POLLIN);
	w->native_fd = -1;
	if (mpg_wait_was_forked(w))
		return false;
	if (!node->rung)
		reap(crew);
	stop_following(node);
	if (!again)
		leave(crew);
	return again;
}

static struct node *begin(struct crew *crew, const struct mpg_futex *f)
{
	struct node *node = crew ? take_node(crew) : NULL;

	if (!node)
		return NULL;
	if (mpg_futexring_wait(&crew->ring, f->word, f->expected, f->shared, node)) {
		if (!crew->leader)
			reap(crew);
		return node;
	}
	put_node(crew, node);
	return NULL;
}

enum mpg_futex_answer mpg_futex_uring_wait(struct mpg_wait *w, struct mpg_futex *f)
{
	struct crew *crew = crew_of_this_thread();
	struct node *node = f->held;

	if (!node)
		f->held = node = begin(crew, f);
	if (!node)
		return MPG_FUTEX_CANNOT;
	while (!node->woken) {
		bool led = !crew->leader;

		w->attempt = 0;
		if (!(led ? lead(w, crew, node) : follow(w, crew, node)))
			return MPG_FUTEX_ENDED;
		/* What woke the leader, which cannot run while the thread is blocked, is there. */
		if (!led && crew->leader && crew->leader->woken)
			return MPG_FUTEX_AGAIN;
	}
	leave(crew);
	put_node(crew, node);
	f->held = NULL;
	return MPG_FUTEX_AGAIN;
}

void mpg_futex_uring_end(struct mpg_futex *f)
{
	struct crew *crew = own;
	struct node *node = f->held;

	/* The thread is ending, and its ring has gone before its fibers. */
	if (!crew)
		return;
	stop_following(node);
	if (crew->leader == node)
		crew->leader = NULL;
	if (node->woken) {
		put_node(crew, node);
	} else {
		node->left = true;
		mpg_futexring_cancel(&crew->ring, node);
		if (!crew->leader)
			reap(crew);
	}
	leave(crew);
}

bool mpg_futex_uring_works(void)
{
	return mpg_futexring_works();
}

/* Fibers that go on in the child still point to what they held: it is leaked. */
void mpg_futex_uring_forked(void)
{
	if (!own)
		return;
	mpg_futexring_close(&own->ring);
	pthread_setspecific(ending, NULL);
	own = NULL;
}
