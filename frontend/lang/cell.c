/* cell.c: cells and defs: their inputs, sizes and states; called once, and entered by scans and generate. */
#include "frontend/lang/model.h"

#include <string.h>

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

Value state_of(Elab *e, const Val *val, const Value *like)
{
	return model_tensor(e, val, like->lay->over, like->lay->n, like->lay->axes);
}

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
	if (!fits)
		fail(cx, "the state %s is %s, its %s value is %s", name, layout_str(e, like), what, layout_str(e, &v));
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
		if (!v)
			fail(e->cx, "%s wants %d size%s in [ ]: %s is missing", d->name, d->n_sizes,
				d->n_sizes == 1 ? "" : "s", d->sizes[i]->text);
		if (v->kind == V_TENSOR)
			fail(e->cx, "size %s of %s must be known at compile time, this is %s", d->sizes[i]->text,
				d->name, value_str_of(e, v));
		elab_bind(e, d->sizes[i]->text, *v);
	}
	if (taken < n_sizes)
		fail(e->cx, "%s has %d size%s, %d are given", d->name, d->n_sizes, d->n_sizes == 1 ? "" : "s", n_sizes);
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
	if (v.kind != V_CLOSURE && v.kind != V_FN && v.kind != V_STR && v.kind != V_NUM)
		v = model_value(e, &v, var->text);
	if (var->n_sizes) {
		if (v.kind == V_NUM) v = model_value(e, &v, var->text);
		if (v.kind != V_TENSOR || v.lay->n != var->n_sizes)
			fail(cx, "%s: %s has %d ax%s, this is %s", d->name, var->text, var->n_sizes,
				var->n_sizes == 1 ? "is" : "es", value_str_of(e, &v));
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
			fail(cx, "%s: axis %d of %s is %s, this is %s: %s", d->name, i, var->text, axis_str(e, wanted),
				value_str_of(e, &v), axis_str(e, a));
	}
	elab_bind(e, var->text, v);
}

static void bind_inputs(Elab *e, const Closure *fn, int n, const Value *args)
{
	const FnDecl *d = fn->decl;
	if (n != d->n_inputs)
		fail(e->cx, "%s takes %d input%s, this gives %d", d->name, d->n_inputs, d->n_inputs == 1 ? "" : "s", n);
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
		fail(e->cx, "%s has %d state%s behind the ';', this gives %d", d->name, d->n_states,
			d->n_states == 1 ? "" : "s", call->n_states);
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
		fail(e->cx, v ? "%s is no cell%s" : "no cell is called %s%s", node->text,
			v ? "" : did_you_mean(e, node->text, true));
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

void cell_use_run(Elab *e, const CellUse *u, int n_inputs, const Value *inputs, const Value *states, int *n_ys,
	Value *ys, Value *next)
{
	const FnDecl *d = u->fn->decl;
	bind_inputs(e, u->fn, n_inputs, inputs);
	for (int i = 0; i < d->n_states; i++) elab_bind(e, d->states[i]->text, states[i]);
	run_fn(e, u->fn, n_ys, ys);
	next_states(e, d, states, next);
}
