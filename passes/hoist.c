/* hoist.c: moves work that all steps can do at once out of scans, and work that no step changes out of scans and loops.
 *
 *     scan { y = h·R + x·W + b }   =>   u = x·W + b for all steps;  scan { y = h·R + u }
 *
 * A body value is the same in all steps (it depends on consts only), stackable (on xs too), or it depends on a carry and
 * stays.  Of the first two kinds leaves what is worth it: contracts, reductions, transcendental functions and what they are
 * made of.  Where the work crosses back into the body is chosen such that little is stored: an element-wise op on top goes
 * along when that stores no more than its operands would; views and expansions are made inside.  A y that needs no carry
 * leaves whole.
 *
 * Bodies inside come first, so that from nested scans work leaves as far as it can.   Requires: canon.   Keeps: values, up
 * to the order of sums in contracts.   canon afterwards removes the consts and xs that nothing uses any more.
 */
#include "codegen/lower.h"
#include "passes/rewrite.h"

#include <string.h>

typedef enum { STAYS, SAME, STACKED } Kind; /* in the body only; the same in each step; one a step */

typedef struct {
	const Val *val;
	Kind kind;
	bool worth;     /* it, or what it is made of, is work */
	double cost;    /* elements stored for it when it is wanted in the body */
	bool here;      /* and stored as itself, not as its operands */
	bool wanted;    /* in the body */
	bool needed;    /* outside */
	bool leaves;    /* is stored, and read by the body */
	const Val *out; /* what it is outside */
} Node;

typedef struct {
	Ctx *cx;
	Iteration it;
	int n;
	Node *nodes; /* in order */
	Map of;      /* Val -> Node */
} Hoist;

static Node *node_of(const Hoist *h, const Val *v) { return (Node *)(uintptr_t)map_get(&h->of, v); }

static Kind param_kind(const Hoist *h, const Val *v)
{
	int i = (int)val_int(v, A_INDEX) - h->it.param0;
	if (i < 0) return STAYS; /* a loop's counter */
	return i < h->it.n_consts ? SAME : i < h->it.n_consts + h->it.n_carries ? STAYS : STACKED;
}

static Kind kind_of(const Hoist *h, const Val *v)
{
	Kind kind = SAME;
	bool *stacked = NEWN(h->cx->arena, bool, v->n_args + 1);
	if (v->op == OP_param) return param_kind(h, v);
	for (int i = 0; i < v->n_args; i++) {
		Kind k = node_of(h, v->args[i])->kind;
		stacked[i] = k == STACKED;
		if (k == STAYS) return STAYS;
		if (k == STACKED) kind = STACKED;
	}
	if (kind == SAME) /* a body that runs no step must not fail outside */
		return is_total(h->cx, v) ? SAME : STAYS;
	return can_lift(v, stacked) ? kind : STAYS;
}

static bool is_transcendental(Op op) { return (op >= OP_EW_sqrt && op <= OP_EW_erf) || op == OP_EW_pow; }

static bool is_work(const Node *node)
{
	switch (node->val->op) {
	case OP_contract:
	case OP_reduce:
	case OP_argreduce:
	case OP_cumulative:
	case OP_sort: return true;
	default:
		return op_info[node->val->op].is_ew && node->val->type->rank &&
			(node->kind == SAME || is_transcendental(node->val->op));
	}
}

static double size_of(const Type *t)
{
	double n = 1;
	for (int i = 0; i < t->rank; i++) n *= dim_estimate(t->dims[i]);
	return n;
}

/* Kinds and costs, bottom-up. */
static void survey(Hoist *h)
{
	Order order = graph_order(h->cx->arena, h->it.body);
	h->n = order.n;
	h->nodes = NEWN(h->cx->arena, Node, order.n);
	map_init(&h->of, h->cx->arena);
	for (int i = 0; i < order.n; i++) {
		Node *node = &h->nodes[i];
		const Val *v = node->val = order.vals[i];
		map_put(&h->of, v, node);
		node->kind = kind_of(h, v);
		if (node->kind == STAYS) continue;
		double below = 0;
		for (int k = 0; k < v->n_args; k++) {
			const Node *arg = node_of(h, v->args[k]);
			bool again = k && v->args[k] == v->args[k - 1];
			below += again ? 0 : arg->cost;
			node->worth |= arg->worth;
		}
		bool work = is_work(node);
		node->worth |= work;
		double size = size_of(v->type);
		node->here = work || (op_is_view(v->op) ? false : size <= below);
		node->cost = !node->worth ? 0 : node->here ? size : below;
	}
}

static void want(Hoist *h, const Val *v) { node_of(h, v)->wanted = true; }

/* Top-down: what the body computes, what it reads from outside, what is computed there. */
static void choose(Hoist *h)
{
	const Iteration *it = &h->it;
	for (int i = 0; i < it->body->n_results; i++) {
		Node *node = node_of(h, it->body->results[i]);
		bool is_y = it->val->op == OP_scan && i >= it->n_carries;
		if (is_y && node->kind != STAYS) node->needed = true;
		else node->wanted = true;
	}
	for (int i = h->n - 1; i >= 0; i--) {
		Node *node = &h->nodes[i];
		const Val *v = node->val;
		if (v->op == OP_param) continue;
		node->leaves = node->wanted && node->kind != STAYS && node->worth && node->here;
		node->needed |= node->leaves;
		for (int k = 0; k < v->n_args; k++) {
			if (node->wanted && !node->leaves) want(h, v->args[k]);
			if (node->needed) node_of(h, v->args[k])->needed = true;
		}
	}
}

static const Val *arg_of(const Hoist *h, const Val *param)
{
	return h->it.val->args[h->it.arg0 + val_int(param, A_INDEX) - h->it.param0];
}

static void compute_outside(Hoist *h)
{
	Ctx *cx = h->cx;
	const char *loc = cx->loc;
	for (int i = 0; i < h->n; i++) {
		Node *node = &h->nodes[i];
		const Val *v = node->val;
		if (!node->needed) continue;
		if (v->op == OP_param) {
			node->out = arg_of(h, v);
			continue;
		}
		const Val **args = NEWN(cx->arena, const Val *, v->n_args + 1);
		bool *stacked = NEWN(cx->arena, bool, v->n_args + 1);
		for (int k = 0; k < v->n_args; k++) {
			args[k] = node_of(h, v->args[k])->out;
			stacked[k] = node_of(h, v->args[k])->kind == STACKED;
		}
		cx->loc = v->loc;
		node->out = node->kind == SAME ? val_with(cx, v, args) : lift(cx, v, args, stacked, h->it.length);
	}
	cx->loc = loc;
}

typedef struct {
	Hoist *h;
	Rewrite rw;
	int n;
	const Val **params, **args;
	const char **names;
} NewBody;

static void add_param(NewBody *b, const Val *old, const Val *arg, const char *name)
{
	const Val *param = val_param(b->h->cx, b->n, old->type);
	map_put(&b->rw.map, old, param);
	b->params[b->n] = param;
	b->args[b->n] = arg;
	b->names[b->n++] = name;
}

static void add_params(NewBody *b, int from, int n)
{
	const Graph *body = b->h->it.body;
	for (int i = from; i < from + n; i++)
		add_param(b, body->params[i], i < b->h->it.param0 ? NULL : arg_of(b->h, body->params[i]),
			body->param_names[i]);
}

static void add_leaving(NewBody *b, Kind kind)
{
	for (int i = 0; i < b->h->n; i++) {
		const Node *node = &b->h->nodes[i];
		if (node->leaves && node->kind == kind)
			add_param(b, node->val, node->out, arena_printf(b->h->cx->arena, "u%d", b->n));
	}
}

static const Val **rebuild(Hoist *h)
{
	Ctx *cx = h->cx;
	const Iteration *it = &h->it;
	const Graph *body = it->body;
	int most = body->n_params + h->n, n_parts = it->val->type->n_parts;
	NewBody b = {.h = h,
		.rw = {.cx = cx, .graph_fn = keep_body},
		.params = NEWN(cx->arena, const Val *, most),
		.args = NEWN(cx->arena, const Val *, most + 1),
		.names = NEWN(cx->arena, const char *, most)};
	map_init(&b.rw.map, cx->arena);
	add_params(&b, 0, it->param0 + it->n_consts);
	add_leaving(&b, SAME);
	int n_consts = b.n - it->param0;
	add_params(&b, it->param0 + it->n_consts, it->n_carries + it->n_xs);
	add_leaving(&b, STACKED);

	const Val **parts = NEWN(cx->arena, const Val *, n_parts + 1),
		  **results = NEWN(cx->arena, const Val *, body->n_results + 1);
	const char **names = NEWN(cx->arena, const char *, body->n_results + 1);
	int *place = NEWN(cx->arena, int, n_parts + 1), n = 0;
	for (int i = 0; i < body->n_results; i++) {
		const Node *node = node_of(h, body->results[i]);
		bool leaves = it->val->op == OP_scan && i >= it->n_carries && node->kind != STAYS;
		if (leaves) {
			const Type *type = it->val->type->parts[i];
			parts[i] = node->kind == STACKED
				? node->out
				: b_expand(cx, b_unsqueeze(cx, node->out, 0), type->rank, type->dims);
			continue;
		}
		place[i] = n;
		names[n] = body->result_names[i];
		results[n++] = rewrite_val(&b.rw, body->results[i]);
	}
	if (n == 0) return parts;
	const Graph *g = graph_new(cx, body->name, b.n, b.params, b.names, n, results, names);
	const Val *made;
	if (it->val->op == OP_loop) {
		memmove(b.args + 2, b.args + 1, sizeof *b.args * (size_t)(b.n - 1));
		b.args[0] = it->val->args[0];
		b.args[1] = it->val->args[1];
		made = b_loop(cx, g, n_consts, it->n_carries, b.n + 1, b.args, it->length);
	} else {
		made = b_scan(cx, g, n_consts, it->n_carries, b.n, b.args, it->length, it->reverse);
	}
	for (int i = 0; i < n_parts; i++) /* result i of a body is part i, for a loop too: go', count */
		if (!parts[i]) parts[i] = val_get(cx, made, place[i]);
	return parts;
}

static const Val **hoist_iteration(Rewrite *rw, void *user, const Val *old, const Val *now)
{
	(void)user, (void)old;
	if (now->op != OP_scan && now->op != OP_loop) return NULL;
	Hoist h = {.cx = rw->cx, .it = iteration_of(now)};
	survey(&h);
	choose(&h);
	bool any = false;
	for (int i = 0; i < h.n; i++) any |= h.nodes[i].needed;
	if (!any) return NULL;
	compute_outside(&h);
	return rebuild(&h);
}

const Graph *pass_hoist(Ctx *cx, const Graph *g) { return replace_control(cx, g, true, hoist_iteration, NULL); }
