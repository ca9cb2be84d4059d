/* SPDX-License-Identifier: MIT */
#include "registry/process.h"

pid_t mpg_process_owner;
unsigned mpg_process_forks;

void mpg_process_adopt(void)
{
	if (mpg_process_owner)
		mpg_process_forks++;
	mpg_process_owner = getpid();
}
