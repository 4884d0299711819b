/* bench_profile.c: `rnncc bench` by kernel: how long each takes, and how long it would at the machine's limit.
 *
 * A kernel cannot be faster than its arithmetic at the speed of multiply-adds in registers, nor than its memory at the speed of
 * reading as many bytes as are in use at a time, over and over: then they come from the same cache.  In use are, for a kernel in
 * a loop, what the kernels of that loop touch; for another, what all of them do, but not more than the weights, the workspace
 * and the state.  (What the kernel before has just written is in a nearer cache than that: small ones may exceed the limit.)  codegen/cost.c counts, runtime/limits.c measures, on one core; a kernel that threads share has as many.
 */
#include "cli/bench.h"
#include "runtime/limits.h"
#include "runtime/profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 30, CALLS = 10 };

/* Others than the best round may have been interrupted. */
void bench_kernels(Ctx *cx, const Ready *r, const Tensor *const *inputs, double *us, double *calls)
{
	const int n = r->compiled->n_kernels;
	SessionCall *call = session_prepare(r->session, inputs);
	SessionState *state = session_state_new(r->session);
	double *seconds = NEWN(cx->arena, double, n);
	long *counts = NEWN(cx->arena, long, n);
	bench_calls(cx, call, state, CALLS);
	for (int round = 0; round < ROUNDS; round++) {
		memset(seconds, 0, sizeof *seconds * (size_t)n);
		memset(counts, 0, sizeof *counts * (size_t)n);
		profile_start(n, seconds, counts);
		bench_calls(cx, call, state, CALLS);
		for (int i = 0; i < n; i++) us[i] = round ? fmin(us[i], seconds[i]) : seconds[i];
	}
	profile_start(0, NULL, NULL);
	session_state_free(state);
	session_call_free(call);
	for (int i = 0; i < n; i++) {
		us[i] *= 1e6 / CALLS;
		calls[i] = (double)counts[i] / CALLS;
	}
}

static double bytes_in_use(const Profile *p, const Compiled *c, const CompiledKernel *k)
{
	double sum = 0;
	for (int i = 0; i < p->n; i++) {
		const CompiledKernel *other = p->kernels[i].kernel;
		if (k->first < 0 || (other >= c->kernels + k->first && other <= c->kernels + k->last))
			sum += other->bytes;
	}
	const double whole =
		(double)(c->weight_bytes + c->state_bytes) + (double)(c->workspace_bytes > 0 ? c->workspace_bytes : 0);
	return k->first < 0 && whole > 0 && whole < sum ? whole : sum;
}

/* "x f32[1, 20, 3], T_len i64[1]" */
static const char *open_inputs(Ctx *cx, const Session *s, const Tensor *const *inputs)
{
	Buf b;
	buf_init(&b, cx->arena);
	for (int i = 0; i < session_n_inputs(s); i++) {
		const Type *type = session_input_type(s, i);
		bool open = false;
		for (int d = 0; d < type->rank; d++) open |= !dim_is_int(type->dims[d], &(int64_t){0});
		if (!open) continue;
		const Dim **dims = NEWN(cx->arena, const Dim *, type->rank);
		for (int d = 0; d < type->rank; d++) dims[d] = dim_int(cx, inputs[i]->dims[d]);
		buf_printf(&b, "%s%s %s", b.size ? ", " : "", session_input_name(s, i),
			type_str(cx, type_new(cx, type->elem, type->rank, dims)));
	}
	return b.size ? b.text : NULL;
}

Profile bench_profile(Ctx *cx, const Options *o)
{
	const Tensor **inputs;
	const Ready r = bench_open(cx, o, true, &inputs);
	const int n = r.compiled->n_kernels;
	double *us = NEWN(cx->arena, double, n), *calls = NEWN(cx->arena, double, n);
	bench_kernels(cx, &r, inputs, us, calls);
	Profile p = {.kernels = NEWN(cx->arena, KernelTime, n), .open = open_inputs(cx, r.session, inputs)};
	for (int i = 0; i < n; i++)
		if (calls[i] > 0)
			p.kernels[p.n++] =
				(KernelTime){.kernel = &r.compiled->kernels[i], .us = us[i], .calls = calls[i]};
	Limits *limits = limits_open(cx);
	for (int i = 0; i < p.n; i++) {
		KernelTime *k = &p.kernels[i];
		const int cores = k->kernel->parallel ? o->threads : 1;
		const double compute = k->kernel->flops / limits_flops(limits),
			     memory = k->kernel->bytes / limits_read(limits, bytes_in_use(&p, r.compiled, k->kernel));
		k->by_memory = memory > compute;
		k->bound_us = p.open ? 0 : 1e6 * k->calls * fmax(memory, compute) / cores;
		p.us += k->us;
		p.bound_us += k->bound_us;
	}
	p.flops_per_second = limits_flops(limits);
	p.n_reads = limits->n_reads;
	p.reads = limits->reads;
	return p;
}

static const char *human(Ctx *cx, double n)
{
	static const char *const units[] = {"", " k", " M", " G", " T"};
	int u = 0;
	for (; n >= 9999.5 && u < 4; u++) n /= 1000;
	return arena_printf(cx->arena, "%.*f%s", u && n < 99.95 ? 1 : 0, n, units[u]);
}

void profile_print(Ctx *cx, const Options *o, const Profile *p)
{
	printf("\n%-24s %10s %6s %6s %9s %9s %14s  %s\n", arena_printf(cx->arena, "kernel (-O%d)", o->opt), "us",
		"share", "calls", "FLOP", "bytes", "of limit", "from");
	for (int i = 0; i < p->n; i++) {
		const KernelTime *k = &p->kernels[i];
		const char *limit = arena_printf(cx->arena, "%6.0f%% %-6s", 100 * k->bound_us / fmax(k->us, 1e-3),
			k->by_memory ? "memory" : "FLOP");
		printf("%-24s %10.2f %5.1f%% %6.0f %9s %9s %14s  %s\n", k->kernel->name, k->us, 100 * k->us / p->us,
			k->calls, p->open ? "open" : human(cx, k->kernel->flops),
			p->open ? "open" : human(cx, k->kernel->bytes), p->open ? "" : limit,
			printable(cx->arena, k->kernel->from ? k->kernel->from : ""));
	}
	if (p->open)
		printf("%-24s %10.2f\n\nSizes are open, here %s: where --dim NAME=N fixes them, FLOP, bytes and limits are known.\n",
			"all", p->us, printable(cx->arena, p->open));
	else printf("%-24s %10.2f %38s %6.0f%%\n\n", "all", p->us, "", 100 * p->bound_us / p->us);
	printf("limits of one core: %.0f GFLOP/s", p->flops_per_second / 1e9);
	for (int i = 0; i < p->n_reads; i++)
		printf("%s %s GB/s from %sB", i ? "," : "; reads", human(cx, p->reads[i].bytes_per_second / 1e9),
			human(cx, p->reads[i].bytes));
	putchar('\n');
}

void profile_json(cJSON *json, const Profile *p)
{
	cJSON_AddBoolToObject(json, "open_sizes", p->open != NULL);
	if (!p->open) cJSON_AddNumberToObject(json, "bound_us", p->bound_us);
	cJSON *limits = cJSON_AddObjectToObject(json, "limits");
	cJSON_AddNumberToObject(limits, "flops_per_second", p->flops_per_second);
	cJSON *reads = cJSON_AddArrayToObject(limits, "reads");
	for (int i = 0; i < p->n_reads; i++) {
		cJSON *row = cJSON_CreateObject();
		cJSON_AddItemToArray(reads, row);
		cJSON_AddNumberToObject(row, "bytes", p->reads[i].bytes);
		cJSON_AddNumberToObject(row, "bytes_per_second", p->reads[i].bytes_per_second);
	}
	cJSON *list = cJSON_AddArrayToObject(json, "kernels");
	for (int i = 0; i < p->n; i++) {
		const KernelTime *k = &p->kernels[i];
		cJSON *row = cJSON_CreateObject();
		cJSON_AddItemToArray(list, row);
		cJSON_AddStringToObject(row, "name", k->kernel->name);
		cJSON_AddStringToObject(row, "from", k->kernel->from ? k->kernel->from : "");
		cJSON_AddNumberToObject(row, "us", k->us);
		cJSON_AddNumberToObject(row, "calls", k->calls);
		if (p->open) continue;
		cJSON_AddNumberToObject(row, "flops", k->kernel->flops);
		cJSON_AddNumberToObject(row, "bytes", k->kernel->bytes);
		cJSON_AddNumberToObject(row, "bound_us", k->bound_us);
		cJSON_AddStringToObject(row, "limit", k->by_memory ? "memory" : "arithmetic");
	}
}
