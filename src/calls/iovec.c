/* SPDX-License-Identifier: MIT */
#include "calls/iovec.h"

size_t mpg_iovec_length(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

void mpg_iovec_scatter(const struct iovec *iov, int n, const char *bytes, size_t len)
{
	for (int i = 0; i < n && len; i++) {
		size_t part = iov[i].iov_len < len ? iov[i].iov_len : len;

		memcpy(iov[i].iov_base, bytes, part);
		bytes += part;
		len -= part;
	}
}

size_t mpg_iovec_total(struct mpg_iovec *rest)
{
	if (!rest->len)
		rest->len = mpg_iovec_length(rest->iov, rest->n);
	return rest->len;
}

static bool copy(struct mpg_iovec *rest)
{
	size_t size = (size_t)rest->n * sizeof(*rest->iov);

	rest->copy = rest->n == 1 ? &rest->one : malloc(size);
	if (!rest->copy)
		return false;
	memcpy(rest->copy, rest->iov, size);
	rest->iov = rest->copy;
	return true;
}

bool mpg_iovec_advance(struct mpg_iovec *rest, ssize_t done)
{
	size_t left = (size_t)done;
	struct iovec *iov;

	if (done <= 0)
		return true;
	if (!rest->copy && !copy(rest))
		return false;
	iov = (struct iovec *)rest->iov;
	while (rest->n && left >= iov->iov_len) {
		left -= iov->iov_len;
		iov++;
		rest->n--;
	}
	if (rest->n) {
		iov->iov_base = (char *)iov->iov_base + left;
		iov->iov_len -= left;
	}
	rest->iov = iov;
	return true;
}

void mpg_iovec_end(const struct mpg_iovec *rest)
{
	if (rest->copy != &rest->one)
		free(rest->copy);
}
