/* tuples.c: replaced control ops, and which of their results and parameters are needed. */
#include "passes/rewrite.h"

#include <assert.h>

void parts_put(Parts *p, const Val *control, const Val *const *parts)
{
	assert(control->type->is_tuple);
	map_put(&p->parts, control, parts);
}

const Val *parts_get(const Parts *p, const Val *get)
{
	assert(get->op == OP_get);
	const Val *const *parts = map_get(&p->parts, get->args[0]);
	return parts ? parts[val_int(get, A_INDEX)] : NULL;
}

typedef struct {
	Parts parts;
	PartsRule *rule;
	void *user;
} Replace;

static const Val *replace_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	Replace *r = rw->user;
	const Val *now = val_with(rw->cx, old, args);
	if (now->op == OP_get) {
		const Val *part = parts_get(&r->parts, now);
		return part ? part : now;
	}
	const Val **parts = now->type->is_tuple ? r->rule(rw, r->user, old, now) : NULL;
	if (parts) parts_put(&r->parts, now, parts);
	return now;
}

const Graph *replace_control(Ctx *cx, const Graph *g, bool deep, PartsRule *rule, void *user)
{
	Replace r = {.rule = rule, .user = user};
	map_init(&r.parts.parts, cx->arena);
	Rewrite rw = {.user = &r, .fn = replace_val, .graph_fn = deep ? NULL : keep_body};
	return graph_rewrite(cx, g, &rw);
}

const Val **parts_of(Ctx *cx, const Val *control)
{
	int n = control->type->n_parts;
	const Val **parts = NEWN(cx->arena, const Val *, n + 1);
	for (int i = 0; i < n; i++) parts[i] = val_get(cx, control, i);
	return parts;
}

Map used_parts(Ctx *cx, const Graph *g)
{
	Order order = graph_order(cx->arena, g);
	Map used;
	map_init(&used, cx->arena);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (v->type->is_tuple) map_put(&used, v, NEWN(cx->arena, bool, v->type->n_parts + 1));
		if (v->op == OP_get) ((bool *)(uintptr_t)map_get(&used, v->args[0]))[val_int(v, A_INDEX)] = true;
	}
	return used;
}

bool *used_params(Ctx *cx, const Graph *g, int n, const Val *const *vals)
{
	bool *used = NEWN(cx->arena, bool, g->n_params + 1);
	Graph part = *g;
	part.n_results = n;
	part.results = vals;
	Order order = graph_order(cx->arena, &part);
	for (int i = 0; i < order.n; i++)
		for (int k = 0; k < order.vals[i]->n_args; k++)
			if (order.vals[i]->args[k]->op == OP_param)
				used[val_int(order.vals[i]->args[k], A_INDEX)] = true;
	for (int i = 0; i < n; i++)
		if (vals[i]->op == OP_param) used[val_int(vals[i], A_INDEX)] = true;
	return used;
}

Iteration iteration_of(const Val *v)
{
	const int64_t *counts = val_ints(v, A_COUNTS);
	bool is_loop = v->op == OP_loop;
	assert(is_loop || v->op == OP_scan);
	Iteration it = {.val = v,
		.body = val_body(v, 0),
		.n_consts = (int)counts[0],
		.n_carries = (int)counts[1],
		.length = val_dims(v, A_LENGTH)[0],
		.arg0 = is_loop ? 2 : 0,
		.param0 = is_loop,
		.result0 = is_loop,
		.part0 = is_loop,
		.reverse = !is_loop && val_int(v, A_REVERSE)};
	it.n_xs = v->n_args - it.arg0 - it.n_consts - it.n_carries;
	it.n_ys = it.body->n_results - it.result0 - it.n_carries;
	return it;
}
