/* orders.c: how fast one core reads an array again and again, by the order in which it does.
 *
 *     orders CPU SECONDS MEGABYTES...
 *
 * A step at batch 1 is hardly more than reading its weights.  Weights that the second cache does not hold come from the third, in
 * any order that leaves nothing of them in the second; so the orders here are what generated C could have, without the
 * multiplications: what none of them gains, no schedule can.  Takes turns between orders and sizes, the best of all; prints GB/s.
 *
 *     gcc -O2 -march=native bench/orders.c -o orders && ./orders 0 30 0.5 1 1.44 2 2.56 4
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef float Line __attribute__((vector_size(64), may_alias));
typedef void Order(const Line *data, size_t n, int call);

enum { BLOCK = 8, PAGE = 64 }; /* lines in a loop's body, in a page of 4 kB */
enum { HUGE_PAGE = 2 << 20, MOST_SIZES = 16 };
static volatile float sink;

/* Eight chains of additions hide their latency. */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define BEGIN EACH(ZERO)
#define ZERO(i) Line s##i = {0};
#define READ(p)                         \
	do {                            \
		const Line *from = (p); \
		EACH(ADD)               \
	} while (0)
#define ADD(i) s##i += from[i];
#define END sink = (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7)[0]
/* __builtin_prefetch: into the first cache, into the second, not to stay */
enum { FIRST = 3, SECOND = 2, PASSING = 0 };
#define PREFETCH(p, where) EACH_LINE(p, where, 0) EACH_LINE(p, where, 4)
#define EACH_LINE(p, where, i)                       \
	__builtin_prefetch((p) + (i), 0, where);     \
	__builtin_prefetch((p) + (i) + 1, 0, where); \
	__builtin_prefetch((p) + (i) + 2, 0, where); \
	__builtin_prefetch((p) + (i) + 3, 0, where);

static __attribute__((noinline)) void read_forwards(const Line *d, size_t n)
{
	BEGIN
	for (size_t i = 0; i < n; i += BLOCK) READ(d + i);
	END;
}

static __attribute__((noinline)) void read_backwards(const Line *d, size_t n)
{
	BEGIN
	for (size_t i = n; i; i -= BLOCK) READ(d + i - BLOCK);
	END;
}

static void read_turning(const Line *d, size_t n, int call) { (call % 2 ? read_backwards : read_forwards)(d, n); }

static void forwards(const Line *d, size_t n, int call)
{
	(void)call;
	read_forwards(d, n);
}

static void backwards(const Line *d, size_t n, int call)
{
	(void)call;
	read_backwards(d, n);
}

/* The shares of DTLN 1's two recurrent layers and its dense one; each begins when the one before is done. */
static size_t first_layer(size_t n) { return n * 546 / 1000 / PAGE * PAGE; }
static size_t second_layer(size_t n) { return n * 363 / 1000 / PAGE * PAGE; }

static void layers_turn(const Line *d, size_t n, int call)
{
	const size_t a = first_layer(n), b = second_layer(n);
	read_turning(d, a, call);
	read_turning(d + a, b, call);
	read_turning(d + a + b, n - a - b, call);
}

/* The second layer's product with its own state waits for nothing: its half is read with the first layer. */
static void free_ones_turn(const Line *d, size_t n, int call)
{
	const size_t a = first_layer(n) + second_layer(n) / 2 / PAGE * PAGE;
	read_turning(d, a, call);
	read_forwards(d + a, n - a);
}

static __attribute__((noinline)) void four_streams(const Line *d, size_t n, int call)
{
	(void)call;
	const size_t part = n / 4 / BLOCK * BLOCK;
	BEGIN
	for (size_t i = 0; i < part; i += BLOCK) {
		READ(d + i);
		READ(d + part + i);
		READ(d + 2 * part + i);
		READ(d + 3 * part + i);
	}
	for (size_t i = 4 * part; i < n; i += BLOCK) READ(d + i);
	END;
}

#define AHEAD(name, lines, where)                                                     \
	static __attribute__((noinline)) void name(const Line *d, size_t n, int call) \
	{                                                                             \
		(void)call;                                                           \
		BEGIN                                                                 \
		for (size_t i = 0; i < n; i += BLOCK) {                               \
			PREFETCH(d + i + (lines), where)                              \
			READ(d + i);                                                  \
		}                                                                     \
		END;                                                                  \
	}
AHEAD(ahead_first, 16, FIRST)
AHEAD(ahead_second, 64, SECOND)
AHEAD(ahead_passing, 32, PASSING)

static __attribute__((noinline)) void page_borders(const Line *d, size_t n, int call)
{
	(void)call;
	BEGIN
	for (size_t i = 0; i < n; i += PAGE) {
		EACH_LINE(d + i + PAGE, FIRST, 0)
		for (size_t k = 0; k < PAGE; k += BLOCK) READ(d + i + k);
	}
	END;
}

static void half_stays(const Line *d, size_t n, int call)
{
	const size_t half = n / 2 / PAGE * PAGE;
	read_forwards(d, half);
	ahead_passing(d + half, n - half, call);
}

static const struct {
	const char *what;
	Order *order;
} orders[] = {
	{"from first to last", forwards},
	{"from last to first", backwards},
	{"to and fro", read_turning},
	{"each of three layers to and fro", layers_turn},
	{"what waits for no layer to and fro", free_ones_turn},
	{"four parts at once", four_streams},
	{"each line prefetched, 1 kB ahead", ahead_first},
	{"the same 4 kB ahead, into L2", ahead_second},
	{"a page's first 4 lines prefetched", page_borders},
	{"half by non-temporal prefetch", half_stays},
};
enum { N_ORDERS = sizeof orders / sizeof *orders };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The best of some samples of a few calls each, the first of which finds what other orders have left in the caches. */
static double seconds_a_call(Order *order, const Line *data, size_t n)
{
	enum { SAMPLES = 7, CALLS = 4 };
	double best = 1;
	for (int s = 0; s < SAMPLES; s++) {
		const double start = now();
		for (int c = 0; c < CALLS; c++) order(data, n, c);
		const double took = (now() - start) / CALLS;
		if (s && took < best) best = took;
	}
	return best;
}

/* Zeros, in pages of one size or the other; and a page behind them, which prefetches may touch. */
static const Line *memory(size_t n_bytes, int advice)
{
	char *p = mmap(NULL, n_bytes + 2 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		perror("orders");
		exit(1);
	}
	p += HUGE_PAGE - (size_t)p % HUGE_PAGE;
	madvise(p, n_bytes + 4096, advice);
	memset(p, 0, n_bytes + 4096);
	return (const Line *)(const void *)p;
}

int main(int argc, char **argv)
{
	const int n_sizes = argc - 3;
	if (n_sizes < 1 || n_sizes > MOST_SIZES) {
		fprintf(stderr, "usage: orders CPU SECONDS MEGABYTES...\n");
		return 2;
	}
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof cpus, &cpus)) {
		perror("orders: cpu");
		return 1;
	}
	static double best[2 * N_ORDERS][MOST_SIZES];
	static const Line *data[2][MOST_SIZES];
	size_t n[MOST_SIZES];
	for (int k = 0; k < n_sizes; k++) {
		n[k] = (size_t)(atof(argv[3 + k]) * 1e6) / 4096 * PAGE;
		data[0][k] = memory(n[k] * sizeof(Line), MADV_NOHUGEPAGE);
		data[1][k] = memory(n[k] * sizeof(Line), MADV_HUGEPAGE);
	}
	const double end = now() + atof(argv[2]);
	do {
		for (int i = 0; i < 2 * N_ORDERS; i++)
			for (int k = 0; k < n_sizes; k++) {
				const double took = seconds_a_call(orders[i / 2].order, data[i % 2][k], n[k]);
				const double rate = 1e-9 * (double)(n[k] * sizeof(Line)) / took;
				if (rate > best[i][k]) best[i][k] = rate;
			}
	} while (now() < end);
	printf("%-36s", "GB/s, of MB:");
	for (int k = 0; k < n_sizes; k++) printf(" %6s", argv[3 + k]);
	for (int i = 0; i < 2 * N_ORDERS; i++) {
		printf("\n%-36s", i % 2 ? "    pages of 2 MB" : orders[i / 2].what);
		for (int k = 0; k < n_sizes; k++) printf(" %6.1f", best[i][k]);
	}
	putchar('\n');
	return 0;
}
