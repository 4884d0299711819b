/* limits.c: what this CPU can do at most: bytes it reads a second, by how many they are; float operations a second.
 *
 *     limits CPU BYTES...
 *
 * Reading: one pass after the other over an array of BYTES, 64 bytes at a time, nothing but loads and additions that do not
 * wait for each other; the best pass of some 50 ms.  So the caches decide, as they do for weights that every call reads.
 * Operations: multiply-adds in registers, enough chains to hide their latency.  Prints one JSON object.
 *
 * Compile with -O2 -march=native -ffp-contract=fast: a * b + c must be one instruction here.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float Vec __attribute__((vector_size(LANES * 4), aligned(16)));
static const double SECONDS = 0.05;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Eight chains of additions suffice, and fit into 16 registers. */
#define TIMES8(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
/* Twelve of multiply-adds: 2 a cycle, 4 or 5 cycles each, and the operands fit too. */
#define TIMES12(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

/* The compiler must have the value there, and cannot know what becomes of it. */
#if defined(__AVX512F__)
#define REG(x) "+v"(x)
#elif defined(__x86_64__)
#define REG(x) "+x"(x)
#else
#define REG(x) "+w"(x)
#endif
#define KEEP(k) __asm__ volatile("" : REG(s##k));

static void read_all(const float *data, size_t n_bytes)
{
	const Vec *p = (const Vec *)(const void *)data, *end = p + n_bytes / sizeof(Vec) / 8 * 8;
#define DECLARE(i) Vec s##i = {0};
	TIMES8(DECLARE)
	for (; p < end; p += 8) {
#define ADD(i) s##i += p[i];
		TIMES8(ADD)
	}
	TIMES8(KEEP)
}

static double bytes_per_second(size_t n_bytes)
{
	n_bytes = n_bytes < 8 * sizeof(Vec) ? 8 * sizeof(Vec) : n_bytes / (8 * sizeof(Vec)) * (8 * sizeof(Vec));
	float *data = aligned_alloc(4096, (n_bytes + 4095) / 4096 * 4096);
	if (!data) exit(1);
	memset(data, 0, n_bytes);
	const int n_passes =
		n_bytes >= 100000 ? 1 : (int)(100000 / n_bytes) + 1; /* so that reading the clock costs nothing */
	double best = 0;
	for (double start = now(); now() - start < SECONDS;) {
		const double t = now();
		for (int i = 0; i < n_passes; i++) {
			read_all(data, n_bytes);
			__asm__ volatile("" ::: "memory");
		}
		const double rate = (double)n_bytes * n_passes / (now() - t);
		if (rate > best) best = rate;
	}
	free(data);
	return best;
}

static double operations_per_second(void)
{
	enum { N = 20000, CHAINS = 12 };
	double best = 0;
	volatile float seed = 1e-6f;
	const Vec b = seed - (Vec){0}, c = b;
	for (double start = now(); now() - start < SECONDS;) {
		TIMES12(DECLARE)
		const double t = now();
		for (int i = 0; i < N; i++) {
#define FMA(k)               \
	s##k = s##k * b + c; \
	KEEP(k)
			TIMES12(FMA)
		}
		const double rate = 2.0 * LANES * N * CHAINS / (now() - t);
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
