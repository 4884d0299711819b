/* canon.c: the canonical form: constants and shape arithmetic folded, what does nothing removed, branches on constants
 * decided, dead results, carries and branches dropped, scans of one step unrolled.
 *
 * Bottom-up: each value, with canonical operands, is offered to the rules of its kind (fold.c, simplify_*.c); what a rule
 * gives is made canonical in turn, in the same map.  A round also knows which results of control ops the graph uses, which
 * only a whole graph can tell; rounds go on until one changes nothing.  Bodies are graphs of their own, done once each.
 *
 * Requires: inline.   Keeps: every element, except that sums in contracts may be reassociated.
 */
#include "passes/rewrite.h"

#include <assert.h>

/* Far above what any model takes; should two rules ever undo each other, compilation still ends. */
enum { MAX_ROUNDS = 100, MAX_NESTED = 200 };

typedef struct {
	Map done; /* Graph* -> canonical Graph* */
} Graphs;

typedef struct { /* one round over one graph */
	Graphs *graphs;
	Parts parts;
	Map used;
	int n_nested;
} Round;

static const Val *apply_rules(Ctx *cx, const Val *v)
{
	const Val *folded = fold_value(cx, v);
	if (folded && folded != v) return folded;
	if (op_info[v->op].is_ew) return simplify_ew(cx, v);
	switch (v->op) {
	case OP_reshape:
	case OP_permute:
	case OP_slice:
	case OP_expand:
	case OP_window: return simplify_view(cx, v);
	case OP_pad:
	case OP_concat:
	case OP_gather: return simplify_move(cx, v);
	case OP_scatter_nd: return simplify_scatter(cx, v);
	case OP_contract:
	case OP_reduce:
	case OP_argreduce:
	case OP_cumulative:
	case OP_sort: return simplify_compute(cx, v);
	default: return NULL;
	}
}

static const Val *canon_val(Rewrite *rw, const Val *old, const Val *const *args)
{
	Ctx *cx = rw->cx;
	Round *round = rw->user;
	const Val *v = val_with(cx, old, args), *better = NULL;
	map_put(&rw->map, v, v);
	if (v->op == OP_get) better = parts_get(&round->parts, v);
	else if (!v->type->is_tuple) better = apply_rules(cx, v);
	else {
		const bool *used = map_get(&round->used, v);
		const Val **parts = v->op == OP_cond ? simplify_cond(cx, v, used)
			: v->op == OP_call           ? NULL
						     : simplify_iteration(cx, v, used);
		if (parts) parts_put(&round->parts, v, parts);
	}
	if (!better || better == v) return v;
	assert(better->type == v->type);
	if (round->n_nested < MAX_NESTED) {
		round->n_nested++;
		better = rewrite_val(rw, better);
		round->n_nested--;
	}
	map_put(&rw->map, v, better);
	return better;
}

static const Graph *canon_graph(Ctx *, Graphs *, const Graph *);

static const Graph *canon_body(Rewrite *rw, const Graph *body)
{
	Round *round = rw->user;
	return canon_graph(rw->cx, round->graphs, body);
}

static const Graph *canon_graph(Ctx *cx, Graphs *graphs, const Graph *g)
{
	const Graph *have = map_get(&graphs->done, g), *before = NULL;
	if (have) return have;
	const Graph *now = subsume_scans(cx, g);
	for (int i = 0; i < MAX_ROUNDS && now != before; i++) {
		before = now;
		Round round = {.graphs = graphs, .used = used_parts(cx, now)};
		map_init(&round.parts.parts, cx->arena);
		Rewrite rw = {.user = &round, .fn = canon_val, .graph_fn = canon_body};
		now = graph_rewrite(cx, now, &rw);
	}
	map_put(&graphs->done, g, now);
	map_put(&graphs->done, now, now);
	return now;
}

const Graph *pass_canon(Ctx *cx, const Graph *g)
{
	Graphs graphs;
	map_init(&graphs.done, cx->arena);
	return canon_graph(cx, &graphs, g);
}
