/* plan.c: a graph made ready to be evaluated: its values in order, and where each finds its operands.
 *
 * A plan may reclaim: every op then works in an arena of its own, which is freed after the last op that can see its results,
 * so memory follows what is alive rather than the length of the graph.  A result may share its data with an operand's
 * (MAY_ALIAS), so an operand of such an op lives as long as the op's own results.  What the graph itself gives is made in
 * e->arena.  Bodies of loops do not reclaim: steps.c throws away a step's values all at once.
 */
#include "ir/prim.h"

typedef struct {
	const Val *val;
	int first;       /* its results' place among the plan's slots */
	int n_args;      /* tensors that it takes: a tuple stands as all of its parts */
	const int *args; /* slots */
	int last;        /* the row after which nothing sees its results; n_rows: they are the graph's */
	int first_dead;  /* the rows of which this one is the last: a list that ends with -1 */
	int next_dead;
} Row;

struct Plan {
	const Graph *graph;
	bool reclaim;
	int n_rows, n_slots, max_args;
	Row *rows;
	const int *results; /* slots */
};

static bool may_alias(Op op)
{
	return op == OP_get || op == OP_reshape || op == OP_scan || op == OP_loop || op == OP_cond || op == OP_call ||
		op == OP_size || op == OP_after || op == OP_guard;
}

/* Ops that make next to nothing of their own. */
static bool makes_data(Op op)
{
	return op != OP_param && op != OP_const && op != OP_get && op != OP_reshape && op != OP_size &&
		op != OP_after && op != OP_guard;
}

/* From the last row to the first: a row's own lifetime is known when its operands are told. */
static void find_lifetimes(Plan *p, const Map *row_of)
{
	for (int i = 0; i < p->graph->n_results; i++) ((Row *)map_get(row_of, p->graph->results[i]))->last = p->n_rows;
	for (int i = p->n_rows - 1; i >= 0; i--) {
		Row *row = &p->rows[i];
		const int sees = may_alias(row->val->op) ? row->last : i;
		for (int k = 0; k < row->val->n_args; k++) {
			Row *from = (Row *)map_get(row_of, row->val->args[k]);
			if (from->last < sees) from->last = sees;
		}
	}
	for (int i = 0; i < p->n_rows; i++) {
		Row *row = &p->rows[i];
		if (row->last == p->n_rows) continue;
		row->next_dead = p->rows[row->last].first_dead;
		p->rows[row->last].first_dead = i;
	}
}

Plan *plan_new(Eval *e, const Graph *g, bool reclaim)
{
	const Order order = graph_order(e->arena, g);
	Plan *p = eval_memory(e, 1, sizeof *p);
	*p = (Plan){
		.graph = g, .reclaim = reclaim, .n_rows = order.n, .rows = eval_memory(e, order.n, sizeof *p->rows)};
	Map row_of;
	map_init(&row_of, e->arena);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		Row *row = &p->rows[i];
		*row = (Row){.val = v, .first = p->n_slots, .first_dead = -1, .next_dead = -1};
		p->n_slots += n_parts(v);
		for (int k = 0; k < v->n_args; k++) row->n_args += n_parts(v->args[k]);
		int *args = eval_memory(e, row->n_args, sizeof *args);
		int n = 0;
		for (int k = 0; k < v->n_args; k++) {
			const Row *from = map_get(&row_of, v->args[k]);
			for (int part = 0; part < n_parts(v->args[k]); part++) args[n++] = from->first + part;
		}
		row->args = args;
		if (n > p->max_args) p->max_args = n;
		map_put(&row_of, v, row);
	}
	int *results = eval_memory(e, g->n_results, sizeof *results);
	for (int i = 0; i < g->n_results; i++) results[i] = ((const Row *)map_get(&row_of, g->results[i]))->first;
	p->results = results;
	find_lifetimes(p, &row_of);
	return p;
}

/* The arenas of rows that are alive; released with e->arena when an error unwinds. */
typedef struct {
	int n;
	Arena **arenas; /* by row; NULL: none */
	int64_t size_bytes;
} Living;

static void release_all(void *living)
{
	Living *l = living;
	for (int i = 0; i < l->n; i++) arena_free(l->arenas[i]);
}

static Living *living_new(Eval *e, int n)
{
	Living *l = eval_memory(e, 1, sizeof *l);
	*l = (Living){.n = n, .arenas = eval_memory(e, n, sizeof *l->arenas)};
	arena_defer(e->arena, release_all, l);
	return l;
}

static void run_row(Eval *e, const Plan *p, int i, Living *living, const Tensor *const *args, const Tensor **results)
{
	const Row *row = &p->rows[i];
	Eval inner = *e;
	inner.max_bytes -= living->size_bytes;
	const bool own = row->last < p->n_rows && makes_data(row->val->op);
	if (own) {
		inner.max_bytes -= (int64_t)arena_size(e->arena);
		inner.arena = living->arenas[i] = arena_new();
	}
	eval_one(&inner, row->val, args, results);
	e->env = inner.env; /* a loop may have given a computed symbol its value */
	if (own) living->size_bytes += (int64_t)arena_size(inner.arena);
	for (int k = row->first_dead; k >= 0; k = p->rows[k].next_dead) {
		if (!living->arenas[k]) continue;
		living->size_bytes -= (int64_t)arena_size(living->arenas[k]);
		arena_free(living->arenas[k]);
		living->arenas[k] = NULL;
	}
}

void plan_run(Eval *e, const Plan *p, const Tensor *const *inputs, const Tensor **results)
{
	const Tensor **slots = eval_memory(e, p->n_slots, sizeof *slots);
	const Tensor **args = eval_memory(e, p->max_args, sizeof *args);
	Living *living = p->reclaim ? living_new(e, p->n_rows) : NULL;
	for (int i = 0; i < p->n_rows; i++) {
		const Row *row = &p->rows[i];
		if (row->val->op == OP_param) {
			slots[row->first] = inputs[val_int(row->val, A_INDEX)];
			continue;
		}
		for (int k = 0; k < row->n_args; k++) args[k] = slots[row->args[k]];
		if (living) run_row(e, p, i, living, args, slots + row->first);
		else eval_one(e, row->val, args, slots + row->first);
	}
	for (int i = 0; i < p->graph->n_results; i++) results[i] = slots[p->results[i]];
}
