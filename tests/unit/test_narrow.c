/* test_narrow.c: --weights-dtype (passes/narrow.c) by its law: a build with narrow weights computes, bit for bit, what the plain
 * build computes from weights that were rounded beforehand, by the rule of compiled.h.  And weights that are whole numbers of 8
 * bits, which are stored so without being asked: against sums of integers; and those that rnncc quantises itself: against the model
 * in which that is written out.
 */
#include <criterion/criterion.h>

#include "compiled.h"
#include "runtime/file.h"

#include <math.h>

static const Variant variants[] = {
	{.name = "generic -O0, JIT", .target = "generic", .opt = 0, .threads = 1},
	{.name = "generic -O2, gcc",
		.target = "generic",
		.opt = 2,
		.threads = 1,
		.cc = "gcc",
		.cc_opt = 1,
		.werror = true},
	{.name = "x86-64 -O2, gcc",
		.target = "x86-64",
		.opt = 2,
		.threads = 1,
		.cc = "gcc",
		.cc_opt = 1,
		.werror = true},
	{.name = "x86-64-v3 -O2, JIT", .target = "x86-64-v3", .opt = 2, .threads = 1},
	{.name = "x86-64-v4 -O2, gcc",
		.target = "x86-64-v4",
		.opt = 2,
		.threads = 1,
		.cc = "gcc",
		.cc_opt = 1,
		.werror = true},
};

static bool is_weight(const char *name) { return !strcmp(name, "W") || !strcmp(name, "R") || !strcmp(name, "w"); }

/* g with its weights, and the vectors that are added, as constants; weights rounded to elem. */
static const Graph *with_weights(Ctx *cx, const Graph *g, Elem elem)
{
	const Tensor **values = NEWN(cx->arena, const Tensor *, g->n_params);
	DimEnv env;
	dimenv_init(&env, cx->arena);
	uint64_t seed = 11;
	for (int i = 0; i < g->n_params; i++) {
		const Type *type = g->params[i]->type;
		if (!is_weight(g->param_names[i]) && !strchr("bprg", g->param_names[i][0])) continue;
		int64_t dims[8];
		for (int d = 0; d < type->rank; d++) dims[d] = dim_eval(cx, type->dims[d], &env);
		Tensor *t = tensor_new(cx->arena, F32, type->rank, dims);
		for (int64_t k = 0; k < t->count; k++) {
			const double x = ((double)(random_next(&seed) >> 40) * 0x1p-24 - 0.5) * exp2(-(double)(k % 23));
			tensor_set(t, k, is_weight(g->param_names[i]) ? round_to((double)(float)x, elem) : x);
		}
		values[i] = t;
	}
	return with_constants(cx, g, values);
}

static Compiled *compile_narrow(Ctx *cx, const Graph *g, const Variant *v, Elem elem, const char *name)
{
	CompileOptions o = {.name = name,
		.target = v->target,
		.opt = v->opt,
		.threads = v->threads,
		.describe = true,
		.weights_elem = elem,
		.verify_each = true,
		.source_name = "test"};
	return compile_graph(cx, g, &o);
}

static void expect_same_bits(
	const char *what, const char *variant, int n, const Tensor *const *a, const Tensor *const *b)
{
	for (int i = 0; i < n; i++)
		for (int64_t k = 0; k < a[i]->count; k++)
			cr_assert(memcmp((const float *)a[i]->data + k, (const float *)b[i]->data + k, sizeof(float)) ==
					0,
				"%s, %s: result %d, element %lld: %.9g with narrow weights, %.9g with rounded ones",
				what, variant, i, (long long)k, tensor_get(a[i], k), tensor_get(b[i], k));
}

static const struct {
	const char *name, *dims;
} models[] = {{"gru_1", "T=7"}, {"lstm_peephole", "T=5"}, {"conv1d", ""}, {"product_of_columns", "T=7"}};
enum { N_MODELS = sizeof models / sizeof *models, MAX_VALUES = 8 };
static const Elem elems[] = {F32, BF16, F16};

typedef struct { /* a model, and by element type: with weights rounded beforehand, and their results */
	const Graph *rounded[3];
	DimEnv env;
	const Tensor *inputs[MAX_VALUES], *results[3][MAX_VALUES];
} Model;

static Model read_model(Ctx *cx, const char *name, const char *dims)
{
	Model m;
	const char *root = getenv("RNNCC_SOURCE_DIR");
	const char *path = arena_printf(cx->arena, "%s/tests/codegen/%s.ir", root ? root : RNNCC_SOURCE_DIR, name);
	size_t size;
	const char *text = file_read(cx, path, &size);
	const Graph *g = graph_parse(cx, arena_strn(cx->arena, text, size), name);
	for (int e = 0; e < 3; e++) m.rounded[e] = with_weights(cx, g, elems[e]);
	dimenv_init(&m.env, cx->arena);
	bind_run(cx, &m.env, dims);
	uint64_t seed = 3;
	for (int i = 0; i < m.rounded[0]->n_params; i++)
		m.inputs[i] = random_input(cx, cx->arena, &seed, m.rounded[0]->params[i]->type, &m.env, false);
	return m;
}

static void call(
	Ctx *cx, const Module *module, const Compiled *c, const Model *m, const char *what, const Tensor **results)
{
	const char *wrong = call_compiled(cx, cx->arena, module, c, c->graph, &m->env, m->inputs, results);
	cr_assert_null(wrong, "%s: %s", what, wrong);
}

/* One module has all builds of all models: narrow[e] of the exact weights, plain[e] of the rounded ones. */
static void try_variant(Ctx *cx, const Variant *v)
{
	Model all[N_MODELS];
	Compiled *builds[N_MODELS * 5];
	for (int i = 0; i < N_MODELS; i++) {
		all[i] = read_model(cx, models[i].name, models[i].dims);
		for (int e = 0; e < 3; e++) {
			if (e)
				builds[5 * i + 2 + e] = compile_narrow(cx, all[i].rounded[0], v, elems[e],
					arena_printf(cx->arena, "narrow_%d_%d", i, e));
			builds[5 * i + e] = compile_narrow(
				cx, all[i].rounded[e], v, F32, arena_printf(cx->arena, "plain_%d_%d", i, e));
		}
	}
	char *error;
	Module *module = load_all(cx->arena, N_MODELS * 5, builds, v, &error);
	cr_assert(module, "%s: %s", v->name, error);
	for (int i = 0; i < N_MODELS; i++) {
		Compiled **plain = builds + 5 * i, **narrow = plain + 2;
		for (int e = 0; e < 3; e++) {
			const Tensor *seen[MAX_VALUES];
			call(cx, module, plain[e], &all[i], v->name, all[i].results[e]);
			if (e == 0) continue;
			call(cx, module, narrow[e], &all[i], v->name, seen);
			expect_same_bits(
				models[i].name, v->name, all[i].rounded[0]->n_results, seen, all[i].results[e]);
			const Tensor *exact = all[i].results[0][0];
			cr_assert(memcmp(seen[0]->data, exact->data, tensor_size_bytes(exact)) != 0,
				"%s: nothing was rounded", models[i].name);
			cr_assert_lt(narrow[e]->weight_bytes, plain[e]->weight_bytes, "%s, %s: no smaller",
				models[i].name, v->name);
		}
	}
	module_free(module);
}

Test(narrow, law, .timeout = 300)
{
	for (volatile size_t k = 0; k < sizeof variants / sizeof *variants; k++) {
		if (!variant_runs(&variants[k])) continue;
		Ctx *cx = ctx_new();
		TRY (cx) try_variant(cx, &variants[k]);
		else cr_assert_fail("%s: %s", variants[k].name, cx->error);
		ctx_free(cx);
	}
}

static const Variant dot_variants[] = {
	{.name = "x86-64-v4-bf16 -O2, gcc",
		.target = "x86-64-v4-bf16",
		.opt = 2,
		.threads = 1,
		.cc = "gcc",
		.cc_opt = 2,
		.werror = true},
	{.name = "x86-64-v4-bf16 -O2, JIT", .target = "x86-64-v4-bf16", .opt = 2, .threads = 1},
};

static const Tensor *floats(Ctx *cx, uint64_t seed, int rank, const int64_t *dims)
{
	Tensor *t = tensor_new(cx->arena, F32, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, (double)(random_next(&seed) >> 40) * 0x1p-24 - 0.5);
	return t;
}

/* Weights and a whole sequence through the target's dot product, by the rule of docs/numerics.md: both rounded, added up in
 * twos, the second product first, each with one rounding.  21 outputs: a vector and some lanes; 13 rows: a tile and some. */
static void try_dots(Ctx *cx, const Variant *v)
{
	enum { T = 13, K = 38, N = 21 };
	char text[] = "dim T = 0..64\n"
		      "graph @m(%x: f32[T, 38], %w: f32[21, 38], %b: f32[21]) -> (%y: f32[T, 21]) {\n"
		      "  %p = contract %x %w spec=\"tk,nk->tn\"\n"
		      "  %be = expand %b shape=[T, 21]\n"
		      "  %y = add %p %be\n"
		      "  return %y\n"
		      "}\n";
	const Tensor *x = floats(cx, 1, 2, (int64_t[]){T, K}), *w = floats(cx, 2, 2, (int64_t[]){N, K});
	const Tensor *b = floats(cx, 3, 1, (int64_t[]){N}), *values[] = {NULL, w, b}, *y;
	const Graph *g = with_constants(cx, graph_parse(cx, text, "dots"), values);
	Compiled *c = compile_narrow(cx, g, v, BF16, "dots");
	char *error;
	Module *module = load_all(cx->arena, 1, &c, v, &error);
	cr_assert(module, "%s: %s", v->name, error);
	cr_assert(memmem(c->files[0].data, c->files[0].size, "v_dot_bf16(a0", 13), "%s: no dot product", v->name);
	DimEnv env;
	dimenv_init(&env, cx->arena);
	bind_run(cx, &env, "T=13");
	const char *wrong = call_compiled(cx, cx->arena, module, c, c->graph, &env, &x, &y);
	cr_assert_null(wrong, "%s: %s", v->name, wrong);
	for (int t = 0; t < T; t++)
		for (int n = 0; n < N; n++) {
			float sum = (float)tensor_get(b, n);
			for (int k = 1; k < K; k += k % 2 ? -1 : 3) /* 1 0 3 2 5 4 .. */
				sum = fmaf((float)round_to(tensor_get(x, t * K + k), BF16),
					(float)round_to(tensor_get(w, n * K + k), BF16), sum);
			const float seen = (float)tensor_get(y, t * N + n);
			cr_assert(memcmp(&sum, &seen, sizeof sum) == 0, "%s: y[%d, %d] is %.9g, not %.9g", v->name, t,
				n, (double)seen, (double)sum);
		}
	module_free(module);
}

Test(narrow, dots)
{
	for (volatile size_t k = 0; k < sizeof dot_variants / sizeof *dot_variants; k++) {
		if (!variant_runs(&dot_variants[k])) {
			fprintf(stderr, "skipped: %s: the CPU or the compiler is not there\n", dot_variants[k].name);
			continue;
		}
		Ctx *cx = ctx_new();
		TRY (cx) try_dots(cx, &dot_variants[k]);
		else cr_assert_fail("%s: %s", dot_variants[k].name, cx->error);
		ctx_free(cx);
	}
}

static const Tensor *bytes(Ctx *cx, uint64_t seed, Elem elem, int rank, const int64_t *dims)
{
	Tensor *t = tensor_new(cx->arena, elem, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, (double)(random_next(&seed) >> 40 & 255) - 128);
	return t;
}

/* Weights that are whole numbers take a byte each, unasked: those of products in f32 and i32, and a table's; all sums are exact.
 * The biases do not. */
static void try_bytes(Ctx *cx, const Variant *v)
{
	enum { T = 13, K = 38, N = 21, ROWS = 20 };
	char text[] = "dim T = 0..64\n"
		      "graph @m(%x: f32[T, 38], %i: i32[T, 38], %n: i64[T], %w: f32[21, 38], %r: i32[38, 21],\n"
		      "  %e: f32[20, 21], %b: f32[21]) -> (%y: f32[T, 21], %z: i32[T, 21]) {\n"
		      "  %p = contract %x %w spec=\"tk,nk->tn\"\n"
		      "  %be = expand %b shape=[T, 21]\n"
		      "  %s = add %p %be\n"
		      "  %row = gather %e %n axis=[0]\n"
		      "  %y = add %s %row\n"
		      "  %z = contract %i %r spec=\"tk,kn->tn\"\n"
		      "  return %y %z\n"
		      "}\n";
	const Tensor *x = bytes(cx, 1, F32, 2, (int64_t[]){T, K}), *i = bytes(cx, 2, I32, 2, (int64_t[]){T, K}),
		     *w = bytes(cx, 3, F32, 2, (int64_t[]){N, K}), *r = bytes(cx, 4, I32, 2, (int64_t[]){K, N}),
		     *e = bytes(cx, 5, F32, 2, (int64_t[]){ROWS, N}), *b = bytes(cx, 6, F32, 1, (int64_t[]){N});
	Tensor *n = tensor_new(cx->arena, I64, 1, (int64_t[]){T});
	for (int t = 0; t < T; t++) tensor_set(n, t, t * 7 % ROWS);
	const Tensor *values[] = {NULL, NULL, NULL, w, r, e, b}, *inputs[] = {x, i, n}, *seen[2];
	const Graph *g = with_constants(cx, graph_parse(cx, text, "bytes"), values);
	Compiled *c = compile_narrow(cx, g, v, F32, "bytes");
	const int64_t least = w->count + r->count + e->count + (int64_t)sizeof(float) * N;
	/* panels are as wide as lanes, arrays begin at 64 bytes */
	cr_assert(c->weight_bytes >= least && c->weight_bytes < 2 * least, "%s: %lld bytes of weights", v->name,
		(long long)c->weight_bytes);
	char *error;
	Module *module = load_all(cx->arena, 1, &c, v, &error);
	cr_assert(module, "%s: %s", v->name, error);
	DimEnv env;
	dimenv_init(&env, cx->arena);
	bind_run(cx, &env, "T=13");
	const char *wrong = call_compiled(cx, cx->arena, module, c, c->graph, &env, inputs, seen);
	cr_assert_null(wrong, "%s: %s", v->name, wrong);
	for (int t = 0; t < T; t++)
		for (int k = 0; k < N; k++) {
			double y = tensor_get(b, k) + tensor_get(e, t * 7 % ROWS * N + k), z = 0;
			for (int j = 0; j < K; j++) {
				y += tensor_get(x, t * K + j) * tensor_get(w, k * K + j);
				z += tensor_get(i, t * K + j) * tensor_get(r, j * N + k);
			}
			cr_assert(tensor_get(seen[0], t * N + k) == y && tensor_get(seen[1], t * N + k) == z,
				"%s: [%d, %d]: %g and %g, not %g and %g", v->name, t, k, tensor_get(seen[0], t * N + k),
				tensor_get(seen[1], t * N + k), y, z);
		}
	module_free(module);
}

Test(narrow, bytes)
{
	for (volatile size_t k = 0; k < sizeof variants / sizeof *variants; k++) {
		if (!variant_runs(&variants[k])) continue;
		Ctx *cx = ctx_new();
		TRY (cx) try_bytes(cx, &variants[k]);
		else cr_assert_fail("%s: %s", variants[k].name, cx->error);
		ctx_free(cx);
	}
}

/* Rows of w, n of them of size k, row i beginning at i * step, elements `stride` apart: by the rule of docs/numerics.md. */
static void quantise(Ctx *cx, const Tensor *w, int n, int k, int step, int stride, Tensor **q, Tensor **scales)
{
	*q = tensor_new(cx->arena, F32, w->rank, w->dims);
	*scales = tensor_new(cx->arena, F32, 1, (int64_t[]){n});
	for (int i = 0; i < n; i++) {
		float largest = 0;
		for (int j = 0; j < k; j++)
			largest = fmaxf(largest, fabsf((float)tensor_get(w, i * step + j * stride)));
		const bool before = largest == 6 * 0.037f;
		const float scale = largest > 0 ? largest / (before ? 6 : 127) : 1;
		tensor_set(*scales, i, (double)scale);
		for (int j = 0; j < k; j++)
			tensor_set(*q, i * step + j * stride,
				rint(tensor_get(w, i * step + j * stride) / (double)scale) + 0);
	}
}

/* --weights-dtype int8 is the model in which each product with a matrix has its whole numbers instead, and then the row's scale:
 * that one, written by hand, has the same bits.  Rows are the second dim of one matrix, the first of the other, which has a row of
 * zeros and one that was quantised before, and those of a table. */
static void try_int8(Ctx *cx, const Variant *v)
{
	enum { H = 38, N = 21, ROWS = 20 };
	static const char text[] =
		"dim T = 0..64\n"
		"graph @m(%%x: f32[T, 38], %%n: i64[T], %%W: f32[38, 21], %%U: f32[21, 21], %%e: f32[20, 21], %%b: f32[21]%s)"
		" -> (%%y: f32[T, 21]) {\n"
		"  %%p = contract %%x %%W spec=\"tk,kn->tn\"\n%s"
		"  %%row = gather %%e %%n axis=[0]\n%s"
		"  %%bs = expand %%b shape=[T, 21]\n"
		"  %%pb = add %%%s %%bs\n"
		"  %%u = add %%pb %%%s\n"
		"  %%zero = const f32[21] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}\n"
		"  %%r = scan %%U%s %%zero %%u counts=[%d, 1] length=[T] reverse=[0] body={\n"
		"    graph @body(%%U: f32[21, 21]%s, %%h: f32[21], %%u: f32[21]) -> (%%g: f32[21], %%o: f32[21]) {\n"
		"      %%p = contract %%h %%U spec=\"h,gh->g\"\n%s"
		"      %%s = add %%u %%%s\n"
		"      %%g = tanh %%s\n"
		"      return %%g %%g\n"
		"    }\n"
		"  }\n"
		"  %%y = get %%r index=[1]\n"
		"  return %%y\n"
		"}\n";
	const char *plain = arena_printf(cx->arena, text, "", "", "", "p", "row", "", 1, "", "", "p"),
		   *scaled = arena_printf(cx->arena, text, ", %Ws: f32[21], %Us: f32[21], %es: f32[20]",
			   "  %We = expand %Ws shape=[T, 21]\n  %ps = mul %p %We\n",
			   "  %ei = gather %es %n axis=[0]\n  %ec = reshape %ei shape=[T, 1]\n"
			   "  %ee = expand %ec shape=[T, 21]\n  %rs = mul %row %ee\n",
			   "ps", "rs", " %Us", 2, ", %Us: f32[21]", "      %ps = mul %p %Us\n", "ps");
	Tensor *w = (Tensor *)(uintptr_t)floats(cx, 3, 2, (int64_t[]){H, N}),
	       *u = (Tensor *)(uintptr_t)floats(cx, 4, 2, (int64_t[]){N, N});
	for (int i = 0; i < N; i++) {
		tensor_set(u, 5 * N + i, 0);
		tensor_set(u, 6 * N + i, (double)((float)(i % 13 - 6) * 0.037f)); /* quantised before: up to 6 */
	}
	const Tensor *x = floats(cx, 1, 2, (int64_t[]){13, H}), *e = floats(cx, 5, 2, (int64_t[]){ROWS, N}),
		     *b = floats(cx, 6, 1, (int64_t[]){N});
	Tensor *n = tensor_new(cx->arena, I64, 1, (int64_t[]){13}), *q[3], *s[3];
	for (int t = 0; t < 13; t++) tensor_set(n, t, t * 7 % ROWS);
	quantise(cx, w, N, H, 1, N, &q[0], &s[0]);
	quantise(cx, u, N, N, N, 1, &q[1], &s[1]);
	quantise(cx, e, ROWS, N, N, 1, &q[2], &s[2]);
	const Tensor *exact[] = {NULL, NULL, w, u, e, b}, *inputs[] = {x, n}, *y[3],
		     *whole[] = {NULL, NULL, q[0], q[1], q[2], b, s[0], s[1], s[2]};
	const Graph *g = with_constants(cx, graph_parse(cx, plain, "plain"), exact);
	Compiled *builds[] = {compile_narrow(cx, g, v, I8, "int8"),
		compile_narrow(cx, with_constants(cx, graph_parse(cx, scaled, "scaled"), whole), v, F32, "scaled"),
		compile_narrow(cx, g, v, F32, "exact")};
	char *error;
	Module *module = load_all(cx->arena, 3, builds, v, &error);
	cr_assert(module, "%s: %s", v->name, error);
	DimEnv env;
	dimenv_init(&env, cx->arena);
	bind_run(cx, &env, "T=13");
	for (int i = 0; i < 3; i++) {
		const char *wrong =
			call_compiled(cx, cx->arena, module, builds[i], builds[i]->graph, &env, inputs, &y[i]);
		cr_assert_null(wrong, "%s: %s", v->name, wrong);
	}
	expect_same_bits("int8", v->name, 1, &y[0], &y[1]);
	double worst = 0;
	for (int64_t i = 0; i < y[0]->count; i++) worst = fmax(worst, fabs(tensor_get(y[0], i) - tensor_get(y[2], i)));
	cr_assert(worst > 0 && worst < 0.02, "%s: %g off the exact weights", v->name, worst);
	cr_assert_lt(4 * builds[0]->weight_bytes, 3 * builds[2]->weight_bytes, "%s: no smaller", v->name);
	module_free(module);
}

Test(narrow, int8)
{
	for (volatile size_t k = 0; k < sizeof variants / sizeof *variants; k++) {
		if (!variant_runs(&variants[k])) continue;
		Ctx *cx = ctx_new();
		TRY (cx) try_int8(cx, &variants[k]);
		else cr_assert_fail("%s: %s", variants[k].name, cx->error);
		ctx_free(cx);
	}
}

static void interpret(Ctx *cx, const Graph *g, const Model *m, const Tensor **results)
{
	Eval e = {.cx = cx, .arena = cx->arena, .env = m->env};
	eval_graph(&e, g, m->inputs, results);
}

Test(narrow, interpreter)
{
	Ctx *cx = ctx_new();
	TRY (cx) {
		for (int i = 0; i < N_MODELS; i++) {
			const Model m = read_model(cx, models[i].name, models[i].dims);
			for (int e = 1; e < 3; e++) {
				const Tensor *seen[MAX_VALUES], *wanted[MAX_VALUES];
				interpret(cx, pass_narrow(cx, pass_run(cx, "canon", m.rounded[0]), elems[e]), &m, seen);
				interpret(cx, m.rounded[e], &m, wanted);
				expect_same_bits(models[i].name, "interpreter", m.rounded[0]->n_results, seen, wanted);
			}
		}
	} else cr_assert_fail("%s", cx->error);
	ctx_free(cx);
}

Test(narrow, too_large)
{
	Ctx *cx = ctx_new();
	const char *text = "graph @g(%x: f32[2]) -> (%y: f32[1]) {\n"
			   "  %w = const f32[2, 1] {65519, 65520}\n"
			   "  %y = contract %x %w spec=\"i,ij->j\"\n"
			   "  return %y\n"
			   "}\n";
	TRY (cx) {
		pass_narrow(cx, graph_parse(cx, text, "g.ir"), F16);
		cr_assert_fail("65520 became f16");
	} else cr_assert(strstr(cx->error, "a weight of 65520 does not fit f16"), "%s", cx->error);
	TRY (cx) {
		Tensor *t = tensor_new(cx->arena, F32, 2, (int64_t[]){16, 16});
		tensor_set(t, 7, -INFINITY);
		const Tensor *values[] = {NULL, t};
		const char *product = "graph @g(%x: f32[16], %w: f32[16, 16]) -> (%y: f32[16]) {\n"
				      "  %y = contract %x %w spec=\"i,ij->j\"\n"
				      "  return %y\n"
				      "}\n";
		pass_quantise(cx, with_constants(cx, graph_parse(cx, product, "g.ir"), values));
		cr_assert_fail("an infinite weight became int8");
	} else cr_assert(strstr(cx->error, "a weight of -inf does not fit int8"), "%s", cx->error);
	ctx_free(cx);
}
