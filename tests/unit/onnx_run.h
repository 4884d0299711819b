/* onnx_run.h: a model made by onnx_writer.h, imported, and run by the interpreter. */
#ifndef TESTS_UNIT_ONNX_RUN_H
#define TESTS_UNIT_ONNX_RUN_H

#include "frontend/onnx/import.h"

#include <criterion/criterion.h>

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

#endif
