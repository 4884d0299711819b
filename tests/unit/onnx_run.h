/* onnx_run.h: a model made by onnx_writer.h, imported, and run by the interpreter. */
#ifndef TESTS_UNIT_ONNX_RUN_H
#define TESTS_UNIT_ONNX_RUN_H

#include "frontend/onnx/import.h"
#include "onnx_writer.h"

#include <criterion/criterion.h>
#include <math.h>

/* NULL when it is refused: cx->error says why. */
static inline const Graph *import_model(Ctx *context, Buf model, const char *dir, const OnnxImportOptions *options)
{
	Ctx *volatile cx = context; /* gcc 12 would fear for the unwinding frame's address */
	const Graph *volatile g = NULL;
	TRY (cx) {
		g = onnx_import(cx, onnx_read_memory(cx, model.text, model.size, dir), options);
		graph_verify(cx, g);
	}
	return g;
}

/* All results; a model that was refused or fails to run fails the test. */
static inline const Tensor **run_model(Ctx *context, const Graph *g, const Tensor *const *inputs)
{
	Ctx *volatile cx = context;
	cr_assert(g, "%s", cx->error);
	const Tensor **results = NEWN(cx->arena, const Tensor *, g->n_results);
	volatile bool ran = false;
	TRY (cx) {
		Eval e = {.cx = cx, .arena = cx->arena};
		dimenv_init(&e.env, cx->arena);
		if (g->n_params) eval_bind(&e, g, inputs);
		eval_graph(&e, g, inputs, results);
		ran = true;
	}
	cr_assert(ran, "%s", cx->error);
	return results;
}

/* Must be refused, with that in the message. */
static inline void expect_error(Ctx *cx, Buf m, const char *dir, const char *wanted)
{
	cx->error = NULL;
	const Graph *g = import_model(cx, m, dir, NULL);
	cr_expect_null(g, "accepted, but \"%s\" was wanted", wanted);
	if (!g) cr_expect(strstr(cx->error, wanted), "wanted: %s\nseen: %s", wanted, cx->error);
}

static inline const Tensor *floats(Ctx *cx, int rank, const int64_t *dims, const double *values)
{
	Tensor *t = tensor_new(cx->arena, F32, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, values[i]);
	return t;
}

/* Runs result `i` of g by the interpreter and compares it. */
static inline void expect_result(
	Ctx *cx, const Graph *g, const Tensor *const *inputs, int i, int count, const double *wanted)
{
	const Tensor *y = run_model(cx, g, inputs)[i];
	cr_assert_eq(y->count, count, "result %d has %d elements", i, (int)y->count);
	for (int k = 0; k < count; k++)
		cr_expect(fabs(tensor_get(y, k) - wanted[k]) <= 1e-5, "result %d [%d] is %g, not %g", i, k,
			tensor_get(y, k), wanted[k]);
}

/* y = x + w: an input, an initialiser, a node. */
static inline Buf add_graph(Ctx *cx, Buf w)
{
	Buf g = message(cx);
	put_message(&g, 1, node(cx, "Add", "x w", "y"));
	put_message(&g, 5, w);
	put_input(cx, &g, "x", FLOAT, "2");
	put_output(cx, &g, "y");
	return g;
}

static inline Buf add_model(Ctx *cx)
{
	return model(cx, add_graph(cx, tensor(cx, "w", FLOAT, 1, (int64_t[]){2}, (float[]){1, 2}, 8)), 14);
}

#endif
