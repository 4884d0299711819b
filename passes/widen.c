/* widen.c: every f32 value becomes f64: a double build of a model, --dtype f64.
 *
 *     %0 = param 0 f32[4]; %1 = add(%0, const f32[4])   =>   %0 = param 0 f64[4]; %1 = add(%0, const f64[4])
 * Constants keep their value, casts to f32 become casts to f64, and what then casts f64 to f64 goes.  Other types stay: what
 * a model rounds to f16 or counts in integers means the same as before.
 * Requires: nothing.   Keeps: names, sizes, everything but the f32 types of parameters, values and results.
 */
#include "passes/rewrite.h"

static const Type *wide_type(Ctx *cx, const Type *t)
{
	return !t->is_tuple && t->elem == F32 ? type_with_elem(cx, t, F64) : t;
}

static const Val *wide_const(Ctx *cx, const Val *v)
{
	const Tensor *narrow = val_attr(v, A_DATA)->tensor;
	if (narrow->elem != F32) return v;
	Tensor *wide = tensor_new(cx->arena, F64, narrow->rank, narrow->dims);
	if (!wide) fail(cx, "a constant of type %s is too large for f64", type_str(cx, v->type));
	const float *from = narrow->data;
	double *to = wide->data;
	for (int64_t i = 0; i < narrow->count; i++) to[i] = (double)from[i];
	return val_const(cx, wide);
}

static const Val *widen_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	Ctx *cx = rw->cx;
	if (old->op == OP_const) return wide_const(cx, old);
	Attr *attrs = arena_copy(cx->arena, old->attrs, sizeof *old->attrs * (size_t)old->n_attrs);
	for (int k = 0; k < old->n_attrs; k++)
		if (attrs[k].key == A_ELEM && attrs[k].elem == F32) attrs[k].elem = F64;
	if (old->op == OP_EW_cast && attrs[0].elem == F64 && args[0]->type->elem == F64) return args[0];
	return val_with_attrs(cx, old, args, attrs);
}

static const Graph *widen_graph(Ctx *cx, const Graph *g, Map *bodies);

static const Graph *widen_body(Rewrite *rw, const Graph *body) { return widen_graph(rw->cx, body, rw->bodies); }

static const Graph *widen_graph(Ctx *cx, const Graph *g, Map *bodies)
{
	Rewrite rw = {.fn = widen_val, .graph_fn = widen_body, .bodies = bodies};
	map_init(&rw.map, cx->arena);
	for (int i = 0; i < g->n_params; i++)
		map_put(&rw.map, g->params[i], val_param(cx, i, wide_type(cx, g->params[i]->type)));
	return graph_rewrite(cx, g, &rw);
}

const Graph *pass_widen(Ctx *cx, const Graph *g)
{
	Map bodies;
	map_init(&bodies, cx->arena);
	return widen_graph(cx, g, &bodies);
}
