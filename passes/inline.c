/* inline.c: calls become their bodies.
 *
 *     call @gelu %x   =>   the values of gelu's body on %x
 * Bodies of scans, loops, conditionals and calls come first, so what is spliced in has no calls left.
 * Requires: nothing.   Keeps: everything; afterwards there is no call.
 */
#include "passes/rewrite.h"

/* A file of a few kilobytes can say calls of calls of calls ..: 2^n values. */
enum { MAX_VALUES = 1 << 23 };

static const Val *inline_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	Ctx *cx = rw->cx;
	Parts *parts = rw->user;
	const Val *v = val_with(cx, old, args);
	if (v->op == OP_get) {
		const Val *part = parts_get(parts, v);
		return part ? part : v;
	}
	if (v->op != OP_call) return v;
	const Graph *body = val_body(v, 0);
	const Val **results = NEWN(cx->arena, const Val *, body->n_results + 1);
	graph_splice(cx, body, args, results);
	for (int i = 0; i < body->n_results; i++)
		if (results[i]->id > MAX_VALUES)
			fail(cx, "the model has more than %d values when its functions are expanded", MAX_VALUES);
	parts_put(parts, v, results);
	return v;
}

const Graph *pass_inline(Ctx *cx, const Graph *g)
{
	Parts parts;
	map_init(&parts.parts, cx->arena);
	Rewrite rw = {.user = &parts, .fn = inline_val};
	return graph_rewrite(cx, g, &rw);
}
