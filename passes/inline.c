/* inline.c: calls become their bodies.
 *
 *     call @gelu %x   =>   the values of gelu's body on %x
 * Bodies of scans, loops, conditionals and calls come first, so what is spliced in has no calls left.
 * Requires: nothing.   Keeps: everything; afterwards there is no call.
 */
#include "passes/rewrite.h"

/* A file of a few kilobytes can say calls of calls of calls ..: 2^n values. */
enum { MAX_VALUES = 1 << 23 };

static const Val **inline_call(Rewrite *rw, void *user, const Val *old, const Val *now)
{
	(void)user, (void)old;
	Ctx *cx = rw->cx;
	if (now->op != OP_call) return NULL;
	const Graph *body = val_body(now, 0);
	const Val **results = NEWN(cx->arena, const Val *, body->n_results + 1);
	graph_splice(cx, body, now->args, results);
	for (int i = 0; i < body->n_results; i++)
		if (results[i]->id > MAX_VALUES)
			fail(cx, "the model has more than %d values when its functions are expanded", MAX_VALUES);
	return results;
}

const Graph *pass_inline(Ctx *cx, const Graph *g) { return replace_control(cx, g, true, inline_call, NULL); }
