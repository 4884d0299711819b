/* cold.c: how long a program takes from its start to its end, and how much memory: the best of N starts of each, in turns.
 *
 *     cold N PROGRAM ARGUMENT PROGRAM ARGUMENT...        each program gets one argument; their output is thrown away
 *
 * A program of its own because a process is charged with the memory of the one that started it, until it is another program:
 * this one is small.  Prints a JSON list of {"ms", "peak_bytes"}.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PROGRAMS = 16 };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double start(const char *program, const char *argument, long *peak_bytes)
{
	const double begin = now();
	const pid_t child = vfork();
	if (child == 0) {
		const int nothing = open("/dev/null", O_WRONLY);
		dup2(nothing, STDOUT_FILENO);
		execl(program, program, argument, (char *)NULL);
		_exit(127);
	}
	int status;
	struct rusage used;
	if (child < 0 || wait4(child, &status, 0, &used) < 0 || status) {
		fprintf(stderr, "cold: %s %s: failed\n", program, argument);
		exit(1);
	}
	*peak_bytes = used.ru_maxrss * 1024;
	return now() - begin;
}

int main(int argc, char **argv)
{
	const int n_programs = (argc - 2) / 2;
	if (argc < 4 || argc % 2 || n_programs > MAX_PROGRAMS) {
		fprintf(stderr, "usage: cold N PROGRAM ARGUMENT...\n");
		return 2;
	}
	double best[MAX_PROGRAMS] = {0};
	long peak[MAX_PROGRAMS] = {0};
	for (int i = 0; i < atoi(argv[1]); i++)
		for (int k = 0; k < n_programs; k++) {
			const double seconds = start(argv[2 + 2 * k], argv[3 + 2 * k], &peak[k]);
			if (i == 0 || seconds < best[k]) best[k] = seconds;
		}
	printf("[");
	for (int k = 0; k < n_programs; k++)
		printf("%s{\"ms\": %.3f, \"peak_bytes\": %ld}", k ? ", " : "", 1e3 * best[k], peak[k]);
	printf("]\n");
	return 0;
}
