/* loop.c: bounded loops with a stop for each example, generation by feeding back, and solvers of differential equations.
 *
 *     loop N (s = init) while cond { s' = ... }     a `loop` of the IR over at most N rounds.  Each example has a flag that says
 *     whether it still runs:  s' = select(runs, s', s),  runs' = runs and cond(s');  all stop early when none runs any more.
 *
 *     generate cell start A stop B max n greedy     the same loop with a cell in it: the argmax of its first result is its next
 *     input.  What it gives ends before the first stop and has a length of its own: min(n, rounds), for each example.
 *
 * In both, examples that have stopped go on computing something that nobody reads: it is selected away, like padding.
 */
#include "frontend/lang/model.h"

#include <string.h>

static Frame *frame_inside(Elab *e)
{
	Frame *outer = e->frame, *f = NEW(e->cx->arena, Frame);
	*f = (Frame){.fn = outer->fn, .called = outer->called, .up = outer->up, .outer = outer};
	return f;
}

static Value spread(Elab *e, const Value *v)
{
	uint64_t all = all_contexts(e);
	return model_tensor(e, model_expand(e, v, all, v->lay->n, v->lay->axes), all, v->lay->n, v->lay->axes);
}

/* A condition for each example. */
static Value condition(Elab *e, const Node *cond)
{
	Span at = e->at;
	e->at = (Span){at.src, cond->start, cond->end};
	Value v = elab_expr(e, cond);
	if (value_known(&v)) {
		Tensor *t = tensor_new(e->cx->arena, BOOL, 0, NULL);
		tensor_set_int(t, 0, value_true(e, &v));
		v = model_tensor(e, val_const(e->cx, t), 0, 0, NULL);
	}
	v = model_value(e, &v, "the condition");
	while (v.lay->n && axis_is(v.lay->axes[0], 1)) {
		Value zero = value_num(0);
		v = model_at(e, &v, &zero);
	}
	if (v.val->type->elem != BOOL || v.lay->n)
		fail(e->cx, "a loop goes on while one condition holds, such as n < 3; this is %s", value_str_of(e, &v));
	e->at = at;
	return spread(e, &v);
}

/* Does any example still run? */
static const Val *any(Elab *e, const Val *runs)
{
	int axes[MAX_CONTEXTS];
	for (int i = 0; i < runs->type->rank; i++) axes[i] = i;
	return b_reduce(e->cx, "max", runs, runs->type->rank, axes, false);
}

/* What a loop carries: the variables, then the flag of each example. */
typedef struct {
	Body body;
	int n, n_ys;
	const Val *round, *runs; /* holes */
	const Val **initial, **next;
	const Val *ys[MAX_RESULTS];
} Looping;

static Looping *looping_new(Elab *e, int n, const char *name)
{
	Looping *l = NEW(e->cx->arena, Looping);
	l->n = n;
	l->initial = NEWN(e->cx->arena, const Val *, n + 1);
	l->next = NEWN(e->cx->arena, const Val *, n + 1);
	l->body.n_carries = n + 1;
	l->body.holes = NEWN(e->cx->arena, const Val *, n + 1);
	l->body.hole_names = NEWN(e->cx->arena, const char *, n + 1);
	l->body.name = name;
	l->round = model_hole(e, type_scalar(e->cx, I64));
	return l;
}

/* A carried value: its hole. */
static Value carry(Elab *e, Looping *l, int i, const char *name, const Value *initial)
{
	l->initial[i] = initial->val;
	l->body.holes[i] = model_hole(e, initial->val->type);
	l->body.hole_names[i] = name;
	Value v = model_tensor(e, l->body.holes[i], initial->lay->over, initial->lay->n, initial->lay->axes);
	v.classes = initial->classes;
	return v;
}

/* Closes the body and gives the loop: its count, the carried values, what each round gave. */
static const Val *looping_close(Elab *e, Looping *l, const Dim *most)
{
	Ctx *cx = e->cx;
	Body *b = &l->body;
	b->n_results = 1 + b->n_carries + l->n_ys;
	b->results = NEWN(cx->arena, const Val *, b->n_results);
	b->result_names = NEWN(cx->arena, const char *, b->n_results);
	for (int i = 0; i < b->n_results; i++) {
		int k = i - 1;
		b->results[i] = i == 0     ? any(e, l->next[l->n])
			: k < b->n_carries ? l->next[k]
					   : l->ys[k - b->n_carries];
		b->result_names[i] = i == 0 ? "go"
			: k < b->n_carries  ? arena_printf(cx->arena, "%s'", b->hole_names[k])
					    : "y";
	}
	int n;
	const Val *const *captured;
	const Graph *body = body_close(e, b, 1, &l->round, &n, &captured);
	const Val **args = NEWN(cx->arena, const Val *, 2 + n + b->n_carries);
	args[0] = b_dim(cx, most);
	args[1] = any(e, l->initial[l->n]);
	for (int i = 0; i < n; i++) args[2 + i] = captured[i];
	for (int i = 0; i < b->n_carries; i++) args[2 + n + i] = l->initial[i];
	return b_loop(cx, body, n, b->n_carries, 2 + n + b->n_carries, args, most);
}

/* ------------------------------------------------------------------------------------------------ loop */

Value model_loop(Elab *e, const Node *node)
{
	Ctx *cx = e->cx;
	ModelElab *m = e->model;
	const Node *const *vars = node->kids + 3;
	int n = node->n - 3;
	if (n > MAX_RESULTS) fail(cx, "a loop with more than %d variables", MAX_RESULTS);
	if (!n) fail(cx, "a loop without variables does nothing");
	Value rounds = elab_expr(e, node->kids[0]), before[MAX_RESULTS], now[MAX_RESULTS];
	int64_t most = size_number(e, &rounds, "the greatest number of rounds");
	const Place at = m->at;
	for (int i = 0; i < n; i++) before[i] = state_initial(e, vars[i], NULL);
	m->at = at;
	const Node *whole = m->whole;
	int n_wanted = m->n_wanted;

	Looping *l = looping_new(e, n, "loop");
	Frame *outer = e->frame, *f = frame_inside(e);
	e->frame = f;
	for (int i = 0; i < n; i++) elab_bind(e, vars[i]->text, before[i]);
	Value first = condition(e, node->kids[1]);
	for (int i = 0; i < n; i++) {
		now[i] = carry(e, l, i, vars[i]->text, &before[i]);
		elab_bind(e, vars[i]->text, now[i]);
	}
	Value runs = carry(e, l, n, "runs", &first);
	Value last = value_num((double)(most - 1)), round = model_tensor(e, l->round, 0, 0, NULL);
	elab_bind(e, "final", value_binary(e, OP_EW_eq, &round, &last));

	Place inside = place_enter(e, owner_path(e, OWNER_USE, NULL));
	m->whole = NULL;
	int n_results;
	Value results[MAX_RESULTS];
	if (elab_block(e, node->kids[2], false, &n_results, results))
		fail(cx, "a loop has no yield: it gives its variables");
	m->at = inside;
	m->whole = whole;
	m->n_wanted = n_wanted;
	Frame *after = frame_inside(e);
	for (int i = 0; i < n; i++) {
		const char *name = arena_printf(cx->arena, "%s'", vars[i]->text);
		const Value *v = frame_find(f, name);
		Value next = v ? *v : now[i];
		if (next.kind == V_ERROR) {
			m->follow_up = true;
			fail(cx, "%s failed", name);
		}
		next = state_of(e, state_next(e, vars[i]->text, &next, &now[i]), &now[i]);
		next = model_select(e, &runs, &next, &now[i]);
		l->next[i] = next.val;
		e->frame = after;
		elab_bind(e, vars[i]->text, next);
		e->frame = f;
	}
	e->frame = after;
	Value go_on = condition(e, node->kids[1]);
	l->next[n] = value_binary(e, OP_EW_and, &runs, &go_on).val;
	e->frame = outer;

	const Val *tuple = looping_close(e, l, dim_int(cx, most));
	for (int i = 0; i < n; i++) results[i] = state_of(e, val_get(cx, tuple, 1 + i), &now[i]);
	return as_results(e, node, n, results);
}

/* ------------------------------------------------------------------------------------------------ generate */

typedef struct {
	Value start, stop, limit; /* stop: V_NONE where there is none; limit: for each example */
	const Axis *axis;         /* of the result */
} Generating;

static const Node *option(const Node *node, const char *name)
{
	for (int i = 1; i < node->n; i++)
		if (node->names[i] && !strcmp(node->names[i], name)) return node->kids[i];
	return NULL;
}

static Value token(Elab *e, const Node *node, const char *what)
{
	Value v = elab_expr(e, node), t = model_integer(e, &v, what);
	if (t.lay->n) fail(e->cx, "%s must be one class, this is %s", what, value_str_of(e, &t));
	return spread(e, &t);
}

static void read_options(Elab *e, const Node *node, Generating *g)
{
	Ctx *cx = e->cx;
	const Node *start = option(node, "start"), *stop = option(node, "stop"), *max = option(node, "max");
	if (!start) fail(cx, "generate wants a first input: generate cell start A ...");
	if (!max) fail(cx, "generate wants a bound: generate cell start A max n ...");
	const bool checked = e->model->training; /* a train block only has its names and shapes checked */
	if (option(node, "sample") && !checked) fail(cx, "generate: sampling is not supported; greedy is");
	if (option(node, "beam") && !e->model->streaming)
		note(cx,
			"%s: generate: beam search is not supported, the most probable token is taken at each step (greedy)",
			span_str(cx, e->at));
	else if (!checked && !option(node, "beam") && !option(node, "greedy"))
		fail(cx, "generate wants a strategy: greedy");
	g->start = token(e, start, "the first input");
	g->stop = stop ? token(e, stop, "the token that stops") : (Value){.kind = V_NONE};
	/* the bound of the array, in sizes; then that of each example, in lengths */
	e->model->sizes_only = true;
	Value size = elab_expr(e, max);
	e->model->sizes_only = false;
	Value limit = elab_expr(e, max);
	if (size.kind == V_AXIS && !stop) g->axis = size.axis; /* as many as there are elements */
	else {
		Axis *a = NEW(cx->arena, Axis);
		*a = (Axis){.name = "steps", .generated = true, .born = {e->at.src, max->start, max->end}};
		a->root = a;
		a->size = size.kind == V_AXIS ? size.axis->size : value_as_dim(e, &size, "the bound of generate");
		g->axis = a;
	}
	if (dim_lo(g->axis->size) < 0) fail(cx, "the bound of generate may be negative: %s", value_str_of(e, &size));
	Value n = model_integer(e, &limit, "the bound of generate");
	g->limit = spread(e, &n);
}

Value model_generate(Elab *e, const Node *node)
{
	Ctx *cx = e->cx;
	Generating *g = NEW(cx->arena, Generating);
	CellUse *u = cell_use_new(e, node);
	read_options(e, node, g);
	const FnDecl *d = u->fn->decl;
	if (d->n_inputs != 1) fail(cx, "generate feeds one input back, %s has %d", d->name, d->n_inputs);
	int n = d->n_states;
	Looping *l = looping_new(e, n + 2, d->name);
	cell_use_enter(e, u);
	Value states[MAX_RESULTS], zero = value_num(0);
	for (int i = 0; i < n; i++) {
		Value initial = cell_use_state(e, u, i);
		states[i] = carry(e, l, i, d->states[i]->text, &initial);
	}
	/* the input, how many were given, and whether it goes on */
	Value none = model_integer(e, &zero, ""), count0 = spread(e, &none);
	Value input = carry(e, l, n, "token", &g->start), count = carry(e, l, n + 1, "count", &count0);
	Value first = value_binary(e, OP_EW_lt, &count0, &g->limit);
	first = spread(e, &first);
	Value runs = carry(e, l, n + 2, "runs", &first);

	Value ys[2 * MAX_RESULTS], next[MAX_RESULTS];
	int n_ys;
	cell_use_run(e, u, 1, &input, states, &n_ys, ys, next);
	cell_use_leave(e, u);
	Value scores = n_ys ? ys[0] : next[0];
	Value chosen = model_argmax(e, &scores, "what generate chooses from");
	if (chosen.lay->n) fail(cx, "generate chooses one class a step, %s gives %s", d->name, layout_str(e, &scores));
	Value one = value_num(1), more = value_binary(e, OP_EW_add, &count, &one), go_on = runs;
	if (g->stop.kind != V_NONE) {
		Value real = value_binary(e, OP_EW_ne, &chosen, &g->stop);
		go_on = value_binary(e, OP_EW_and, &runs, &real);
	}
	for (int i = 0; i < n; i++) l->next[i] = model_select(e, &go_on, &next[i], &states[i]).val;
	Value next_count = model_select(e, &go_on, &more, &count), fed = model_select(e, &go_on, &chosen, &input);
	Value given = model_select(e, &go_on, &chosen, &none);
	Value room = value_binary(e, OP_EW_lt, &next_count, &g->limit);
	l->next[n] = spread(e, &fed).val;
	l->next[n + 1] = spread(e, &next_count).val;
	go_on = value_binary(e, OP_EW_and, &go_on, &room);
	l->next[n + 2] = spread(e, &go_on).val;
	given = spread(e, &given);
	l->ys[l->n_ys++] = given.val;

	const Val *tuple = looping_close(e, l, g->axis->size);
	const Axis *axis = g->axis;
	if (axis->generated) { /* what was given is real */
		Axis *a = NEW(cx->arena, Axis);
		Value *lengths = NEW(cx->arena, Value);
		*a = *axis;
		a->root = a;
		*lengths = model_tensor(e, val_get(cx, tuple, 1 + n + 1), count.lay->over, 0, NULL);
		a->lengths = lengths;
		axis = a;
	}
	Value out = model_axis_from_first(e, val_get(cx, tuple, 1 + n + 3), axis, given.lay->over, 0, NULL);
	out.classes = chosen.classes;
	if (!e->model->training) return out;
	Value results[2] = {out, model_float(e, &out, "")}; /* with sample: the tokens and their log probabilities */
	return as_results(e, node, 2, results);
}

/* ------------------------------------------------------------------------------------------------ solvers */

/* y' = f(y) over dt in n equal steps; f's parameters are one set for all its evaluations. */
typedef struct {
	const Closure *f;
	const ModelCall *call;
} Slope;

static Value slope(Elab *e, const Slope *s, const Value *y)
{
	ModelCall *c = NEW(e->cx->arena, ModelCall);
	*c = (ModelCall){.node = s->call->node, .name = s->f->decl->name, .n_args = 1, .path = s->call->path};
	c->args[0] = *y;
	const Node *whole = e->model->whole;
	e->model->whole = NULL;
	Value v = model_call_fn(e, s->f, c);
	e->model->whole = whole;
	return v;
}

/* y + a k */
static Value step(Elab *e, const Value *y, const Value *a, const Value *k)
{
	Value ak = value_binary(e, OP_EW_mul, a, k);
	return value_binary(e, OP_EW_add, y, &ak);
}

static Value scaled(Elab *e, const Value *a, double by)
{
	Value b = value_num(by);
	return value_binary(e, OP_EW_mul, a, &b);
}

static Value euler(Elab *e, const Slope *s, const Value *y, const Value *h)
{
	Value k = slope(e, s, y);
	return step(e, y, h, &k);
}

static Value midpoint(Elab *e, const Slope *s, const Value *y, const Value *h)
{
	Value half = scaled(e, h, 0.5), k = slope(e, s, y), middle = step(e, y, &half, &k);
	k = slope(e, s, &middle);
	return step(e, y, h, &k);
}

static Value rk4(Elab *e, const Slope *s, const Value *y, const Value *h)
{
	Value half = scaled(e, h, 0.5), sixth = scaled(e, h, 1.0 / 6), third = scaled(e, h, 1.0 / 3);
	Value k1 = slope(e, s, y), y2 = step(e, y, &half, &k1);
	Value k2 = slope(e, s, &y2), y3 = step(e, y, &half, &k2);
	Value k3 = slope(e, s, &y3), y4 = step(e, y, h, &k3);
	Value k4 = slope(e, s, &y4), sum = step(e, y, &sixth, &k1);
	sum = step(e, &sum, &third, &k2);
	sum = step(e, &sum, &third, &k3);
	return step(e, &sum, &sixth, &k4);
}

static const struct {
	const char *name;
	Value (*step)(Elab *, const Slope *, const Value *y, const Value *h);
} solvers[] = {{"euler", euler}, {"midpoint", midpoint}, {"rk4", rk4}};

bool solver_has(const char *name)
{
	for (size_t i = 0; i < sizeof(solvers) / sizeof(*solvers); i++)
		if (!strcmp(solvers[i].name, name)) return true;
	return false;
}

Value solver_call(Elab *e, const ModelCall *c)
{
	enum { MAX_STEPS = 64 };
	if (c->n_args != 4 || c->n_sizes || c->args[0].kind != V_CLOSURE)
		fail(e->cx, "%s takes a def, the state, the time and a number of steps: %s(f, h, dt, 4)", c->name,
			c->name);
	int64_t n = size_number(e, &c->args[3], "the number of steps");
	if (n > MAX_STEPS) fail(e->cx, "%s of more than %d steps", c->name, MAX_STEPS);
	Closure *f = NEW(e->cx->arena, Closure);
	*f = *c->args[0].fn;
	if (!f->shared) {
		f->shared = NEW(e->cx->arena, Shared);
		f->shared->path = c->path;
	}
	Slope s = {f, c};
	Value y = model_float(e, &c->args[1], "the state"), dt = model_float(e, &c->args[2], "the time");
	Value h = scaled(e, &dt, 1.0 / (double)n);
	for (int64_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(solvers) / sizeof(*solvers); k++)
			if (!strcmp(solvers[k].name, c->name)) y = solvers[k].step(e, &s, &y, &h);
	return y;
}
