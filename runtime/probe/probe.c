/* probe.c: loops that one core cannot run faster: reading memory, and multiply-adds.
 *
 * Compiled for the CPU that runs it, by whom it is asked: runtime/limits.c compiles this text like any generated C, bench/limits.c
 * includes it.  Who calls must not let the compiler see into the calls (another module, or noinline), and takes the time.
 */
#include <stddef.h>

#if defined(__AVX512F__)
enum { PROBE_LANES = 16 };
#elif defined(__AVX__)
enum { PROBE_LANES = 8 };
#else
enum { PROBE_LANES = 4 };
#endif
typedef float Probe __attribute__((vector_size(PROBE_LANES * 4), aligned(16), may_alias));

/* Reads n_bytes, a multiple of probe_block(): loads, and additions in chains that do not wait for each other. */
float probe_read(const float *data, size_t n_bytes);
size_t probe_block(void);
/* n times probe_chains() operations on floats, two for each multiply-add, all in registers. */
float probe_multiply_add(long n, float b, float c);
size_t probe_chains(void);

/* Eight chains of additions hide their latency, and fit into 16 registers. */
#define PROBE_8(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
/* Twelve of multiply-adds: two a cycle, 4 or 5 cycles each, and the operands fit too. */
#define PROBE_12(X) PROBE_8(X) X(8) X(9) X(10) X(11)
#define PROBE_ZERO(i) Probe s##i = {0};
#define PROBE_SUM(i) total += s##i;

static float probe_lanes(Probe total)
{
	float sum = 0;
	for (int l = 0; l < PROBE_LANES; l++) sum += total[l];
	return sum;
}

size_t probe_block(void) { return 8 * sizeof(Probe); }

float probe_read(const float *data, size_t n_bytes)
{
	const Probe *p = (const Probe *)(const void *)data, *end = p + n_bytes / sizeof(Probe);
	PROBE_8(PROBE_ZERO)
	for (; p < end; p += 8) {
#define PROBE_ADD(i) s##i += p[i];
		PROBE_8(PROBE_ADD)
	}
	Probe total = {0};
	PROBE_8(PROBE_SUM)
	return probe_lanes(total);
}

size_t probe_chains(void) { return 2 * 12 * PROBE_LANES; }

#if defined(__FMA__)
/* One instruction in both compilers; -ffp-contract is off in the one, on in the other. */
static inline Probe probe_fma(Probe a, Probe b, Probe c)
{
	for (int l = 0; l < PROBE_LANES; l++) a[l] = __builtin_fmaf(a[l], b[l], c[l]);
	return a;
}
#else
static inline Probe probe_fma(Probe a, Probe b, Probe c) { return a * b + c; }
#endif

float probe_multiply_add(long n, float b_all, float c_all)
{
	const Probe b = b_all - (Probe){0}, c = c_all - (Probe){0};
#define PROBE_START(i) Probe s##i = {(float)i}; /* none like another, or the compiler would keep one of them */
	PROBE_12(PROBE_START)
	for (long i = 0; i < n; i++) {
#define PROBE_STEP(k) s##k = probe_fma(s##k, b, c);
		PROBE_12(PROBE_STEP)
	}
	Probe total = {0};
	PROBE_12(PROBE_SUM)
	return probe_lanes(total);
}
