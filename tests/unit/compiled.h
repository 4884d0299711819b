/* compiled.h: graphs as compiled C, called with tensors: what test_codegen.c and tests/fuzz_graphs/ share.
 *
 * Many graphs go into one module, because starting a C compiler costs more than compiling a small file.  Every array that
 * the C gets stands between guard bytes, and what it is to write to is filled with garbage first.
 */
#ifndef COMPILED_H
#define COMPILED_H

#include "codegen/kernel.h"
#include "passes/passes.h"
#include "runtime/module.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
	const char *name;   /* for messages */
	const char *target; /* of rnncc */
	int opt, threads;
	const char *cc; /* NULL: the JIT */
	int cc_opt;     /* as ModuleOptions.opt */
	bool werror, sanitize;
	WeightsMode weights;
	int chunk;         /* as Schedules.chunk */
	Elem weights_elem; /* as CompileOptions has them */
	bool bf16_products;
	bool small; /* for a machine whose caches are so small, and whose threads so quick to meet, that small graphs gain by both */
} Variant;

/* Whether this CPU runs what is compiled for the target. */
static inline bool cpu_runs(const char *target)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (!strcmp(target, "x86-64-v3"))
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
			__builtin_cpu_supports("bmi2");
	if (!strcmp(target, "x86-64-v4-bf16"))
		return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl");
	if (!strcmp(target, "x86-64-v4"))
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
	return true;
#else
	return !strcmp(target, "generic");
#endif
}

static inline bool in_path(const char *command)
{
	char *all = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin"), *rest = all;
	bool found = false;
	for (char *dir; !found && (dir = strsep(&rest, ":"));) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", dir, command);
		found = access(path, X_OK) == 0;
	}
	free(all);
	return found;
}

/* The compiler that the variant wants is there, and the CPU runs its target. */
static inline bool variant_runs(const Variant *v)
{
	if (!cpu_runs(v->target)) return false;
	if (!v->cc) return module_jit_available();
	char command[64];
	snprintf(command, sizeof command, "%.*s", (int)strcspn(v->cc, " "), v->cc);
	return in_path(command);
}

static inline Compiled *compile_as(Ctx *cx, const Graph *g, const Variant *v, const char *prefix)
{
	Schedules chunks = {.file = v->name, .target = v->target, .chunk = v->chunk};
	TargetInfo cpu = *target_find(cx, v->target);
	cpu.l1_bytes = 512, cpu.l2_bytes = 4 << 10, cpu.l3_bytes = 32 << 10;
	cpu.barrier = cpu.fork = 1;
	CompileOptions o = {.name = prefix,
		.cpu = v->small ? &cpu : NULL,
		.schedules = v->chunk ? &chunks : NULL,
		.target = v->target,
		.opt = v->opt,
		.threads = v->threads,
		.describe = true,
		.weights = v->weights,
		.weights_elem = v->weights_elem,
		.bf16_products = v->bf16_products,
		.verify_each = true,
		.source_name = "test"};
	return compile_graph(cx, g, &o);
}

/* One module of all of them; NULL and *error on failure. */
static inline Module *load_all(Arena *arena, int n, Compiled *const *all, const Variant *v, char **error)
{
	ModuleFile *files = NEWN(arena, ModuleFile, 2 * n);
	size_t n_files = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; all[i] && k < 2; k++)
			files[n_files++] = (ModuleFile){
				all[i]->files[k].name, arena_strn(arena, all[i]->files[k].data, all[i]->files[k].size)};
	ModuleOptions o = {.kind = v->cc ? MODULE_CC : MODULE_JIT,
		.cc = v->cc,
		.opt = v->cc_opt,
		.openmp = v->threads > 1,
		.march = target_march(v->target),
		.werror = v->werror,
		.sanitize = v->sanitize};
	return module_load(files, n_files, &o, error);
}

/* ---- arrays between guards ---- */

enum { GUARD_BYTES = 256, GARBAGE = 0xa5, NOT_NUMBERS = 0xff };

static inline void *guarded_filled(size_t size, int fill)
{
	const size_t all = (size + 63) / 64 * 64 + 2 * GUARD_BYTES;
	unsigned char *p = aligned_alloc(64, all);
	memset(p, GARBAGE, all);
	memset(p + GUARD_BYTES, fill, size);
	return p + GUARD_BYTES;
}

static inline void *guarded_new(size_t size) { return guarded_filled(size, GARBAGE); }

static inline bool guarded_free(void *at, size_t size)
{
	unsigned char *p = (unsigned char *)at - GUARD_BYTES;
	bool intact = true;
	for (size_t i = 0; i < GUARD_BYTES; i++) intact &= p[i] == GARBAGE && p[GUARD_BYTES + size + i] == GARBAGE;
	free(p);
	return intact;
}

typedef int CallFn(
	int step, const int64_t *dims, const void *const *in, void *const *out, void *state, void *workspace);
typedef size_t WorkspaceFn(int step, const int64_t *dims);

static inline void *symbol_of(const Module *m, const Compiled *c, const char *suffix)
{
	char name[128];
	snprintf(name, sizeof name, "%s_%s", c->name, suffix);
	return module_symbol(m, name);
}

/* The bytes of an array as large as its sizes can be. */
static inline size_t most_bytes(Ctx *cx, const Type *t, const DimEnv *env)
{
	int64_t n = 1;
	for (int d = 0; d < t->rank; d++) n *= dim_eval(cx, dim_most(cx, t->dims[d]), env);
	return (size_t)packed_bytes(t->elem, n);
}

/* What a call of NAME_call is given besides tensors. */
typedef struct {
	int step; /* 0 NAME_run, 1 NAME_step, 2 NAME_steps */
	int fill; /* the bytes that the workspace and the results have before */
	void *state;
} Call;

/* Calls NAME_run, or what else `how` says, g being its graph, whose states are no inputs or results.  env has the dims' values,
 * also those that the graph computes, which the call must give.  Returns NULL, or what went wrong. */
static inline const char *call_entry(Ctx *cx, Arena *arena, const Module *m, const Compiled *c, const Graph *g,
	const Call *how, const DimEnv *env, const Tensor *const *inputs, const Tensor **results)
{
	const EntryPoint *const points[] = {&c->run, &c->step, &c->steps}, *point = points[how->step];
	const int n_params = g->n_params - (how->step ? point->n_states : 0),
		  n_results = g->n_results - (how->step ? point->n_states : 0);
	CallFn *call;
	WorkspaceFn *workspace;
	void *at[2] = {symbol_of(m, c, "call"), symbol_of(m, c, "call_workspace")};
	if (!at[0] || !at[1]) return "no entry points";
	memcpy(&call, &at[0], sizeof call);
	memcpy(&workspace, &at[1], sizeof workspace);
	int64_t *dims = NEWN(arena, int64_t, c->n_dims + 1);
	for (int i = 0; i < c->n_dims; i++) {
		bool taken = false; /* a number of steps is NAME_steps' alone where the length is fixed */
		for (int k = 0; k < point->n_dims; k++) taken |= point->dims[k] == c->dims[i];
		if (!dimenv_get(env, c->dims[i], &dims[i]) && taken) return "a dim has no value";
	}
	const void **in = NEWN(arena, const void *, n_params + 1);
	void **out = NEWN(arena, void *, n_results + c->n_computed + 1);
	int64_t *computed = NEWN(arena, int64_t, c->n_computed + 1);
	for (int i = 0; i < c->n_computed; i++) out[n_results + i] = &computed[i];
	for (int i = 0; i < n_params; i++) {
		const Tensor *packed = tensor_packed(arena, inputs[i]);
		const size_t size = tensor_size_bytes(packed);
		void *copy = guarded_new(size);
		if (size) memcpy(copy, packed->data, size);
		in[i] = copy;
	}
	for (int i = 0; i < n_results; i++) {
		const Type *t = g->results[i]->type;
		int64_t *sizes = NEWN(arena, int64_t, t->rank + 1);
		for (int d = 0; d < t->rank; d++) sizes[d] = dim_eval(cx, t->dims[d], env);
		results[i] = tensor_new(arena, t->elem, t->rank, sizes);
		out[i] = guarded_filled(most_bytes(cx, t, env), how->fill);
	}
	const size_t ws_size = workspace(how->step, dims);
	void *ws = guarded_filled(ws_size, how->fill);
	const char *wrong = call(how->step, dims, in, out, how->state, ws) == 0 ? NULL : "the call returned an error";
	if (!guarded_free(ws, ws_size)) wrong = "wrote outside of the workspace";
	for (int i = 0; i < c->n_computed; i++) {
		int64_t wanted;
		if (!dimenv_get(env, c->computed[i], &wanted) || wanted != computed[i]) wrong = "computed another size";
	}
	for (int i = 0; i < n_results; i++) {
		const Tensor *y = results[i];
		if (elem_info[y->elem].bits < 8) unpack_elements(y->elem, out[i], y->count, y->data);
		else if (y->count) memcpy(y->data, out[i], tensor_size_bytes(y));
		if (!guarded_free(out[i], most_bytes(cx, g->results[i]->type, env)))
			wrong = "wrote outside of a result";
	}
	for (int i = 0; i < n_params; i++) {
		const Tensor *packed = tensor_packed(arena, inputs[i]);
		const size_t size = tensor_size_bytes(packed);
		if (size && memcmp(in[i], packed->data, size) != 0) wrong = "changed an input";
		if (!guarded_free((void *)(uintptr_t)in[i], size)) wrong = "wrote outside of an input";
	}
	return wrong;
}

static inline const char *call_compiled(Ctx *cx, Arena *arena, const Module *m, const Compiled *c, const Graph *g,
	const DimEnv *env, const Tensor *const *inputs, const Tensor **results)
{
	return call_entry(cx, arena, m, c, g, &(Call){.fill = GARBAGE}, env, inputs, results);
}

/* ---- inputs ---- */

static inline uint64_t random_next(uint64_t *state) /* splitmix64, Steele, Lea, Flood 2014 */
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Sixteenths in [-2, 2], small integers; `special`: one in eight is an extreme of its type. */
static inline const Tensor *random_tensor(
	Arena *arena, uint64_t *seed, Elem elem, int rank, const int64_t *dims, bool special)
{
	static const double floats[] = {0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 0.5, 3e4, -1e-3, 2.5, -3.5};
	static const int64_t ints[] = {
		0, 1, -1, INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, -128, 127, 255, 65535, 63, 31, 8};
	Tensor *t = tensor_new(arena, elem, rank, dims);
	for (int64_t i = 0; i < t->count; i++) {
		const uint64_t r = random_next(seed);
		const bool extreme = special && r % 8 == 0;
		if (elem == BOOL) tensor_set_int(t, i, (int64_t)(r >> 40 & 1));
		else if (elem_is_float(elem))
			tensor_set(t, i, extreme ? floats[(r >> 8) % 12] : ((int)((r >> 20) % 65) - 32) / 16.0);
		else
			tensor_set_int(t, i,
				extreme ? ints[(r >> 8) % 14]
					: (int64_t)((r >> 20) % 17) - (elem_info[elem].cls == 'u' ? 0 : 8));
	}
	return t;
}

static inline const Tensor *random_input(
	Ctx *cx, Arena *arena, uint64_t *seed, const Type *type, const DimEnv *env, bool special)
{
	int64_t *dims = NEWN(arena, int64_t, type->rank + 1);
	for (int i = 0; i < type->rank; i++) dims[i] = dim_eval(cx, type->dims[i], env);
	return random_tensor(arena, seed, type->elem, type->rank, dims, special);
}

/* g with those of its parameters as constants for which there is a value; the others keep their order. */
static inline const Graph *with_constants(Ctx *cx, const Graph *g, const Tensor *const *values)
{
	Rewrite rw = {.cx = cx};
	map_init(&rw.map, cx->arena);
	const Val **params = NEWN(cx->arena, const Val *, g->n_params),
		  **results = NEWN(cx->arena, const Val *, g->n_results);
	const char **names = NEWN(cx->arena, const char *, g->n_params);
	int n = 0;
	for (int i = 0; i < g->n_params; i++) {
		if (values[i]) {
			map_put(&rw.map, g->params[i], val_const(cx, values[i]));
			continue;
		}
		map_put(&rw.map, g->params[i], params[n] = val_param(cx, n, g->params[i]->type));
		names[n++] = g->param_names[i];
	}
	for (int i = 0; i < g->n_results; i++) results[i] = rewrite_val(&rw, g->results[i]);
	return graph_new(cx, g->name, n, params, names, g->n_results, results, g->result_names);
}

static inline void set_dim(Ctx *cx, DimEnv *env, const char *name, int64_t value)
{
	Sym *s = sym_find(cx, name);
	if (s) dimenv_set(env, s, value);
}

/* ---- comparing ---- */

/* Equal numbers; NaN and NaN are equal, 0 and -0 are. */
static inline bool same_number(const Tensor *x, const Tensor *y, int64_t i)
{
	if (!elem_is_float(x->elem)) return tensor_get_int(x, i) == tensor_get_int(y, i);
	const double p = tensor_get(x, i), q = tensor_get(y, i);
	return p == q || (isnan(p) && isnan(q));
}

/* The first element that differs by more than tolerance * (largest of the tensor, or 1), or -1. */
static inline int64_t first_difference(const Tensor *x, const Tensor *y, double tolerance)
{
	double scale = 1;
	for (int64_t i = 0; i < x->count && elem_is_float(x->elem); i++) {
		const double p = fabs(tensor_get(x, i));
		if (isfinite(p) && p > scale) scale = p;
	}
	for (int64_t i = 0; i < x->count; i++) {
		if (same_number(x, y, i)) continue;
		if (!elem_is_float(x->elem) || !(fabs(tensor_get(x, i) - tensor_get(y, i)) <= tolerance * scale))
			return i;
	}
	return -1;
}

/* ---- rounding ---- */

/* The nearest number with that many significant bits and no exponent below `least`, ties to even: scale, rint, scale back. */
static inline double rounded(double x, int bits, int least)
{
	int e;
	frexp(x, &e); /* |x| in [2^(e-1), 2^e) */
	if (e - 1 < least) e = least + 1;
	return ldexp(rint(ldexp(x, bits - e)), e - bits);
}

static inline double round_to(double x, Elem elem)
{
	return elem == BF16 ? rounded(x, 8, -126) : elem == F16 ? rounded(x, 11, -14) : x;
}

/* How many roundings of the coarsest float type lie between inputs and results, at most: the sum over all values.  A sum
 * counts its terms, an elementary function 4 (vocabulary: below 3.7 ulp), a loop its body as often as it runs. */
static inline double count_roundings(Ctx *cx, Arena *arena, const Graph *g, const DimEnv *env, double *unit)
{
	static const double units[N_ELEMS] = {[F64] = 0x1p-53, [F32] = 0x1p-24, [F16] = 0x1p-11, [BF16] = 0x1p-8};
	double n = 0;
	Order order = graph_order(arena, g);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		double times = 4;
		if (v->op == OP_scan || v->op == OP_loop) {
			const double steps = (double)dim_eval(cx, val_dims(v, A_LENGTH)[0], env);
			n += (steps + 1) * count_roundings(cx, arena, val_body(v, 0), env, unit);
			continue;
		}
		if (v->op == OP_cond) {
			for (int b = 0; b < 2; b++) n += count_roundings(cx, arena, val_body(v, b), env, unit);
			continue;
		}
		if (v->type->is_tuple || units[v->type->elem] == 0)
			continue; /* floats that are only stored: one way to round */
		if (units[v->type->elem] > *unit) *unit = units[v->type->elem];
		if (v->op == OP_contract || v->op == OP_reduce || v->op == OP_cumulative) {
			double count[2] = {1, 1};
			for (int k = 0; k < v->n_args; k++)
				for (int d = 0; d < v->args[k]->type->rank; d++)
					count[k] *= (double)dim_eval(cx, v->args[k]->type->dims[d], env);
			times += count[0] < count[1] || v->n_args == 1 ? count[0] : count[1];
		}
		n += times;
	}
	return n;
}

static inline double tolerance_of(Ctx *cx, Arena *arena, const Graph *g, const DimEnv *env)
{
	double unit = 0x1p-53;
	const double n = count_roundings(cx, arena, g, env, &unit);
	return n * unit;
}

/* ---- graphs in files: tests/codegen/NAME.ir ---- */

enum { MAX_RUNS = 8, MAX_ARRAYS = 512 };

/* The head of a file may say, in comments:
 *     # run T=0 T=7,B=2      values of the dims, a call for each word
 *     # special              inputs hold extremes: NaN, infinities, the least integers ... */
typedef struct {
	Ctx *cx; /* of its own: sizes of one name may have other bounds elsewhere */
	const char *name, *text;
	const Graph *g;
	bool special;
	int n_runs;
	struct Run {
		const char *dims; /* "T=7,B=2" */
		DimEnv env;
		double tolerance;
		const Tensor **inputs, **wanted;
	} runs[MAX_RUNS];
} Case;

static inline void bind_run(Ctx *cx, DimEnv *env, const char *dims)
{
	for (const char *at = dims; *at;) {
		const size_t n = strcspn(at, "=");
		char *end;
		const char *name = arena_strn(cx->arena, at, n);
		set_dim(cx, env, name, strtoll(at + n + 1, &end, 10));
		at = *end == ',' ? end + 1 : end;
	}
}

/* Reads the graph, makes inputs and asks the interpreter for the results; may fail(). */
static inline Case *case_new(Ctx *cx, const char *name, const char *text)
{
	Case *c = NEW(cx->arena, Case);
	*c = (Case){.cx = cx, .name = name, .text = text, .special = strstr(text, "# special\n") != NULL};
	c->g = graph_parse(cx, text, name);
	graph_verify(cx, c->g);
	const char *at = strstr(text, "# run ");
	at = at ? at + 6 : "\n";
	do {
		const size_t n = strcspn(at, " \n");
		struct Run *r = &c->runs[c->n_runs++];
		r->dims = arena_strn(cx->arena, at, n);
		dimenv_init(&r->env, cx->arena);
		bind_run(cx, &r->env, r->dims);
		uint64_t seed = 1;
		r->inputs = NEWN(cx->arena, const Tensor *, c->g->n_params + 1);
		r->wanted = NEWN(cx->arena, const Tensor *, c->g->n_results + 1);
		for (int i = 0; i < c->g->n_params; i++)
			r->inputs[i] = random_input(cx, cx->arena, &seed, c->g->params[i]->type, &r->env, c->special);
		Eval e = {.cx = cx, .arena = cx->arena, .env = r->env};
		eval_graph(&e, c->g, r->inputs, r->wanted);
		r->env = e.env; /* with the sizes that the graph computes */
		r->tolerance = tolerance_of(cx, cx->arena, c->g, &r->env);
		at += n + strspn(at + n, " ");
	} while (*at != '\n' && c->n_runs < MAX_RUNS);
	return c;
}

/* Calls the compiled case in all its runs; says the first differences.  seen[run]: the results, for comparing variants. */
static inline bool case_check(
	const Case *c, const Module *m, const Compiled *compiled, const char *variant, const Tensor **seen[])
{
	Ctx *cx = c->cx;
	bool ok = true;
	for (int r = 0; r < c->n_runs; r++) {
		const struct Run *run = &c->runs[r];
		seen[r] = NEWN(cx->arena, const Tensor *, c->g->n_results + 1);
		const char *wrong = call_compiled(cx, cx->arena, m, compiled, c->g, &run->env, run->inputs, seen[r]);
		if (wrong) {
			fprintf(stderr, "FAIL %s %s [%s]: %s\n", c->name, variant, run->dims, wrong);
			ok = false;
			continue;
		}
		for (int i = 0; i < c->g->n_results; i++) {
			const Tensor *want = run->wanted[i], *got = seen[r][i];
			const int64_t at = first_difference(want, got, run->tolerance);
			if (at < 0) continue;
			fprintf(stderr,
				"FAIL %s %s [%s]: %%%s, element %lld: wanted %.9g, seen %.9g (tolerance %.2g)\n",
				c->name, variant, run->dims, c->g->result_names[i], (long long)at, tensor_get(want, at),
				tensor_get(got, at), run->tolerance);
			ok = false;
		}
	}
	return ok;
}

#endif
