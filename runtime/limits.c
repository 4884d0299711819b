/* limits.c: the best of some 30 ms of each loop: what disturbs it can only make it slower. */
#include "runtime/limits.h"
#include "ir/embed.h"
#include "runtime/module.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double SECONDS = 0.03;
static const double SAMPLE_BYTES = 1e5; /* a sample reads as many, some microseconds: then the clock costs nothing */
enum { SAMPLE_LOOPS = 2000, LEAST_BYTES = 4096 };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void get(Ctx *cx, Module *m, const char *name, void *function)
{
	void *address = module_symbol(m, name);
	if (!address) fail(cx, "limits: no function %s", name);
	memcpy(function, &address, sizeof address); /* ISO C has no cast from objects to functions */
}

static void free_module(void *module) { module_free(module); }

Limits *limits_open(Ctx *cx)
{
	Limits *l = NEW(cx->arena, Limits);
	*l = (Limits){.cx = cx};
	const ModuleFile file = {"probe.c", embedded_probe[0].text};
	const ModuleOptions options = {
		.kind = module_default_kind(),
#if defined(__x86_64__)
		.march = "native",
#endif
	};
	char *error;
	Module *m = module_load(&file, 1, &options, &error);
	if (!m) {
		const char *message = arena_printf(cx->arena, "%s", error);
		free(error);
		fail(cx, "%s", message);
	}
	arena_defer(cx->arena, free_module, m);
	size_t (*block)(void), (*chains)(void);
	get(cx, m, "probe_block", &block);
	get(cx, m, "probe_chains", &chains);
	get(cx, m, "probe_read", &l->read);
	get(cx, m, "probe_multiply_add", &l->multiply_add);
	l->block = block();
	l->chains = chains();
	return l;
}

double limits_flops(Limits *l)
{
	if (l->flops_per_second > 0) return l->flops_per_second;
	for (double start = now(), t = start; t - start < SECONDS;) {
		l->multiply_add(SAMPLE_LOOPS, 1e-6f, 1e-6f);
		const double end = now(), rate = (double)l->chains * SAMPLE_LOOPS / (end - t);
		if (rate > l->flops_per_second) l->flops_per_second = rate;
		t = end;
	}
	return l->flops_per_second;
}

static double read_rate(Limits *l, size_t n_bytes)
{
	void *data;
	if (posix_memalign(&data, 4096, n_bytes)) fail(l->cx, "limits: no memory for %zu bytes", n_bytes);
	memset(data, 0, n_bytes);
	const int n_passes = 1 + (int)(SAMPLE_BYTES / (double)n_bytes);
	double best = 0;
	for (double start = now(), t = start; t - start < SECONDS || best == 0;) {
		for (int i = 0; i < n_passes; i++) l->read(data, n_bytes);
		const double end = now(), rate = (double)n_bytes * n_passes / (end - t);
		if (rate > best) best = rate;
		t = end;
	}
	free(data);
	return best;
}

double limits_read(Limits *l, double n_bytes)
{
	if (n_bytes < LEAST_BYTES) n_bytes = LEAST_BYTES;
	for (int i = 0; i < l->n_reads; i++)
		if (l->reads[i].bytes == n_bytes) return l->reads[i].bytes_per_second;
	const size_t whole = (size_t)n_bytes / l->block * l->block;
	ReadLimit *more = NEWN(l->cx->arena, ReadLimit, l->n_reads + 1);
	if (l->n_reads) memcpy(more, l->reads, sizeof *more * (size_t)l->n_reads);
	more[l->n_reads] = (ReadLimit){n_bytes, read_rate(l, whole)};
	l->reads = more;
	return more[l->n_reads++].bytes_per_second;
}
