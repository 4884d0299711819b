/* test_products.c: --products-dtype bf16 (passes/pairs.c) against its definition, computed here: weights, inputs and the state are
 * rounded to bf16, products of two such numbers are exact, and each addition to an f32 rounds once (docs/numerics.md).
 *
 * The model is h' = max(0, x W + h R + b), which needs nothing but these sums, on a sequence, in steps and in chunks of steps: all
 * must give these bits, so a stream gives those of the run.
 */
#include <criterion/criterion.h>

#include "compiled.h"

enum { T = 11, MAX_I = 64, MAX_H = 80 };

static const struct {
	int inputs, hidden;
} sizes[] = {{38, 22}, {64, 80}, {37, 22}, {38, 21}, {9, 7}};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static const Variant variants[] = {
	{.name = "generic -O0, cc", .target = "generic", .opt = 0, .threads = 1, .cc = "cc", .cc_opt = 1},
	{.name = "generic -O2, gcc",
		.target = "generic",
		.opt = 2,
		.threads = 1,
		.cc = "gcc",
		.cc_opt = 2,
		.werror = true},
	{.name = "x86-64 -O2, JIT", .target = "x86-64", .opt = 2, .threads = 1},
	{.name = "x86-64-v3 -O2, gcc",
		.target = "x86-64-v3",
		.opt = 2,
		.threads = 1,
		.cc = "gcc",
		.cc_opt = 2,
		.werror = true},
	{.name = "x86-64-v4 -O2, clang",
		.target = "x86-64-v4",
		.opt = 2,
		.threads = 1,
		.cc = "clang-14",
		.cc_opt = 2,
		.werror = true},
	{.name = "x86-64-v4-bf16 -O0, JIT", .target = "x86-64-v4-bf16", .opt = 0, .threads = 1},
	{.name = "x86-64-v4-bf16 -O2, gcc",
		.target = "x86-64-v4-bf16",
		.opt = 2,
		.threads = 1,
		.cc = "gcc",
		.cc_opt = 2,
		.werror = true},
	{.name = "x86-64-v4-bf16 -O2, clang",
		.target = "x86-64-v4-bf16",
		.opt = 2,
		.threads = 1,
		.cc = "clang-14",
		.cc_opt = 2,
		.werror = true},
	{.name = "x86-64-v4-bf16 -O2, JIT", .target = "x86-64-v4-bf16", .opt = 2, .threads = 1},
	{.name = "x86-64-v4-bf16 -O2, gcc, 2 threads",
		.target = "x86-64-v4-bf16",
		.opt = 2,
		.threads = 2,
		.cc = "gcc",
		.cc_opt = 2,
		.werror = true},
};

/* ---- the definition ---- */

typedef struct {
	int n_inputs, n_hidden;
	const Tensor *x, *w, *r, *b;
	float y[T][MAX_H];
} Net;

static const Tensor *floats(Ctx *cx, uint64_t seed, int rank, const int64_t *dims)
{
	Tensor *t = tensor_new(cx->arena, F32, rank, dims);
	for (int64_t i = 0; i < t->count; i++)
		tensor_set(t, i, (double)(float)(((double)(random_next(&seed) >> 40) * 0x1p-24 - 0.5) / 3));
	return t;
}

/* sum + numbers * weights.  In twos, the second first, where the target has the instruction for that and they are even in number;
 * else one after the other. */
static float add_products(float sum, const float *numbers, const Tensor *weights, int64_t row, bool in_twos)
{
	const int n = (int)weights->dims[1];
	for (int i = 0; i < n; i++) {
		const int k = in_twos && n % 2 == 0 ? i ^ 1 : i;
		sum = fmaf((float)round_to((double)numbers[k], BF16),
			(float)round_to(tensor_get(weights, row * n + k), BF16), sum);
	}
	return sum;
}

/* fused: sums go on in one register, else each product has its own. */
static void define(Net *net, bool fused, bool in_twos)
{
	float h[MAX_H] = {0}, x[MAX_I];
	for (int t = 0; t < T; t++) {
		for (int i = 0; i < net->n_inputs; i++) x[i] = (float)tensor_get(net->x, t * net->n_inputs + i);
		for (int n = 0; n < net->n_hidden; n++) {
			const float b = (float)tensor_get(net->b, n);
			const float xw = add_products(fused ? b : 0, x, net->w, n, in_twos);
			const float hr = add_products(fused ? xw : 0, h, net->r, n, in_twos);
			const float sum = fused ? hr : xw + b + hr;
			net->y[t][n] = sum > 0 ? sum : 0;
		}
		memcpy(h, net->y[t], sizeof h);
	}
}

/* ---- the compiled ---- */

static Compiled *compile_net(Ctx *cx, Net *net, const Variant *v, int index)
{
	const long long n_i = net->n_inputs, n_h = net->n_hidden;
	const char *text = arena_printf(cx->arena,
		"dim T = 0..64\n"
		"graph @m(%%x: f32[T, %lld], %%w: f32[%lld, %lld], %%r: f32[%lld, %lld], %%b: f32[%lld]) -> (%%y: f32[T, %lld]) {\n"
		"  %%z = const f32[] {0}\n"
		"  %%h0 = expand %%z shape=[%lld]\n"
		"  %%s = scan %%w %%r %%b %%h0 %%x counts=[3, 1] length=[T] reverse=[0] body={\n"
		"    graph @b(%%w: f32[%lld, %lld], %%r: f32[%lld, %lld], %%b: f32[%lld], %%h: f32[%lld], %%x: f32[%lld])"
		" -> (%%h1: f32[%lld], %%y: f32[%lld]) {\n"
		"      %%p = contract %%x %%w spec=\"k,nk->n\"\n"
		"      %%q = contract %%h %%r spec=\"k,nk->n\"\n"
		"      %%pb = add %%p %%b\n"
		"      %%a = add %%pb %%q\n"
		"      %%z = const f32[] {0}\n"
		"      %%ze = expand %%z shape=[%lld]\n"
		"      %%h1 = max %%ze %%a\n"
		"      return %%h1 %%h1\n"
		"    }\n"
		"  }\n"
		"  %%y = get %%s index=[1]\n"
		"  return %%y\n"
		"}\n",
		n_i, n_h, n_i, n_h, n_h, n_h, n_h, n_h, n_h, n_i, n_h, n_h, n_h, n_h, n_i, n_h, n_h, n_h);
	net->x = floats(cx, 1, 2, (int64_t[]){T, n_i});
	net->w = floats(cx, 2, 2, (int64_t[]){n_h, n_i});
	net->r = floats(cx, 3, 2, (int64_t[]){n_h, n_h});
	net->b = floats(cx, 4, 1, (int64_t[]){n_h});
	const Tensor *values[] = {NULL, net->w, net->r, net->b};
	const CompileOptions o = {.name = arena_printf(cx->arena, "net_%d", index),
		.target = v->target,
		.opt = v->opt,
		.threads = v->threads,
		.describe = true,
		.weights_elem = BF16,
		.bf16_products = true,
		.verify_each = true,
		.source_name = "test"};
	return compile_graph(cx, with_constants(cx, graph_parse(cx, text, "net"), values), &o);
}

static void expect_bits(const Net *net, const Variant *v, const char *how, int64_t first, int64_t n, const float *seen)
{
	for (int64_t t = 0; t < n; t++)
		for (int i = 0; i < net->n_hidden; i++) {
			const float wanted = net->y[first + t][i], is = seen[t * net->n_hidden + i];
			cr_assert(memcmp(&is, &wanted, sizeof is) == 0,
				"%s, %d inputs, %d units, %s: y[%d, %d] is %.9g, not %.9g", v->name, net->n_inputs,
				net->n_hidden, how, (int)(first + t), i, (double)is, (double)wanted);
		}
}

/* entry: 1 for NAME_step, 2 for NAME_steps. */
static void stream(
	Ctx *cx, const Net *net, const Variant *v, const Module *m, const Compiled *c, int entry, int64_t chunk)
{
	CallFn *call;
	WorkspaceFn *workspace;
	void (*reset)(void *state);
	void *at[] = {symbol_of(m, c, "call"), symbol_of(m, c, "call_workspace"), symbol_of(m, c, "call_reset")};
	memcpy(&call, &at[0], sizeof call);
	memcpy(&workspace, &at[1], sizeof workspace);
	memcpy(&reset, &at[2], sizeof reset);
	void *state = guarded_new((size_t)c->state_bytes);
	reset(state);
	for (int64_t t = 0; t < T; t += chunk) {
		const int64_t n = T - t < chunk ? T - t : chunk;
		float y[T * MAX_H];
		const size_t ws_size = workspace(entry, &n);
		void *ws = guarded_new(ws_size);
		const float *x = (const float *)net->x->data + t * net->n_inputs;
		cr_assert_eq(call(entry, &n, (const void *[]){x}, (void *[]){y}, state, ws), 0);
		cr_assert(guarded_free(ws, ws_size), "%s: wrote outside of the workspace", v->name);
		expect_bits(net, v, arena_printf(cx->arena, "chunks of %d", (int)chunk), t, n, y);
	}
	cr_assert(guarded_free(state, (size_t)c->state_bytes), "%s: wrote outside of the state", v->name);
}

static void try_variant(Ctx *cx, const Variant *v)
{
	Net nets[N_SIZES];
	Compiled *all[N_SIZES];
	const bool has_instruction = !strcmp(v->target, "x86-64-v4-bf16") && v->opt > 0;
	for (int i = 0; i < N_SIZES; i++) {
		nets[i] = (Net){.n_inputs = sizes[i].inputs, .n_hidden = sizes[i].hidden};
		all[i] = compile_net(cx, &nets[i], v, i);
		define(&nets[i], v->opt > 0, has_instruction);
		cr_assert(all[i]->has_step && all[i]->has_steps, "%s: no step", v->name);
	}
	cr_assert_eq(memmem(all[0]->files[0].data, all[0]->files[0].size, "v_dot_bf16_once(a0", 18) != NULL,
		has_instruction, "%s: dot products", v->name);
	char *error;
	Module *m = load_all(cx->arena, N_SIZES, all, v, &error);
	cr_assert(m, "%s: %s", v->name, error);
	for (int i = 0; i < N_SIZES; i++) {
		DimEnv env;
		dimenv_init(&env, cx->arena);
		bind_run(cx, &env, arena_printf(cx->arena, "T=%d", T));
		const Tensor *y;
		const char *wrong = call_compiled(cx, cx->arena, m, all[i], all[i]->graph, &env, &nets[i].x, &y);
		cr_assert_null(wrong, "%s: %s", v->name, wrong);
		expect_bits(&nets[i], v, "a run", 0, T, y->data);
		stream(cx, &nets[i], v, m, all[i], 1, 1);
		stream(cx, &nets[i], v, m, all[i], 2, 4);
	}
	module_free(m);
}

Test(products, definition, .timeout = 300)
{
	for (volatile size_t k = 0; k < sizeof variants / sizeof *variants; k++) {
		if (!variant_runs(&variants[k])) {
			fprintf(stderr, "skipped: %s: the CPU or the compiler is not there\n", variants[k].name);
			continue;
		}
		Ctx *cx = ctx_new();
		TRY (cx) try_variant(cx, &variants[k]);
		else cr_assert_fail("%s: %s", variants[k].name, cx->error);
		ctx_free(cx);
	}
}
