/* SPDX-License-Identifier: MIT */
/*
 * gethostbyname(), gethostbyname2(), gethostbyaddr() and their _r forms.
 */
#include "calls/names.h"
#include "calls/record.h"
#include "os/linux/interpose.h"

static int ask_name(struct mpg_answer *a)
{
	return REAL(gethostbyname_r)(a->question.name, &a->record.host, a->buf, a->size,
				     (struct hostent **)&a->result, &a->h_error);
}

static int ask_name2(struct mpg_answer *a)
{
	return REAL(gethostbyname2_r)(a->question.name, (int)a->question.number, &a->record.host,
				      a->buf, a->size, (struct hostent **)&a->result, &a->h_error);
}

static int ask_address(struct mpg_answer *a)
{
	return REAL(gethostbyaddr_r)(a->question.address, a->question.len, (int)a->question.number,
				     &a->record.host, a->buf, a->size,
				     (struct hostent **)&a->result, &a->h_error);
}

static bool asks_somebody(const char *name)
{
	return mpg_names_may_wait() && !mpg_names_is_address(name);
}

/* Others are refused, at once. */
static bool is_address(socklen_t len, int family)
{
	return (family == AF_INET && len == sizeof(struct in_addr))
		|| (family == AF_INET6 && len == sizeof(struct in6_addr));
}

static struct mpg_question host(int (*ask)(struct mpg_answer *), const char *call)
{
	return (struct mpg_question){
		.kind = MPG_HOST, .resolves = true, .ask = ask, .call = call
	};
}

GREEN(struct hostent *, gethostbyname, const char *name)
{
	struct mpg_question q = host(ask_name, "gethostbyname");
	void *result;

	q.name = name;
	return mpg_record_get(&q, &result) ? result : REAL(gethostbyname)(name);
}

INTERPOSE(struct hostent *, gethostbyname, const char *name)
{
	if (!asks_somebody(name))
		return REAL(gethostbyname)(name);
	return green_gethostbyname(name);
}

GREEN(struct hostent *, gethostbyname2, const char *name, int family)
{
	struct mpg_question q = host(ask_name2, "gethostbyname2");
	void *result;

	q.name = name;
	q.number = family;
	return mpg_record_get(&q, &result) ? result : REAL(gethostbyname2)(name, family);
}

INTERPOSE(struct hostent *, gethostbyname2, const char *name, int family)
{
	if (!asks_somebody(name))
		return REAL(gethostbyname2)(name, family);
	return green_gethostbyname2(name, family);
}

GREEN(struct hostent *, gethostbyaddr, const void *address, socklen_t len, int family)
{
	struct mpg_question q = host(ask_address, "gethostbyaddr");
	void *result;

	q.address = address;
	q.len = len;
	q.number = family;
	return mpg_record_get(&q, &result) ? result : REAL(gethostbyaddr)(address, len, family);
}

INTERPOSE(struct hostent *, gethostbyaddr, const void *address, socklen_t len, int family)
{
	if (!mpg_names_may_wait() || !is_address(len, family))
		return REAL(gethostbyaddr)(address, len, family);
	return green_gethostbyaddr(address, len, family);
}

GREEN(int, gethostbyname_r, const char *name, struct hostent *record, char *buf, size_t size,
      struct hostent **result, int *h_error)
{
	struct mpg_question q = host(ask_name, "gethostbyname_r");
	int status;

	q.name = name;
	if (mpg_record_get_r(&q, record, buf, size, (void **)result, h_error, &status))
		return status;
	return REAL(gethostbyname_r)(name, record, buf, size, result, h_error);
}

INTERPOSE(int, gethostbyname_r, const char *name, struct hostent *record, char *buf, size_t size,
	  struct hostent **result, int *h_error)
{
	if (!asks_somebody(name))
		return REAL(gethostbyname_r)(name, record, buf, size, result, h_error);
	return green_gethostbyname_r(name, record, buf, size, result, h_error);
}

GREEN(int, gethostbyname2_r, const char *name, int family, struct hostent *record, char *buf,
      size_t size, struct hostent **result, int *h_error)
{
	struct mpg_question q = host(ask_name2, "gethostbyname2_r");
	int status;

	q.name = name;
	q.number = family;
	if (mpg_record_get_r(&q, record, buf, size, (void **)result, h_error, &status))
		return status;
	return REAL(gethostbyname2_r)(name, family, record, buf, size, result, h_error);
}

INTERPOSE(int, gethostbyname2_r, const char *name, int family, struct hostent *record, char *buf,
	  size_t size, struct hostent **result, int *h_error)
{
	if (!asks_somebody(name))
		return REAL(gethostbyname2_r)(name, family, record, buf, size, result, h_error);
	return green_gethostbyname2_r(name, family, record, buf, size, result, h_error);
}

GREEN(int, gethostbyaddr_r, const void *address, socklen_t len, int family, struct hostent *record,
      char *buf, size_t size, struct hostent **result, int *h_error)
{
	struct mpg_question q = host(ask_address, "gethostbyaddr_r");
	int status;

	q.address = address;
	q.len = len;
	q.number = family;
	if (mpg_record_get_r(&q, record, buf, size, (void **)result, h_error, &status))
		return status;
	return REAL(gethostbyaddr_r)(address, len, family, record, buf, size, result, h_error);
}

INTERPOSE(int, gethostbyaddr_r, const void *address, socklen_t len, int family,
	  struct hostent *record, char *buf, size_t size, struct hostent **result, int *h_error)
{
	if (!mpg_names_may_wait() || !is_address(len, family))
		return REAL(gethostbyaddr_r)(address, len, family, record, buf, size, result,
					     h_error);
	return green_gethostbyaddr_r(address, len, family, record, buf, size, result, h_error);
}
