/* cell.c: cells and defs: called once, and scanned over sequences.
 *
 * A scan's body is elaborated with holes (parameters of their own) for the states and the elements of the sequences; what
 * it uses from outside is found afterwards: values that depend on no hole stay outside and become operands, but for
 * constants and what only spreads a value out, which are made again inside.
 *
 * Where the axis is ragged, a step at t >= length holds the states and gives 0:  h' = select(t < length, h', h).  A reverse
 * scan meets those steps first and so begins at each sequence's own end, as the importer of ONNX has it (ops_rnn.c).  A cell
 * without states is no recurrence: it is computed for all steps at once, like `for`.
 */
#include "frontend/lang/model.h"

#include <string.h>

/* ------------------------------------------------------------------------------------------------ bodies */

enum { HOLES = 1 << 24 }; /* indices of holes begin here, beyond those of any graph */

const Val *model_hole(Elab *e, const Type *type) { return val_param(e->cx, HOLES + e->model->n_holes++, type); }

typedef struct {
	Ctx *cx;
	Map inside, new; /* depends on a hole; what stands for it in the body */
	int n, cap;
	const Val **captured;
} Closing;

static bool is_inside(const Closing *c, const Val *v) { return map_get(&c->inside, v) != NULL; }

static void capture(Closing *c, const Val *v)
{
	if (c->n == c->cap) {
		int cap = c->cap ? 2 * c->cap : 16;
		const Val **more = NEWN(c->cx->arena, const Val *, cap);
		if (c->n) memcpy(more, c->captured, sizeof(*more) * (size_t)c->n);
		c->captured = more;
		c->cap = cap;
	}
	c->captured[c->n++] = v;
	map_put(&c->new, v, v);
}

static bool is_remade(const Val *v) { return v->op == OP_expand || v->op == OP_reshape; }
static bool is_closed(const Val *v) { return v->op == OP_const || v->op == OP_dim || v->op == OP_iota; }

/* A value from outside that the body reads. */
static void bring(Closing *c, const Val *v)
{
	while (is_remade(v)) v = v->args[0];
	if (!is_closed(v) && !map_get(&c->new, v)) capture(c, v);
}

/* What stands for v in the body. */
static const Val *inner(Closing *c, const Val *v)
{
	const Val *known = map_get(&c->new, v);
	if (known) return known;
	if (is_closed(v)) return v;
	const Val *base = inner(c, v->args[0]); /* a chain of views, as long as the text made it */
	const Val *made = val_with(c->cx, v, &base);
	map_put(&c->new, v, made);
	return made;
}

const Graph *body_close(Elab *e, const Body *b, int n_first, const Val *const *first, int *n_captured, const Val *const **captured)
{
	Ctx *cx = e->cx;
	Closing c = {.cx = cx};
	map_init(&c.inside, cx->arena);
	map_init(&c.new, cx->arena);
	int n_holes = b->n_carries + b->n_xs;
	for (int i = 0; i < n_first; i++) map_put(&c.inside, first[i], first[i]);
	for (int i = 0; i < n_holes; i++) map_put(&c.inside, b->holes[i], b->holes[i]);
	const Graph *open = graph_new(cx, b->name, 0, NULL, NULL, b->n_results, b->results, b->result_names);
	Order order = graph_order(cx->arena, open);
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		bool inside = is_inside(&c, v);
		for (int k = 0; k < v->n_args && !inside; k++) inside = is_inside(&c, v->args[k]);
		if (!inside) continue;
		map_put(&c.inside, v, v);
		for (int k = 0; k < v->n_args; k++)
			if (!is_inside(&c, v->args[k])) bring(&c, v->args[k]);
	}
	for (int i = 0; i < b->n_results; i++)
		if (!is_inside(&c, b->results[i])) bring(&c, b->results[i]);

	int n = n_first + c.n + n_holes;
	const Val **params = NEWN(cx->arena, const Val *, n + 1);
	const char **names = NEWN(cx->arena, const char *, n + 1);
	for (int i = 0; i < n; i++) {
		const Val *old = i < n_first ? first[i] : i < n_first + c.n ? c.captured[i - n_first] : b->holes[i - n_first - c.n];
		params[i] = val_param(cx, i, old->type);
		map_put(&c.new, old, params[i]);
		names[i] = i < n_first ? "round"
			: i < n_first + c.n ? arena_printf(cx->arena, "u%d", i - n_first)
					    : b->hole_names[i - n_first - c.n];
	}
	for (int i = 0; i < order.n; i++) {
		const Val *v = order.vals[i];
		if (!is_inside(&c, v) || map_get(&c.new, v)) continue;
		const Val **args = NEWN(cx->arena, const Val *, v->n_args + 1);
		for (int k = 0; k < v->n_args; k++) args[k] = inner(&c, v->args[k]);
		map_put(&c.new, v, val_with(cx, v, args));
	}
	const Val **results = NEWN(cx->arena, const Val *, b->n_results + 1);
	for (int i = 0; i < b->n_results; i++) results[i] = inner(&c, b->results[i]);
	*n_captured = c.n;
	*captured = c.captured;
	return graph_new(cx, b->name, n, params, names, b->n_results, results, b->result_names);
}

/* ------------------------------------------------------------------------------------------------ states */

uint64_t all_contexts(const Elab *e) { return (UINT64_C(1) << e->model->n_contexts) - 1; }

/* The axes that NAME[sizes] declares. */
static int declared_axes(Elab *e, const Node *var, const Axis ***axes)
{
	*axes = NEWN(e->cx->arena, const Axis *, var->n_sizes + 1);
	for (int i = 0; i < var->n_sizes; i++) {
		Value v = elab_expr(e, var->kids[2 + i]);
		(*axes)[i] = model_axis_of(e, &v, arena_printf(e->cx->arena, "size %d of %s", i, var->text));
	}
	return var->n_sizes;
}

Value state_of(Elab *e, const Val *val, const Value *like) { return model_tensor(e, val, like->lay->over, like->lay->n, like->lay->axes); }

static const Val *fit(Elab *e, const char *name, const char *what, const Value *given, const Value *like)
{
	Ctx *cx = e->cx;
	Value v = given->kind == V_TENSOR ? *given : model_float(e, given, name);
	v.val = b_cast(cx, v.val, like->val->type->elem);
	/* [1] fits a number */
	while (v.lay->n > like->lay->n && axis_is(v.lay->axes[0], 1)) {
		int axis = count_bits(v.lay->over);
		v = model_tensor(e, b_squeeze(cx, v.val, axis), v.lay->over, v.lay->n - 1, v.lay->axes + 1);
	}
	bool fits = v.lay->n <= like->lay->n;
	for (int i = 0; fits && i < v.lay->n; i++) {
		const Axis *a = v.lay->axes[i], *b = like->lay->axes[like->lay->n - v.lay->n + i];
		fits = axis_is(a, 1) || axis_same(a, b);
	}
	if (!fits) fail(cx, "the state %s is %s, its %s value is %s", name, layout_str(e, like), what, layout_str(e, &v));
	return model_expand(e, &v, like->lay->over, like->lay->n, like->lay->axes);
}

const Val *state_next(Elab *e, const char *name, const Value *given, const Value *like)
{
	return fit(e, name, "next", given, like);
}

/* The value spread out over all contexts, in the declared shape. */
Value state_initial(Elab *e, const Node *var, const Value *given)
{
	Ctx *cx = e->cx;
	Span at = e->at;
	e->at = (Span){at.src, var->start, var->end};
	statement_begin(e, var->text, "");
	Value v = given ? *given : var->kids[1] ? elab_expr(e, var->kids[1]) : value_num(0);
	v = v.kind == V_TENSOR ? v : model_float(e, &v, "the initial state");
	const Axis **axes;
	int n = declared_axes(e, var, &axes);
	if (!n && v.lay->n) {
		n = v.lay->n;
		for (axes = NEWN(cx->arena, const Axis *, n); n-- > 0;) axes[n] = v.lay->axes[n];
		n = v.lay->n;
	}
	Value like = model_tensor(e, v.val, all_contexts(e), n, axes);
	const Val *val = fit(e, var->text, "first", &v, &like);
	e->at = at;
	return model_tensor(e, val, all_contexts(e), n, axes);
}

/* ------------------------------------------------------------------------------------------------ calls */

/* A frame inside the one that the function was declared in, with its sizes. */
static Frame *enter_fn(Elab *e, const Closure *fn, int n_sizes, const Value *sizes, const char *const *names)
{
	const FnDecl *d = fn->decl;
	if (++e->calls > 64) fail(e->cx, "calls nested too deeply: does %s call itself?", d->name);
	Frame *f = NEW(e->cx->arena, Frame);
	*f = (Frame){.fn = d, .called = e->at, .up = e->frame, .outer = fn->env};
	if (fn->n_sizes) {
		if (n_sizes) fail(e->cx, "%s has its sizes already", d->name);
		n_sizes = fn->n_sizes, sizes = fn->sizes, names = fn->size_names;
	}
	e->frame = f;
	int next = 0, taken = 0;
	for (int i = 0; i < d->n_sizes; i++) {
		const Value *v = NULL;
		for (int k = 0; k < n_sizes && !v; k++)
			if (names[k] && !strcmp(names[k], d->sizes[i]->text)) v = &sizes[k];
		while (!v && next < n_sizes && names[next]) next++;
		if (!v && next < n_sizes) v = &sizes[next++];
		taken += v != NULL;
		Value initial;
		if (!v && d->sizes[i]->kids[1]) {
			Span at = e->at;
			e->at.src = d->src;
			initial = elab_expr(e, d->sizes[i]->kids[1]);
			e->at = at;
			v = &initial;
		}
		if (!v) fail(e->cx, "%s wants %d size%s in [ ]: %s is missing", d->name, d->n_sizes, d->n_sizes == 1 ? "" : "s", d->sizes[i]->text);
		if (v->kind == V_TENSOR)
			fail(e->cx, "size %s of %s must be known at compile time, this is %s", d->sizes[i]->text, d->name, value_str_of(e, v));
		elab_bind(e, d->sizes[i]->text, *v);
	}
	if (taken < n_sizes) fail(e->cx, "%s has %d size%s, %d are given", d->name, d->n_sizes, d->n_sizes == 1 ? "" : "s", n_sizes);
	return f;
}

static void leave_fn(Elab *e, Frame *f)
{
	e->frame = f->up;
	e->calls--;
}

/* An input as it was declared: x[D] is checked, and D bound where it is new. */
static void bind_input(Elab *e, const FnDecl *d, const Node *var, Value v)
{
	Ctx *cx = e->cx;
	Span at = e->at;
	if (v.kind == V_LIST && !var->n_sizes) {
		elab_bind(e, var->text, v);
		return;
	}
	if (v.kind != V_CLOSURE && v.kind != V_FN && v.kind != V_STR && v.kind != V_NUM) v = model_value(e, &v, var->text);
	if (var->n_sizes) {
		if (v.kind == V_NUM) v = model_value(e, &v, var->text);
		if (v.kind != V_TENSOR || v.lay->n != var->n_sizes)
			fail(cx, "%s: %s has %d ax%s, this is %s", d->name, var->text, var->n_sizes, var->n_sizes == 1 ? "is" : "es",
				value_str_of(e, &v));
	}
	for (int i = 0; i < var->n_sizes; i++) {
		const Node *size = var->kids[2 + i];
		const Axis *a = v.lay->axes[i];
		if (size->kind == N_NAME && !elab_lookup(e->frame, size->text, false)) {
			int64_t n;
			Value bound = {.kind = V_AXIS, .axis = a};
			if (!a->name && dim_is_int(a->size, &n)) bound = value_num((double)n);
			elab_bind(e, size->text, bound);
			continue;
		}
		e->at = (Span){d->src, size->start, size->end};
		Value want = elab_expr(e, size);
		e->at = at;
		const Axis *wanted = model_axis_of(e, &want, size->text ? size->text : "the size");
		if (wanted->name ? wanted->root != a->root : !axis_same(wanted, a))
			fail(cx, "%s: axis %d of %s is %s, this is %s: %s", d->name, i, var->text, axis_str(e, wanted), value_str_of(e, &v),
				axis_str(e, a));
	}
	elab_bind(e, var->text, v);
}

static void bind_inputs(Elab *e, const Closure *fn, int n, const Value *args)
{
	const FnDecl *d = fn->decl;
	if (n != d->n_inputs) fail(e->cx, "%s takes %d input%s, this gives %d", d->name, d->n_inputs, d->n_inputs == 1 ? "" : "s", n);
	for (int i = 0; i < n; i++) bind_input(e, d, d->inputs[i], args[i]);
}

/* Whose parameters a use has: NULL: its own.  The first use of a cell of the model is remembered for train blocks. */
static Shared *shared_of(const Elab *e, const Closure *fn)
{
	if (fn->shared || !fn->first) return fn->shared;
	return e->model->training || !fn->first->made ? fn->first : NULL;
}

static Use use_begin(Elab *e, const Closure *fn, const char *path, bool reversed)
{
	ModelElab *m = e->model;
	Use u = {place_enter(e, fn->shared ? fn->shared->path : path), m->whole, m->n_wanted};
	m->at.reversed ^= reversed;
	m->whole = NULL;
	Shared *shared = shared_of(e, fn);
	if (shared) shared_enter(e, shared);
	return u;
}

static void use_end(Elab *e, const Closure *fn, Use u)
{
	ModelElab *m = e->model;
	Shared *shared = shared_of(e, fn);
	if (shared) shared_leave(e, shared);
	m->at = u.place;
	m->whole = u.whole;
	m->n_wanted = u.n_wanted;
}

/* Runs the body: what it yields, *yields of them; without yield the last statement's value or the named outputs. */
static void run_fn(Elab *e, const Closure *fn, int *n_yields, Value *yields)
{
	const FnDecl *d = fn->decl;
	Span at = e->at;
	e->at = (Span){d->src, d->start, d->end};
	*n_yields = 0;
	bool gave = elab_block(e, d->body, true, n_yields, yields);
	if (!gave && d->n_outputs) {
		for (int i = 0; i < d->n_outputs && i < MAX_RESULTS; i++) {
			const Node *var = d->outputs[i];
			const Value *v = elab_lookup(e->frame, var->text, false);
			e->at = (Span){d->src, var->start, var->end};
			if (!v) fail(e->cx, "%s gives %s, which is not assigned", d->name, var->text);
			yields[(*n_yields)++] = *v;
		}
	}
	e->at = at;
}

const Value *frame_find(const Frame *f, const char *name)
{
	for (int i = 0; i < f->n; i++)
		if (!strcmp(f->vars[i].name, name)) return &f->vars[i].value;
	return NULL;
}

static void next_states(Elab *e, const FnDecl *d, const Value *old, Value *next)
{
	for (int i = 0; i < d->n_states; i++) {
		const char *name = arena_printf(e->cx->arena, "%s'", d->states[i]->text);
		const Value *v = frame_find(e->frame, name);
		if (v && v->kind == V_ERROR) {
			e->model->follow_up = true;
			fail(e->cx, "%s failed", name);
		}
		const Val *val = state_next(e, d->states[i]->text, v ? v : &old[i], &old[i]);
		next[i] = state_of(e, val, &old[i]);
	}
}

/* Several results go to several names; where one value is wanted it is the first. */
Value as_results(Elab *e, const Node *node, int n, const Value *values)
{
	bool all = node == e->model->whole && e->model->n_wanted > 1;
	return all ? value_list(e->cx, n, values) : values[0];
}

Value model_call_fn(Elab *e, const Closure *fn, const ModelCall *call)
{
	const FnDecl *d = fn->decl;
	for (int i = 0; i < call->n_args; i++)
		if (call->names[i]) fail(e->cx, "%s takes its inputs in order, without names", d->name);
	if (d->kind == FN_CELL && call->n_states != d->n_states)
		fail(e->cx, "%s has %d state%s behind the ';', this gives %d", d->name, d->n_states, d->n_states == 1 ? "" : "s", call->n_states);
	if (d->kind == FN_DEF && call->n_states) fail(e->cx, "%s is a def, it has no states", d->name);
	Frame *f = enter_fn(e, fn, call->n_sizes, call->sizes, call->size_names);
	Use use = use_begin(e, fn, call->path, false);
	bind_inputs(e, fn, call->n_args, call->args);
	Value states[MAX_RESULTS], yields[2 * MAX_RESULTS];
	for (int i = 0; i < d->n_states; i++) {
		states[i] = state_initial(e, d->states[i], &call->states[i]);
		elab_bind(e, d->states[i]->text, states[i]);
	}
	int n;
	run_fn(e, fn, &n, yields);
	next_states(e, d, states, yields + n);
	n += d->n_states;
	if (!n) fail(e->cx, "%s gives nothing: it has neither a result nor states", d->name);
	use_end(e, fn, use);
	leave_fn(e, f);
	return as_results(e, call->node, n, yields);
}

/* ------------------------------------------------------------------------------------------------ uses of cells */

void read_cell(Elab *e, const Node *node, const Closure **fn, int *n_sizes, Value *sizes, const char **size_names)
{
	const Value *v = elab_lookup(e->frame, node->text, true);
	e->at = (Span){e->at.src, node->start, node->end};
	if (!v || v->kind != V_CLOSURE || v->fn->decl->kind != FN_CELL)
		fail(e->cx, v ? "%s is no cell" : "no cell is called %s", node->text);
	if (v->fn->decl->n_states > MAX_RESULTS) fail(e->cx, "%s has more than %d states", node->text, MAX_RESULTS);
	if (node->n_sizes > MAX_RESULTS) fail(e->cx, "more than %d sizes", MAX_RESULTS);
	*fn = v->fn;
	*n_sizes = node->n_sizes;
	for (int i = 0; i < node->n_sizes; i++) {
		sizes[i] = elab_expr(e, node->kids[i]);
		size_names[i] = node->names[i];
	}
}

CellUse *cell_use_new(Elab *e, const Node *node)
{
	CellUse *u = NEW(e->cx->arena, CellUse);
	Span at = e->at;
	u->node = node;
	u->path = owner_path(e, OWNER_USE, node->kids[0]->alias);
	read_cell(e, node->kids[0], &u->fn, &u->n_sizes, u->sizes, u->size_names);
	e->at = at;
	return u;
}

void cell_use_enter(Elab *e, CellUse *u)
{
	u->frame = enter_fn(e, u->fn, u->n_sizes, u->sizes, u->size_names);
	u->use = use_begin(e, u->fn, u->path, u->reversed);
}

void cell_use_leave(Elab *e, CellUse *u)
{
	use_end(e, u->fn, u->use);
	leave_fn(e, u->frame);
}

Value cell_use_state(Elab *e, const CellUse *u, int i)
{
	const FnDecl *d = u->fn->decl;
	Span at = e->at;
	e->at.src = d->src;
	Value initial = state_initial(e, d->states[i], NULL);
	e->at = at;
	return initial;
}

void cell_use_run(Elab *e, const CellUse *u, int n_inputs, const Value *inputs, const Value *states, int *n_ys, Value *ys, Value *next)
{
	const FnDecl *d = u->fn->decl;
	bind_inputs(e, u->fn, n_inputs, inputs);
	for (int i = 0; i < d->n_states; i++) elab_bind(e, d->states[i]->text, states[i]);
	run_fn(e, u->fn, n_ys, ys);
	next_states(e, d, states, next);
}

/* ------------------------------------------------------------------------------------------------ scan */

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
					fail(e->cx, "axes %s and %s have different lengths: %s, %s", s->axis->name, a->name,
						axis_str(e, s->axis), axis_str(e, a));
				fail(e->cx, "the sequences differ in length: %s and %s", axis_str(e, s->axis), axis_str(e, a));
			}
			s->axis = a;
			s->xs[s->n_xs++] = x;
			e->at = (Span){e->at.src, node->start, node->end};
		} else if (!strcmp(option, "reverse")) s->reverse = true;
		else if (!strcmp(option, "dilate")) s->dilate = (int64_t)option_number(e, kid, option, 1, 65536);
		else if (!strcmp(option, "zoneout")) s->zoneout = option_number(e, kid, option, 0, 1);
		else if (!strcmp(option, "feed")) option_number(e, kid, option, 0, 1); /* of training */
		else option_number(e, kid, option, 1, 1e9);                             /* tbptt: of training */
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
	int n_ys, n_args;
	const Val **args;     /* the initial states, then the sequences */
	const char **names;
	Map inner_lengths;    /* of axes inside the scanned one: their hole -> the axis outside */
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
	Value v = model_tensor(e, hole, x->lay->over, x->lay->n - 1, axes_inside(e, x, take_step, &(Slicing){s->r, "lengths"}));
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
		fail(e->cx, "axis %s differs along %s: take one of those first (for, or a scan over it)", axis_str(e, s->axis),
			axis_str(e, lengths->lay->axes[0]));
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
		if (masked) r->ys[i] = model_select(e, &runs, &r->ys[i], &zero);
	}
}

/* The axes of a result, those inside the scanned axis as they are outside. */
static const Axis *const *axes_outside(Elab *e, const Running *r, const Value *y)
{
	const Axis **axes = NEWN(e->cx->arena, const Axis *, y->lay->n + 1);
	for (int i = 0; i < y->lay->n; i++) {
		const Axis *a = y->lay->axes[i], *outside = a->lengths ? map_get(&r->inner_lengths, a->lengths->val) : NULL;
		axes[i] = outside ? outside : a;
	}
	return axes;
}

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
		results[i] = model_axis_from_first(e, val_get(cx, tuple, n_states + i), s->axis, y->lay->over, y->lay->n,
			axes_outside(e, r, y));
	}
	for (int i = 0; i < n_states; i++) {
		const Val *last = val_get(cx, tuple, i);
		if (s->dilate > 1) last = ring_at(cx, last, s->dilate - 1);
		results[r->n_ys + i] = state_of(e, last, &r->states[i]);
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
