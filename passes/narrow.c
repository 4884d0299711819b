/* narrow.c: weights stored in fewer bits than they are computed with.
 *
 *     contract %x const f32[K, N]   =>   contract %x cast(const bf16[K, N], f32)
 * It is done to the constants that products multiply by and to the tables that gather reads; biases and other vectors that are
 * added stay as they are.  Codegen reads a cast constant where it is needed, widening on the way, so a step that is bound by
 * the memory that its weights take is faster by what they shrink.
 *   bf16 f16  where --weights-dtype asks for it; rounded to the nearest even
 *   i8        always; only of f32 and i32 that are whole numbers of 8 bits, as the weights of quantised models are
 * Requires: canon, and none after it, which would fold the casts.   Keeps: all shapes; with i8 the values, too.
 */
#include "passes/rewrite.h"

#include <math.h>
#include <string.h>

typedef struct {
	Elem elem;
	Map weights; /* const Val -> itself: what a product or a gather reads */
} Narrow;

static const Val *base_of(const Val *v)
{
	while (op_is_view(v->op)) v = v->args[0];
	return v;
}

bool is_whole_i8(const Tensor *t)
{
	for (int64_t i = 0; i < t->count; i++) {
		const double x = tensor_get(t, i);
		if (!(x >= INT8_MIN && x <= INT8_MAX) || x != nearbyint(x) || (x == 0 && signbit(x))) return false;
	}
	return true;
}

static bool fits(const Val *w, Elem elem)
{
	const Elem from = w->type->elem;
	if (elem != I8) return from == F32;
	const Tensor *t = val_attr(w, A_DATA)->tensor;
	return (from == F32 || from == I32) && t->count >= SMALL_WEIGHTS && is_whole_i8(t);
}

static void note_weights(Ctx *cx, const Graph *g, Narrow *n)
{
	Order order = graph_order(cx->arena, g);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		int operands = v->op == OP_contract ? 2 : v->op == OP_gather ? 1 : 0;
		for (int k = 0; k < operands; k++) {
			const Val *w = base_of(v->args[k]);
			if (w->op == OP_const && w->type->rank > (v->op == OP_gather) && !map_get(&n->weights, w) &&
				fits(w, n->elem))
				map_put(&n->weights, w, (void *)(uintptr_t)w);
		}
	}
}

static const Val *narrow_const(Ctx *cx, const Val *v, Elem elem)
{
	const Tensor *wide = val_attr(v, A_DATA)->tensor;
	Tensor *t = tensor_new(cx->arena, elem, wide->rank, wide->dims);
	for (int64_t i = 0; i < wide->count; i++) {
		double x = tensor_get(wide, i);
		tensor_set(t, i, x);
		if (isfinite(x) && !isfinite(tensor_get(t, i)))
			fail(cx, "%s: a weight of %g does not fit %s", v->loc ? v->loc : "a constant", x,
				elem_info[elem].name);
	}
	const char *loc = cx->loc;
	cx->loc = v->loc;
	const Val *made = b_cast(cx, val_const(cx, t), wide->elem);
	cx->loc = loc;
	return made;
}

static const Graph *narrow_graph(Ctx *cx, const Graph *g, Elem elem, Map *bodies);

static const Graph *narrow_body(Rewrite *rw, const Graph *body)
{
	const Narrow *n = rw->user;
	return narrow_graph(rw->cx, body, n->elem, rw->bodies);
}

static const Val *narrow_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	const Narrow *n = rw->user;
	(void)args;
	return map_get(&n->weights, old) ? narrow_const(rw->cx, old, n->elem) : NULL;
}

static const Graph *narrow_graph(Ctx *cx, const Graph *g, Elem elem, Map *bodies)
{
	Narrow n = {.elem = elem};
	map_init(&n.weights, cx->arena);
	note_weights(cx, g, &n);
	Rewrite rw = {.user = &n, .fn = narrow_val, .graph_fn = narrow_body, .bodies = bodies};
	return graph_rewrite(cx, g, &rw);
}

static const struct {
	const char *name;
	Elem elem;
} dtypes[] = {{"bf16", BF16}, {"f16", F16}, {"int8", I8}};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

bool weights_dtype_parse(const char *name, Elem *elem)
{
	for (int i = 0; i < N_DTYPES; i++)
		if (strcmp(dtypes[i].name, name) == 0) {
			*elem = dtypes[i].elem;
			return true;
		}
	return false;
}

const char *weights_dtype_name(Elem elem)
{
	for (int i = 0; i < N_DTYPES; i++)
		if (dtypes[i].elem == elem) return dtypes[i].name;
	return NULL;
}

const Graph *pass_narrow(Ctx *cx, const Graph *g, Elem elem)
{
	Map bodies;
	map_init(&bodies, cx->arena);
	return narrow_graph(cx, g, elem, &bodies);
}
