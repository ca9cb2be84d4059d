/* SPDX-License-Identifier: MIT */
/*
 * A name server for the case: a UDP socket on the loopback, at a port of its own, which the
 * resolver of the calling thread is told of through `_res`. It answers when it is told to.
 */
#ifndef TESTS_NAMESERVER_H
#define TESTS_NAMESERVER_H

#include <netinet/in.h>
#include <stddef.h>

/* Hosts are looked up there from now on, and nowhere else. */
void name_server_start(void);

/* The address of every name: but "nowhere…" does not exist, and "empty…" has no address. */
#define SERVER_ADDRESS "192.0.2.1"

/* The name of every address. */
#define SERVER_NAME "late.test"

/* One question that has come. */
struct name_question {
	unsigned char packet[512];
	size_t len;
	char name[256];
	int type;
	int additional;		/* records that come with it: one for EDNS */
	struct sockaddr_in from;
};

/* Waits for the next question; answers one. */
void name_server_take(struct name_question *question);
void name_server_answer(const struct name_question *question);

/* Both, for other_side(); the name that was asked for. */
void answer_a_question(void);
extern struct name_question asked;

/* How many questions have come. */
extern _Atomic unsigned questions;

#endif
