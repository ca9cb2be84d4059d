/* SPDX-License-Identifier: MIT */
/*
 * getservbyname(), getservbyport() and their _r forms.
 */
#include "calls/names.h"
#include "calls/record.h"
#include "os/linux/interpose.h"

static int ask_name(struct mpg_answer *a)
{
	return REAL(getservbyname_r)(a->question.name, a->question.second, &a->record.service,
				     a->buf, a->size, (struct servent **)&a->result);
}

static int ask_port(struct mpg_answer *a)
{
	return REAL(getservbyport_r)((int)a->question.number, a->question.second,
				     &a->record.service, a->buf, a->size,
				     (struct servent **)&a->result);
}

static struct mpg_question by_name(const char *name, const char *protocol, const char *call)
{
	return (struct mpg_question){
		.kind = MPG_SERVICE,
		.name = name,
		.second = protocol,
		.ask = ask_name,
		.call = call,
	};
}

static struct mpg_question by_port(int port, const char *protocol, const char *call)
{
	return (struct mpg_question){
		.kind = MPG_SERVICE,
		.number = port,
		.second = protocol,
		.ask = ask_port,
		.call = call,
	};
}

GREEN(struct servent *, getservbyname, const char *name, const char *protocol)
{
	struct mpg_question q = by_name(name, protocol, "getservbyname");
	void *result;

	return mpg_record_get(&q, &result) ? result : REAL(getservbyname)(name, protocol);
}

INTERPOSE(struct servent *, getservbyname, const char *name, const char *protocol)
{
	if (!mpg_names_may_wait())
		return REAL(getservbyname)(name, protocol);
	return green_getservbyname(name, protocol);
}

GREEN(struct servent *, getservbyport, int port, const char *protocol)
{
	struct mpg_question q = by_port(port, protocol, "getservbyport");
	void *result;

	return mpg_record_get(&q, &result) ? result : REAL(getservbyport)(port, protocol);
}

INTERPOSE(struct servent *, getservbyport, int port, const char *protocol)
{
	if (!mpg_names_may_wait())
		return REAL(getservbyport)(port, protocol);
	return green_getservbyport(port, protocol);
}

GREEN(int, getservbyname_r, const char *name, const char *protocol, struct servent *record,
      char *buf, size_t size, struct servent **result)
{
	struct mpg_question q = by_name(name, protocol, "getservbyname_r");
	int status;

	if (mpg_record_get_r(&q, record, buf, size, (void **)result, NULL, &status))
		return status;
	return REAL(getservbyname_r)(name, protocol, record, buf, size, result);
}

INTERPOSE(int, getservbyname_r, const char *name, const char *protocol, struct servent *record,
	  char *buf, size_t size, struct servent **result)
{
	if (!mpg_names_may_wait())
		return REAL(getservbyname_r)(name, protocol, record, buf, size, result);
	return green_getservbyname_r(name, protocol, record, buf, size, result);
}

GREEN(int, getservbyport_r, int port, const char *protocol, struct servent *record, char *buf,
      size_t size, struct servent **result)
{
	struct mpg_question q = by_port(port, protocol, "getservbyport_r");
	int status;

	if (mpg_record_get_r(&q, record, buf, size, (void **)result, NULL, &status))
		return status;
	return REAL(getservbyport_r)(port, protocol, record, buf, size, result);
}

INTERPOSE(int, getservbyport_r, int port, const char *protocol, struct servent *record, char *buf,
	  size_t size, struct servent **result)
{
	if (!mpg_names_may_wait())
		return REAL(getservbyport_r)(port, protocol, record, buf, size, result);
	return green_getservbyport_r(port, protocol, record, buf, size, result);
}
