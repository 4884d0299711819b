/* test_f64.c: double builds (passes/widen.c): recurrent models widened to f64, against the float64 model of rnn_model.h.
 *
 * The interpreter and compiled C, scalar and for a vector target (where f64 stays scalar, which must be right too), each
 * within 1e-12 of the reference, and within 1e-13 of each other: nothing on the way may have been f32.
 */
#include <criterion/criterion.h>

#include "rnn_model.h"

enum { T = 7, B = 3 };

static const Variant variants[] = {
	{.name = "generic -O0, gcc",
		.target = "generic",
		.opt = 0,
		.threads = 1,
		.cc = "gcc",
		.cc_opt = 1,
		.werror = true},
	{.name = "generic -O2, JIT", .target = "generic", .opt = 2, .threads = 1},
	{.name = "x86-64-v3 -O2, JIT", .target = "x86-64-v3", .opt = 2, .threads = 1},
	{.name = "x86-64-v3 -O2, gcc",
		.target = "x86-64-v3",
		.opt = 2,
		.threads = 1,
		.cc = "gcc",
		.cc_opt = 2,
		.werror = true},
};

static const Tensor *random_f64(Ctx *cx, const Type *type, const DimEnv *env, uint64_t *seed)
{
	int64_t dims[3];
	for (int d = 0; d < type->rank; d++) dims[d] = dim_eval(cx, type->dims[d], env);
	Tensor *t = tensor_new(cx->arena, type->elem, type->rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, (double)(random_next(seed) >> 11) * 0x1p-52 - 1);
	return t;
}

/* Y, Y_h, Y_c of a forward cell, from inputs[X, states..]. */
static void reference(Ctx *cx, const Cell *cell, const Tensor *const *inputs, const Tensor **outputs)
{
	const Weights w = cell_weights(cell, 0);
	Tensor *y = tensor_new(cx->arena, F64, 4, (int64_t[]){T, 1, B, RNN_H});
	Tensor *last[RNN_MAX_STATES];
	for (int k = 0; k < cell->n_states; k++) last[k] = tensor_new(cx->arena, F64, 3, (int64_t[]){1, B, RNN_H});
	for (int b = 0; b < B; b++) {
		double state[RNN_MAX_STATES][RNN_H] = {0};
		for (int k = 0; k < cell->n_states; k++)
			for (int n = 0; n < RNN_H; n++) state[k][n] = tensor_get(inputs[1 + k], b * RNN_H + n);
		for (int t = 0; t < T; t++) {
			double x[RNN_I];
			for (int i = 0; i < RNN_I; i++) x[i] = tensor_get(inputs[0], (t * B + b) * RNN_I + i);
			reference_step(cell, &w, x, state[0], state[1]);
			for (int n = 0; n < RNN_H; n++) tensor_set(y, (t * B + b) * RNN_H + n, state[0][n]);
		}
		for (int k = 0; k < cell->n_states; k++)
			for (int n = 0; n < RNN_H; n++) tensor_set(last[k], b * RNN_H + n, state[k][n]);
	}
	outputs[0] = y;
	for (int k = 0; k < cell->n_states; k++) outputs[1 + k] = last[k];
}

static void expect_near(
	const char *cell, const char *what, int n, const Tensor *const *seen, const Tensor *const *wanted, double most)
{
	for (int i = 0; i < n; i++) {
		cr_assert_eq(
			seen[i]->elem, F64, "%s: %s: result %d is %s", cell, what, i, elem_info[seen[i]->elem].name);
		cr_assert_eq(seen[i]->count, wanted[i]->count);
		for (int64_t k = 0; k < seen[i]->count; k++) {
			const double x = tensor_get(seen[i], k), y = tensor_get(wanted[i], k);
			cr_assert(fabs(x - y) <= most, "%s: %s: result %d, element %lld: %.17g, %.17g wanted", cell,
				what, i, (long long)k, x, y);
		}
	}
}

static bool failed(Ctx *cx, const char *cell)
{
	cr_assert_fail("%s: %s", cell, cx->error);
	return true;
}

static void try_cell(const Cell *cell)
{
	Ctx *cx = ctx_new();
	cx->f64 = true;
	TRY (cx) {
		const RnnSpec spec = {.cell = cell, .direction = FORWARD, .init = INIT_INPUT};
		const Graph *g = pass_widen(cx, rnn_import(cx, &spec));
		graph_verify(cx, g);
		cr_assert_eq(pass_widen(cx, g), g, "%s: widening twice is not widening once", cell->name);
		DimEnv env;
		dimenv_init(&env, cx->arena);
		set_dim(cx, &env, "T", T);
		set_dim(cx, &env, "B", B);
		uint64_t seed = 5;
		const Tensor *inputs[1 + RNN_MAX_STATES], *wanted[1 + RNN_MAX_STATES], *plain[1 + RNN_MAX_STATES];
		for (int i = 0; i < g->n_params; i++) inputs[i] = random_f64(cx, g->params[i]->type, &env, &seed);
		reference(cx, cell, inputs, wanted);
		Eval e = {.cx = cx, .arena = cx->arena, .env = env};
		eval_graph(&e, g, inputs, plain);
		expect_near(cell->name, "interpreter", g->n_results, plain, wanted, 1e-12);
		for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
			if (!variant_runs(&variants[v])) continue;
			Compiled *c = compile_as(cx, g, &variants[v], "m");
			char *error;
			Module *m = load_all(cx->arena, 1, &c, &variants[v], &error);
			cr_assert(m, "%s: %s: %s", cell->name, variants[v].name, error);
			const Tensor *seen[1 + RNN_MAX_STATES];
			const char *wrong = call_compiled(cx, cx->arena, m, c, c->graph, &env, inputs, seen);
			cr_assert_null(wrong, "%s: %s: %s", cell->name, variants[v].name, wrong);
			expect_near(cell->name, variants[v].name, g->n_results, seen, wanted, 1e-12);
			expect_near(cell->name, variants[v].name, g->n_results, seen, plain, 1e-13);
			module_free(m);
		}
	} else failed(cx, cell->name);
	ctx_free(cx);
}

/* sqrt(1/2) is not an f32: a literal of the operator library keeps all its digits. */
Test(f64, literals)
{
	Ctx *cx = ctx_new();
	cx->f64 = true;
	TRY (cx) {
		Buf g = message(cx);
		put_message(&g, 1, node(cx, "Gelu", "x", "y"));
		put_input(cx, &g, "x", FLOAT, "9");
		put_output(cx, &g, "y");
		const Buf m = model(cx, g, 20);
		const Graph *wide = pass_widen(cx, onnx_import(cx, onnx_read_memory(cx, m.text, m.size, NULL), NULL));
		Tensor *x = tensor_new(cx->arena, F64, 1, (int64_t[]){9});
		for (int i = 0; i < 9; i++) tensor_set(x, i, i * 0.37 - 1.5);
		Eval e = {.cx = cx, .arena = cx->arena};
		dimenv_init(&e.env, cx->arena);
		const Tensor *y;
		eval_graph(&e, wide, (const Tensor *const[]){x}, &y);
		for (int i = 0; i < 9; i++) {
			const double v = tensor_get(x, i), wanted = 0.5 * v * (1 + erf(v * sqrt(0.5)));
			cr_assert_float_eq(tensor_get(y, i), wanted, 1e-15, "at %g: %.17g, %.17g wanted", v,
				tensor_get(y, i), wanted);
		}
	} else failed(cx, "Gelu");
	ctx_free(cx);
}

Test(f64, cells)
{
	for (int i = 0; i < N_CELLS; i++) try_cell(&cells[i]);
}
