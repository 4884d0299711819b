/* loop.c: bounded loops with a stop for each example.
 *
 *     loop N (s = init) while cond { s' = ... }     a `loop` of the IR over at most N rounds.  Each example has a flag that says
 *     whether it still runs:  s' = select(runs, s', s),  runs' = runs and cond(s');  all stop early when none runs any more.
 *
 * Examples that have stopped go on computing something that nobody reads: it is selected away, like padding.
 */
#include "frontend/lang/model.h"

#include <string.h>

static Frame *frame_inside(Elab *e)
{
	Frame *outer = e->frame, *f = NEW(e->cx->arena, Frame);
	*f = (Frame){.fn = outer->fn, .called = outer->called, .up = outer->up, .outer = outer};
	return f;
}

Value model_spread(Elab *e, const Value *v)
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
	return model_spread(e, &v);
}

/* Does any example still run? */
static const Val *any(Elab *e, const Val *runs)
{
	int axes[MAX_CONTEXTS];
	for (int i = 0; i < runs->type->rank; i++) axes[i] = i;
	return b_reduce(e->cx, "max", runs, runs->type->rank, axes, false);
}

Looping *looping_new(Elab *e, int n, const char *name)
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
Value looping_carry(Elab *e, Looping *l, int i, const char *name, const Value *initial)
{
	l->initial[i] = initial->val;
	l->body.holes[i] = model_hole(e, initial->val->type);
	l->body.hole_names[i] = name;
	Value v = model_tensor(e, l->body.holes[i], initial->lay->over, initial->lay->n, initial->lay->axes);
	v.classes = initial->classes;
	return v;
}

/* Closes the body and gives the loop: its count, the carried values, what each round gave. */
const Val *looping_close(Elab *e, Looping *l, const Dim *most)
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
		now[i] = looping_carry(e, l, i, vars[i]->text, &before[i]);
		elab_bind(e, vars[i]->text, now[i]);
	}
	Value runs = looping_carry(e, l, n, "runs", &first);
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
