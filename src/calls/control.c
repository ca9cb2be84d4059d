/* SPDX-License-Identifier: MIT */
#include "calls/control.h"
#include "engine/wait.h"

void mpg_control_arrived(struct msghdr *message)
{
	if (!message->msg_controllen)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t fds;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < fds; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			mpg_wait_born(fd);
		}
	}
}

int mpg_control_arrived_in(struct mmsghdr *messages, int n)
{
	for (int i = 0; i < n; i++)
		mpg_control_arrived(&messages[i].msg_hdr);
	return n;
}
