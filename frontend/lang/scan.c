/* scan.c: a cell along sequences.
 *
 * Where the axis is ragged, a step at t >= length holds the states and gives 0:  h' = select(t < length, h', h).  A reverse
 * scan meets those steps first and so begins at each sequence's own end, as the importer of ONNX has it (ops_rnn.c).  A cell
 * without states is no recurrence: it is computed for all steps at once, like `for`.  With dilation d a ring of the last d
 * states is carried, oldest first.
 */
#include "frontend/lang/model.h"

#include <string.h>

typedef struct {
	CellUse *cell;
	const Node *node;
	int n_xs;
	Value xs[MAX_RESULTS];
	const Axis *axis; /* that it goes along */
	bool reverse;
	int64_t dilate;
	double zoneout;
} Scan;

static double option_number(Elab *e, const Node *value, const char *what, double lo, double hi)
{
	Value v = elab_expr(e, value);
	if (v.kind != V_NUM || !(v.num >= lo && v.num <= hi))
		fail(e->cx, "%s wants a number from %g to %g, this is %s", what, lo, hi, value_str_of(e, &v));
	return v.num;
}

static void read_scan(Elab *e, const Node *node, Scan *s)
{
	*s = (Scan){.node = node, .dilate = 1, .cell = cell_use_new(e, node)};
	for (int i = 1; i < node->n; i++) {
		const char *option = node->names[i];
		const Node *kid = node->kids[i];
		if (!option) {
			if (s->n_xs == MAX_RESULTS) fail(e->cx, "a scan over more than %d sequences", MAX_RESULTS);
			Value v = elab_expr(e, kid);
			Value x = model_value(e, &v, "what is scanned");
			e->at = (Span){e->at.src, kid->start, kid->end};
			if (!x.lay->n) fail(e->cx, "scan goes along the first axis, this is a number");
			const Axis *a = x.lay->axes[0];
			if (s->axis && !axis_same(s->axis, a)) {
				if (s->axis->name && a->name)
					fail(e->cx, "axes %s and %s have different lengths: %s, %s", s->axis->name,
						a->name, axis_str(e, s->axis), axis_str(e, a));
				fail(e->cx, "the sequences differ in length: %s and %s", axis_str(e, s->axis),
					axis_str(e, a));
			}
			s->axis = a;
			s->xs[s->n_xs++] = x;
			e->at = (Span){e->at.src, node->start, node->end};
		} else if (!strcmp(option, "reverse")) s->reverse = true;
		else if (!strcmp(option, "dilate")) s->dilate = (int64_t)option_number(e, kid, option, 1, 65536);
		else if (!strcmp(option, "zoneout")) s->zoneout = option_number(e, kid, option, 0, 1);
		else if (!strcmp(option, "feed")) option_number(e, kid, option, 0, 1); /* of training */
		else option_number(e, kid, option, 1, 1e9);                            /* tbptt: of training */
	}
}

/* Without states: all steps at once. */
static Value scan_stateless(Elab *e, Scan *s)
{
	int bit = context_open(e, s->axis), n;
	Value xs[MAX_RESULTS], yields[2 * MAX_RESULTS];
	cell_use_enter(e, s->cell);
	for (int i = 0; i < s->n_xs; i++) xs[i] = context_take(e, &s->xs[i], bit);
	cell_use_run(e, s->cell, s->n_xs, xs, NULL, &n, yields, NULL);
	if (!n) fail(e->cx, "%s gives nothing: it has neither states nor a yield", s->cell->fn->decl->name);
	cell_use_leave(e, s->cell);
	for (int i = 0; i < n; i++) {
		Value v = model_value(e, &yields[i], "a result");
		yields[i] = context_close(e, &v);
		e->model->n_contexts++;
	}
	e->model->n_contexts--;
	return as_results(e, s->node, n, yields);
}

typedef struct {
	Body body;
	Value states[MAX_RESULTS], next[MAX_RESULTS], ys[2 * MAX_RESULTS];
	const Val *carried[MAX_RESULTS]; /* the new states, or with dilation d the last d of them */
	int state_of_y[2 * MAX_RESULTS]; /* the state whose new value a result is; -1: none */
	int n_ys, n_args;
	const Val **args; /* the initial states, then the sequences */
	const char **names;
	Map inner_lengths; /* of axes inside the scanned one: their hole -> the axis outside */
} Running;

enum { MAX_HOLES = 8 * MAX_RESULTS };

static void add_hole(Elab *e, Running *r, const Val *arg, const Val *hole, const char *name)
{
	if (r->n_args == MAX_HOLES) fail(e->cx, "a scan over too many sequences");
	r->args[r->n_args] = arg;
	r->names[r->n_args] = name;
	r->body.holes[r->n_args++] = hole;
}

/* A sequence x as holes of its elements; with it, those of lengths that differ along it. */
typedef struct {
	Running *r;
	const char *name;
} Slicing;

static const Val *slice_hole(Elab *e, Running *r, const Val *xs, const char *name)
{
	const Type *t = xs->type;
	for (int i = r->body.n_carries; i < r->n_args; i++)
		if (r->args[i] == xs) return r->body.holes[i];
	const Val *hole = model_hole(e, type_new(e->cx, t->elem, t->rank - 1, t->dims + 1));
	add_hole(e, r, xs, hole, name);
	return hole;
}

static Value take_step(Elab *e, const Value *x, const void *user)
{
	const Slicing *s = user;
	const Val *hole = slice_hole(e, s->r, model_axis_first(e, x, 0), s->name);
	Value v = model_tensor(
		e, hole, x->lay->over, x->lay->n - 1, axes_inside(e, x, take_step, &(Slicing){s->r, "lengths"}));
	for (int i = 1; i < x->lay->n; i++) {
		const Axis *a = v.lay->axes[i - 1];
		if (a != x->lay->axes[i]) map_put(&s->r->inner_lengths, a->lengths->val, x->lay->axes[i]);
	}
	v.classes = x->classes;
	return v;
}

/* Is step t real? */
static bool still_runs(Elab *e, const Scan *s, const Val *t, Value *runs)
{
	const Value *lengths = s->axis->lengths;
	if (!lengths) return false;
	if (lengths->lay->n)
		fail(e->cx, "axis %s differs along %s: take one of those first (for, or a scan over it)",
			axis_str(e, s->axis), axis_str(e, lengths->lay->axes[0]));
	Value now = model_tensor(e, t, 0, 0, NULL);
	*runs = value_binary(e, OP_EW_lt, &now, lengths);
	return true;
}

/* zoneout p, as it is outside of training: the expectation. */
static Value zone_out(Elab *e, double p, const Value *old, const Value *new)
{
	Value keep = value_num(p), take = value_num(1 - p);
	Value a = value_binary(e, OP_EW_mul, &keep, old), b = value_binary(e, OP_EW_mul, &take, new);
	return value_binary(e, OP_EW_add, &a, &b);
}

/* A ring of the last d states, oldest first: [d, contexts.., axes..]. */
static const Val *ring_slice(Ctx *cx, const Val *ring, int64_t start, int64_t n)
{
	return b_slice(cx, ring, 0, dim_int(cx, start), dim_int(cx, n), 1);
}

static const Val *ring_at(Ctx *cx, const Val *ring, int64_t i) { return b_squeeze(cx, ring_slice(cx, ring, i, 1), 0); }

/* What is carried of state i; where the sequence has ended, what was. */
static const Val *carried(Elab *e, const Scan *s, const Running *r, int i, const Value *runs)
{
	Ctx *cx = e->cx;
	const Val *old = r->body.holes[i], *new = r->next[i].val;
	if (s->dilate > 1) {
		const Val *parts[] = {ring_slice(cx, old, 1, s->dilate - 1), b_unsqueeze(cx, new, 0)};
		new = b_concat(cx, 2, parts, 0);
	}
	if (!runs) return new;
	return b_select(cx, model_widen(e, runs, r->next[i].lay->over, r->next[i].lay->n), new, old);
}

static void run_body(Elab *e, Scan *s, Running *r, const Val *t)
{
	const FnDecl *d = s->cell->fn->decl;
	Slicing slicing = {r, NULL};
	Value xs[MAX_RESULTS];
	for (int i = 0; i < s->n_xs; i++) {
		slicing.name = d->n_inputs == s->n_xs ? d->inputs[i]->text : "x";
		xs[i] = take_step(e, &s->xs[i], &slicing);
	}
	cell_use_run(e, s->cell, s->n_xs, xs, r->states, &r->n_ys, r->ys, r->next);
	Value runs;
	bool masked = still_runs(e, s, t, &runs);
	for (int i = 0; i < d->n_states; i++) {
		if (s->zoneout > 0) r->next[i] = zone_out(e, s->zoneout, &r->states[i], &r->next[i]);
		if (i == 0 && !r->n_ys) r->ys[r->n_ys++] = r->next[i];
		r->carried[i] = carried(e, s, r, i, masked ? &runs : NULL);
	}
	Value zero = value_num(0);
	for (int i = 0; i < r->n_ys; i++) {
		r->ys[i] = model_value(e, &r->ys[i], "a result");
		r->state_of_y[i] = -1;
		for (int k = 0; k < d->n_states; k++)
			if (r->ys[i].val == r->next[k].val) r->state_of_y[i] = k;
		if (masked) r->ys[i] = model_select(e, &runs, &r->ys[i], &zero);
	}
}

/* The axes of a result, those inside the scanned axis as they are outside. */
static const Axis *const *axes_outside(Elab *e, const Running *r, const Value *y)
{
	const Axis **axes = NEWN(e->cx->arena, const Axis *, y->lay->n + 1);
	for (int i = 0; i < y->lay->n; i++) {
		const Axis *a = y->lay->axes[i],
			   *outside = a->lengths ? map_get(&r->inner_lengths, a->lengths->val) : NULL;
		axes[i] = outside ? outside : a;
	}
	return axes;
}

static bool is_zero(const Val *v)
{
	while (v->op == OP_expand || v->op == OP_reshape) v = v->args[0];
	if (v->op != OP_const) return false;
	const Tensor *t = val_attr(v, A_DATA)->tensor;
	return t->count == 1 && tensor_get(t, 0) == 0;
}

/* What a state is after the last step is also the last of the outputs that give it: then last(hs) needs none of the others.
 * Of no steps the last is 0, as is the state where it began so. */
static Value build_scan(Elab *e, Scan *s, Running *r)
{
	Ctx *cx = e->cx;
	const FnDecl *d = s->cell->fn->decl;
	Body *b = &r->body;
	int n_states = d->n_states;
	b->n_results = n_states + r->n_ys;
	b->results = NEWN(cx->arena, const Val *, b->n_results);
	b->result_names = NEWN(cx->arena, const char *, b->n_results);
	for (int i = 0; i < n_states; i++) {
		b->results[i] = r->carried[i];
		b->result_names[i] = arena_printf(cx->arena, "%s'", d->states[i]->text);
	}
	for (int i = 0; i < r->n_ys; i++) {
		b->results[n_states + i] = r->ys[i].val;
		b->result_names[n_states + i] = i ? arena_printf(cx->arena, "y%d", i) : "y";
	}
	b->n_xs = r->n_args - n_states;
	b->hole_names = r->names;
	b->name = d->name;
	int n;
	const Val *const *captured;
	const Graph *body = body_close(e, b, 0, NULL, &n, &captured);
	const Val **args = NEWN(cx->arena, const Val *, n + r->n_args + 1);
	for (int i = 0; i < n + r->n_args; i++) args[i] = i < n ? captured[i] : r->args[i - n];
	const Val *tuple = b_scan(cx, body, n, n_states, n + r->n_args, args, s->axis->size, s->reverse);
	Value results[3 * MAX_RESULTS];
	for (int i = 0; i < r->n_ys; i++) {
		const Value *y = &r->ys[i];
		results[i] = model_axis_from_first(
			e, val_get(cx, tuple, n_states + i), s->axis, y->lay->over, y->lay->n, axes_outside(e, r, y));
	}
	for (int i = 0; i < n_states; i++) {
		const Val *last = val_get(cx, tuple, i);
		if (s->dilate > 1) last = ring_at(cx, last, s->dilate - 1);
		results[r->n_ys + i] = state_of(e, last, &r->states[i]);
	}
	for (int i = 0; i < r->n_ys; i++) {
		int k = r->state_of_y[i];
		if (k < 0 || s->reverse || (s->axis->lengths && !is_zero(r->args[k]))) continue;
		results[i].last = arena_copy(cx->arena, &results[r->n_ys + k], sizeof(Value));
	}
	return as_results(e, s->node, r->n_ys + n_states, results);
}

static Value scan_states(Elab *e, Scan *s)
{
	Ctx *cx = e->cx;
	const FnDecl *d = s->cell->fn->decl;
	Running *r = NEW(cx->arena, Running);
	map_init(&r->inner_lengths, cx->arena);
	r->args = NEWN(cx->arena, const Val *, MAX_HOLES);
	r->names = NEWN(cx->arena, const char *, MAX_HOLES);
	r->body.holes = NEWN(cx->arena, const Val *, MAX_HOLES);
	r->body.n_carries = d->n_states;
	s->cell->reversed = s->reverse;
	cell_use_enter(e, s->cell);
	for (int i = 0; i < d->n_states; i++) {
		Value initial = cell_use_state(e, s->cell, i);
		const Val *all = initial.val;
		if (s->dilate > 1) {
			const Dim **dims = NEWN(cx->arena, const Dim *, all->type->rank + 1);
			dims[0] = dim_int(cx, s->dilate);
			for (int k = 0; k < all->type->rank; k++) dims[k + 1] = all->type->dims[k];
			all = b_expand(cx, all, all->type->rank + 1, dims);
		}
		const Val *hole = model_hole(e, all->type);
		add_hole(e, r, all, hole, d->states[i]->text);
		r->states[i] = state_of(e, s->dilate > 1 ? ring_at(cx, hole, 0) : hole, &initial);
	}
	const Val *t = NULL;
	if (s->axis->lengths) t = slice_hole(e, r, b_iota(cx, I64, 1, &s->axis->size, 0), "t");
	run_body(e, s, r, t);
	cell_use_leave(e, s->cell);
	return build_scan(e, s, r);
}

Value model_scan(Elab *e, const Node *node)
{
	Scan *s = NEW(e->cx->arena, Scan);
	read_scan(e, node, s);
	return s->cell->fn->decl->n_states ? scan_states(e, s) : scan_stateless(e, s);
}
