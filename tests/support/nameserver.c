/* SPDX-License-Identifier: MIT */
/* The name server: just as much of RFC 1035 as the resolver looks at. */
#include "nameserver.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <check.h>
#include <netdb.h>
#include <nss.h>
#include <resolv.h>
#include <string.h>
#include <sys/socket.h>

struct name_question asked;
_Atomic unsigned questions;

static int server = -1;

void name_server_start(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(server, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(getsockname(server, (struct sockaddr *)&addr, &len), 0);
	ck_assert_int_eq(__nss_configure_lookup("hosts", "dns"), 0);
	ck_assert_int_eq(res_init(), 0);
	_res.nscount = 1;
	_res.nsaddr_list[0] = addr;
	_res.retrans = 60;
	_res.dnsrch[0] = NULL;
}

void name_server_take(struct name_question *question)
{
	socklen_t len = sizeof(question->from);
	ssize_t n = recvfrom(server, question->packet, sizeof(question->packet), 0,
			     (struct sockaddr *)&question->from, &len);
	const unsigned char *at = question->packet + NS_HFIXEDSZ;
	int name_len;

	ck_assert_int_gt(n, NS_HFIXEDSZ);
	name_len = dn_expand(question->packet, question->packet + n, at, question->name,
			     sizeof(question->name));
	ck_assert_int_gt(name_len, 0);
	question->type = at[name_len] << 8 | at[name_len + 1];
	question->len = NS_HFIXEDSZ + (size_t)name_len + NS_QFIXEDSZ;
	question->additional = question->packet[11];
	questions++;
}

struct reply {
	unsigned char packet[512];
	size_t len;
};

static void add(struct reply *reply, const void *bytes, size_t len)
{
	memcpy(reply->packet + reply->len, bytes, len);
	reply->len += len;
}

static void add_number(struct reply *reply, unsigned number)
{
	unsigned char bytes[] = { number >> 8 & 0xff, number & 0xff };

	add(reply, bytes, sizeof(bytes));
}

/* Of the name in the question, in the Internet class, valid for a minute. */
static void add_record(struct reply *reply, int type, const void *data, size_t len)
{
	add_number(reply, 0xc000 | NS_HFIXEDSZ);
	add_number(reply, (unsigned)type);
	add_number(reply, ns_c_in);
	add_number(reply, 0);
	add_number(reply, 60);
	add_number(reply, (unsigned)len);
	add(reply, data, len);
	reply->packet[7]++;
}

static void add_name_record(struct reply *reply, int type)
{
	static const char name[] = "\4late\4test";

	add_record(reply, type, name, sizeof(name));
}

static void add_records(struct reply *reply, const struct name_question *question)
{
	struct in_addr address;
	struct in6_addr address6;

	inet_pton(AF_INET, SERVER_ADDRESS, &address);
	inet_pton(AF_INET6, "2001:db8::1", &address6);
	switch (question->type) {
	case ns_t_a:
		add_record(reply, ns_t_a, &address, sizeof(address));
		break;
	case ns_t_aaaa:
		add_record(reply, ns_t_aaaa, &address6, sizeof(address6));
		break;
	case ns_t_ptr:
		add_name_record(reply, ns_t_ptr);
		break;
	default:
		add_record(reply, question->type, "\4text", 5);
	}
}

void name_server_answer(const struct name_question *question)
{
	struct reply reply = { .len = question->len };

	memcpy(reply.packet, question->packet, question->len);
	reply.packet[2] |= 0x80;	/* an answer, */
	reply.packet[3] = 0x80;		/* from one who can ask others */
	memset(reply.packet + 6, 0, 6);
	if (strncmp(question->name, "nowhere", 7) == 0)
		reply.packet[3] |= ns_r_nxdomain;
	else if (strncmp(question->name, "empty", 5) != 0)
		add_records(&reply, question);
	ck_assert_int_eq(sendto(server, reply.packet, reply.len, 0,
				(const struct sockaddr *)&question->from, sizeof(question->from)),
			 (ssize_t)reply.len);
}

void answer_a_question(void)
{
	name_server_take(&asked);
	name_server_answer(&asked);
}
