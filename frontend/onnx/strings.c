/* strings.c: tensors of texts, which exist while a model is imported and nowhere else.
 *
 * ONNX's strings are an element type here, STR, whose elements are the numbers of interned texts.  What moves, selects and
 * compares elements moves, selects and compares these, in the interpreter as everywhere, so such operators need no code of
 * their own; those that look into texts (ops_strings.c) compute with constants.  In the end a number is an i32 like any
 * other: what is left of texts at run time (does a label that run time finds equal this one?) is about equal or not.  The
 * texts themselves are gone, so none can go in or out.
 */
#include "frontend/onnx/compose.h"

#include <string.h>

const Val *b_texts(Ctx *cx, int n, const char *const *texts)
{
	Tensor *t = tensor_new(cx->arena, STR, 1, (int64_t[]){n});
	for (int i = 0; i < n; i++) tensor_set_int(t, i, text_number(cx, texts[i]));
	return val_const(cx, t);
}

enum { MAX_TEXTS_BYTES = 1 << 28 }; /* of all elements, however often a text is there */

int64_t texts_bytes(const Node *n, const Tensor *t)
{
	int64_t sum = 0;
	for (int64_t i = 0; i < t->count; i++) {
		sum += (int64_t)strlen(text_numbered(n->cx, tensor_get_int(t, i))) + 1;
		if (sum > MAX_TEXTS_BYTES) node_fail(n, "strings of more than %d bytes in one tensor", MAX_TEXTS_BYTES);
	}
	return sum;
}

const Tensor *node_texts(const Node *n, int i, const char *what)
{
	const Val *v = node_in(n, i, what);
	if (v->type->is_tuple || v->type->elem != STR)
		node_fail(n, "input %s: strings wanted, %s seen", what, type_str(n->cx, v->type));
	const Tensor *t = known_tensor(n->cx, v);
	if (!t)
		node_fail(n,
			"input %s: strings that only run time knows are not supported (--bind makes an input known)",
			what);
	texts_bytes(n, t);
	return t;
}

/* ---------------------------------------------------------------------------------------------------- the end of texts */

static const Val *numbers_of(Rewrite *rw, const Val *old, const Val *const *args)
{
	(void)args;
	if (old->op != OP_const || old->type->elem != STR) return NULL;
	Tensor t = *val_attr(old, A_DATA)->tensor;
	t.elem = I32;
	return val_const(rw->cx, &t);
}

/* A body's parameters change, too. */
static const Graph *body_without_texts(Rewrite *outer, const Graph *g)
{
	Rewrite rw = {.fn = numbers_of, .graph_fn = body_without_texts, .bodies = outer->bodies};
	map_init(&rw.map, outer->cx->arena);
	for (int i = 0; i < g->n_params; i++) {
		const Type *t = g->params[i]->type;
		if (!t->is_tuple && t->elem == STR)
			map_put(&rw.map, g->params[i], val_param(outer->cx, i, type_with_elem(outer->cx, t, I32)));
	}
	return graph_rewrite(outer->cx, g, &rw);
}

const Graph *without_texts(Ctx *cx, const Graph *g)
{
	for (int i = 0; i < g->n_results; i++)
		if (g->results[i]->type->elem == STR)
			fail(cx, "output %s: strings are known to the compiler only, so none can be a result",
				onnx_quote(cx, g->result_names[i]));
	Rewrite rw = {.fn = numbers_of, .graph_fn = body_without_texts};
	return graph_rewrite(cx, g, &rw);
}
