/* limits.c: what this CPU can do at most: bytes it reads a second, by how many they are; float operations a second.
 *
 *     limits CPU BYTES...
 *
 * Reading: one pass after the other over an array of BYTES, so that the caches decide, as they do for weights that every call
 * reads; the best pass of some 50 ms.  Operations: multiply-adds in registers.  The loops are those of `rnncc bench`, in a file of
 * their own, so that the compiler does not see that nobody wants their sums.  Prints one JSON object.
 *
 *     gcc -O2 -march=native bench/limits.c runtime/probe/probe.c
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

float probe_read(const float *data, size_t n_bytes);
size_t probe_block(void);
float probe_multiply_add(long n, float b, float c);
size_t probe_chains(void);

static const double SECONDS = 0.05;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double bytes_per_second(size_t n_bytes)
{
	n_bytes = n_bytes < probe_block() ? probe_block() : n_bytes / probe_block() * probe_block();
	float *data = aligned_alloc(4096, (n_bytes + 4095) / 4096 * 4096);
	if (!data) exit(1);
	memset(data, 0, n_bytes);
	const int n_passes = 1 + (int)(100000 / n_bytes); /* so that reading the clock costs nothing */
	double best = 0;
	for (double start = now(); now() - start < SECONDS;) {
		const double t = now();
		for (int i = 0; i < n_passes; i++) probe_read(data, n_bytes);
		const double rate = (double)n_bytes * n_passes / (now() - t);
		if (rate > best) best = rate;
	}
	free(data);
	return best;
}

static double operations_per_second(void)
{
	enum { N = 2000 };
	double best = 0;
	for (double start = now(); now() - start < SECONDS;) {
		const double t = now();
		probe_multiply_add(N, 1e-6f, 1e-6f);
		const double rate = (double)probe_chains() * N / (now() - t);
		if (rate > best) best = rate;
	}
	return best;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: limits CPU BYTES...\n");
		return 2;
	}
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof cpus, &cpus)) {
		perror("limits: cpu");
		return 1;
	}
	printf("{\"flops\": %.4g, \"read\": {", operations_per_second());
	for (int i = 2; i < argc; i++)
		printf("%s\"%s\": %.4g", i > 2 ? ", " : "", argv[i], bytes_per_second((size_t)atoll(argv[i])));
	printf("}}\n");
	return 0;
}
