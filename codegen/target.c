/* target.c: what each target has.  One row a target.
 *
 * The numbers are what the choice of schedules needs, no more exact than that: one row stands for all CPUs that run its code,
 * so they lie between those of current cores by Intel and AMD (measured: Zen 4, docs/performance.md; else by the makers'
 * optimisation manuals).  `rnncc targets` prints the table; `rnncc compile --tune` measures where a row is wrong for a machine.
 */
#include "codegen/codegen.h"

#include <string.h>

enum { KB = 1 << 10, MB = 1 << 20 };

/* What the two rows of AVX-512 share. */
#define AVX512                                                                                                    \
	.march = "x86-64-v4", .lanes = 16, .registers = 32, .spare_registers = 4, .fma = true, .fma_latency = 4,  \
	.fmas_per_cycle = 2, .narrow_sums = 16, .gather_loads = 8, .max_vectors = 4, .max_rows = 8,               \
	.l1_bytes = 32 * KB, .l2_bytes = 1 * MB, .l3_bytes = 4 * MB, .l1_rate = 57, .l2_rate = 32, .l3_rate = 27, \
	.memory_rate = 7, .barrier = 1000, .fork = 15000

static const TargetInfo targets[] = {
	/* plain C99, no vector types: any compiler, any machine */
	{.name = "generic",
		.lanes = 1,
		.registers = 16,
		.spare_registers = 4,
		.fma_latency = 8,
		.fmas_per_cycle = 1,
		.narrow_sums = 8,
		.gather_loads = 8,
		.max_vectors = 4,
		.max_rows = 8,
		.l1_bytes = 32 * KB,
		.l2_bytes = 256 * KB,
		.l3_bytes = 2 * MB,
		.l1_rate = 8,
		.l2_rate = 8,
		.l3_rate = 6,
		.memory_rate = 3,
		.barrier = 1000,
		.fork = 15000},
	/* SSE2: multiply, then add */
	{.name = "x86-64",
		.march = "x86-64",
		.lanes = 4,
		.registers = 16,
		.spare_registers = 4,
		.fma_latency = 8,
		.fmas_per_cycle = 1,
		.narrow_sums = 8,
		.gather_loads = 8,
		.max_vectors = 4,
		.max_rows = 8,
		.l1_bytes = 32 * KB,
		.l2_bytes = 256 * KB,
		.l3_bytes = 2 * MB,
		.l1_rate = 32,
		.l2_rate = 20,
		.l3_rate = 12,
		.memory_rate = 5,
		.barrier = 1000,
		.fork = 15000},
	/* AVX2, FMA */
	{.name = "x86-64-v3",
		.march = "x86-64-v3",
		.lanes = 8,
		.registers = 16,
		.spare_registers = 4,
		.fma = true,
		.fma_latency = 4,
		.fmas_per_cycle = 2,
		.narrow_sums = 8,
		.gather_loads = 8,
		.max_vectors = 4,
		.max_rows = 8,
		.l1_bytes = 32 * KB,
		.l2_bytes = 512 * KB,
		.l3_bytes = 4 * MB,
		.l1_rate = 56,
		.l2_rate = 30,
		.l3_rate = 20,
		.memory_rate = 6,
		.barrier = 1000,
		.fork = 15000},
	/* AVX-512 */
	{.name = "x86-64-v4", AVX512},
	/* and its instructions for bf16: the kernels that need them say so, -march= is that of all others */
	{.name = "x86-64-v4-bf16", .bf16_dot = true, AVX512},
};
enum { N_TARGETS = sizeof targets / sizeof *targets };

/* The widest of the table that this CPU runs. */
static const char *native(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512vl"))
		return __builtin_cpu_supports("avx512bf16") ? "x86-64-v4-bf16" : "x86-64-v4";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
		return "x86-64-v3";
	return "x86-64";
#else
	return "generic";
#endif
}

static const TargetInfo *row_called(const char *name)
{
	for (int i = 0; i < N_TARGETS; i++)
		if (strcmp(targets[i].name, name) == 0) return &targets[i];
	return NULL;
}

bool target_known(const char *name) { return strcmp(name, "native") == 0 || row_called(name); }

const TargetInfo *target_find(Ctx *cx, const char *name)
{
	const TargetInfo *row = row_called(!name || strcmp(name, "native") == 0 ? native() : name);
	if (row) return row;
	Buf known;
	buf_init(&known, cx->arena);
	for (int i = 0; i < N_TARGETS; i++) buf_printf(&known, "%s, ", targets[i].name);
	fail(cx, "unknown target '%s'; known: %snative", name, known.text);
}

const TargetInfo *target_row(int i) { return i >= 0 && i < N_TARGETS ? &targets[i] : NULL; }

bool target_runs(Ctx *cx, const TargetInfo *t)
{
	const TargetInfo *here = target_find(cx, native());
	return !t->march || (t->lanes <= here->lanes && t->bf16_dot <= here->bf16_dot);
}

const char *target_march(const char *name)
{
	const TargetInfo *row = row_called(name);
	return row ? row->march : name;
}
