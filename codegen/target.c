/* target.c: what each target has.  One row a target. */
#include "codegen/codegen.h"

#include <string.h>

static const TargetInfo targets[] = {
    {"generic", NULL, 1, 16, false},          /* plain C99, no vector types: any compiler, any machine */
    {"x86-64", "x86-64", 4, 16, false},       /* SSE2 */
    {"x86-64-v3", "x86-64-v3", 8, 16, true},  /* AVX2, FMA */
    {"x86-64-v4", "x86-64-v4", 16, 32, true}, /* AVX-512 */
};

/* The widest of the table that this CPU runs. */
static const char *native(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return "x86-64-v4";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
		return "x86-64-v3";
	return "x86-64";
#else
	return "generic";
#endif
}

const TargetInfo *target_find(Ctx *cx, const char *name)
{
	const char *want = !name || strcmp(name, "native") == 0 ? native() : name;
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		if (strcmp(targets[i].name, want) == 0)
			return &targets[i];
	fail(cx, "unknown target '%s'; known: generic, x86-64, x86-64-v3, x86-64-v4, native", name);
}

const TargetInfo *target_row(int i)
{
	return i >= 0 && (size_t)i < sizeof targets / sizeof *targets ? &targets[i] : NULL;
}

bool target_runs(Ctx *cx, const TargetInfo *t)
{
	return !t->march || t->lanes <= target_find(cx, native())->lanes;
}
