/* SPDX-License-Identifier: MIT */
/*
 * A process that does not have the library: waits for (`w`) or posts (`p`) a named semaphore, as
 * often as there are letters. Says "." on stdout before each.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	sem_t *sem = argc == 3 ? sem_open(argv[1], 0) : SEM_FAILED;

	if (sem == SEM_FAILED)
		return 2;
	for (const char *act = argv[2]; *act; act++)
		if (write(STDOUT_FILENO, ".", 1) != 1
		    || (*act == 'w' ? sem_wait(sem) : sem_post(sem)) < 0)
			return 1;
	return 0;
}
