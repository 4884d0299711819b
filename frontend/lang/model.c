/* model.c: the statements of models and cells, and a model's inputs and outputs.
 *
 * A statement that is wrong is reported, what it assigns is marked, and the next one is tried: so a run tells several
 * mistakes, and none that only follow from another.
 */
#include "frontend/lang/model.h"

#include <string.h>

Value model_form(Elab *e, const Node *node)
{
	switch (node->kind) {
	case N_EACH: return model_each(e, node);
	case N_SCAN: return model_scan(e, node);
	case N_LOOP: return model_loop(e, node);
	default: return model_generate(e, node);
	}
}

/* ------------------------------------------------------------------------------------------------ declarations */

static void declare_fn(Elab *e, const FnDecl *d)
{
	Closure *fn = NEW(e->cx->arena, Closure);
	*fn = (Closure){.decl = d, .env = e->frame, .first = NEW(e->cx->arena, Shared)};
	fn->first->path = "";
	elab_bind(e, d->name, (Value){.kind = V_CLOSURE, .fn = fn});
}

static void declare_share(Elab *e, const Node *s)
{
	Closure *fn = NEW(e->cx->arena, Closure);
	const Closure *of;
	Value *sizes = NEWN(e->cx->arena, Value, MAX_RESULTS);
	const char **names = NEWN(e->cx->arena, const char *, MAX_RESULTS);
	int n;
	read_cell(e, s->kids[0], &of, &n, sizes, names);
	*fn = *of;
	fn->shared = NEW(e->cx->arena, Shared);
	fn->shared->path = owner_path(e, OWNER_USE, s->text);
	if (n && of->n_sizes) fail(e->cx, "%s has its sizes already", s->kids[0]->text);
	if (n) fn->n_sizes = n, fn->sizes = sizes, fn->size_names = names;
	elab_bind(e, s->text, (Value){.kind = V_CLOSURE, .fn = fn});
}

static void declare_param(Elab *e, const Node *s)
{
	const Node *var = s->kids[0];
	if (var->kids[0] || var->kids[1]) fail(e->cx, "a parameter is param name[sizes] ~ initialiser");
	const Dim **dims = NEWN(e->cx->arena, const Dim *, var->n_sizes + 1);
	for (int i = 0; i < var->n_sizes; i++) {
		Value v = elab_expr(e, var->kids[2 + i]);
		if (v.kind == V_AXIS)
			fail(e->cx,
				"the sizes of parameter %s must be numbers, axis %s differs from example to example",
				var->text, axis_str(e, v.axis));
		dims[i] = dim_int(
			e->cx, size_number(e, &v, arena_printf(e->cx->arena, "a size of parameter %s", var->text)));
	}
	const char *path = owner_path(e, N_OWNERS, NULL);
	Value v = model_param(e, path, var->text, var->n_sizes, dims, 0, "uniform", s, s->op);
	elab_bind(e, var->text, v);
}

/* ------------------------------------------------------------------------------------------------ statements */

/* The name of a statement: the first variable that it assigns, without its prime. */
static const char *statement_name(Elab *e, const Node *s)
{
	return s->kind == N_ASSIGN ? arena_strn(e->cx->arena, s->names[0], strcspn(s->names[0], "'")) : "";
}

/* All of them: in `i, f, g, o = split(...)` the order of gates. */
static const char *assigned_names(Elab *e, const Node *s)
{
	Buf b;
	buf_init(&b, e->cx->arena);
	buf_puts(&b, "");
	for (int i = 0; s->kind == N_ASSIGN && i < s->n_names; i++) {
		if (i) buf_puts(&b, " ");
		buf_write(&b, s->names[i], strcspn(s->names[i], "'"));
	}
	return b.text;
}

typedef struct {
	const Node *s;
	bool last, done;
	int *n_results;
	Value *results;
} Running;

static void run(Elab *e, void *user)
{
	Running *r = user;
	const Node *s = r->s;
	ModelElab *m = e->model;
	switch (s->kind) {
	case N_DECL: declare_fn(e, s->decl); return;
	case N_SHARE: declare_share(e, s); return;
	case N_PARAM: statement_begin(e, "", ""), declare_param(e, s); return;
	case N_IF:
	case N_UNROLL: break; /* their statements have scopes of their own */
	case N_ASSIGN:
		for (int i = 0; i < s->n_names; i++)
			if (!strcmp(s->names[i], "B"))
				fail(e->cx, "B is the batch, which the compiler adds: choose another name");
		m->whole = s->n == 1 ? s->kids[0] : NULL;
		m->n_wanted = s->n_names;
		break;
	default: m->whole = NULL; break;
	}
	statement_begin(e, statement_name(e, s), assigned_names(e, s));
	if (m->training && !e->frame->fn && train_statement(e, s)) return;
	r->done = elab_statement(e, s, r->last, r->n_results, r->results);
}

/* The message, with the place in the text and the uses that led there. */
static void report(Elab *e, const char *message)
{
	ModelElab *m = e->model;
	bool follow_up = m->follow_up;
	m->follow_up = false;
	if (follow_up && m->report.n) return;
	Buf out;
	buf_init(&out, e->cx->arena);
	buf_puts(&out, message);
	int shown = 0;
	for (const Frame *f = e->frame; f && shown < 3; f = f->up)
		if (f->fn && f->called.src && (f->called.src != e->at.src || f->called.start != e->at.start)) {
			buf_printf(&out, " (in %s, used at %s)", f->fn->name, span_str(e->cx, f->called));
			shown++;
		}
	const char *volatile text = message;
	TRY (e->cx) {
		fail_at(e->cx, e->at, "%s", out.text);
	} else {
		text = e->cx->error;
	}
	report_add(e->cx, &m->report, text);
	if (!report_open(&m->report)) report_fail(e->cx, &m->report);
}

static const char *place(Elab *e, const Node *s)
{
	const char *at = span_str(e->cx, (Span){e->at.src, s->start, s->end}), *colon = strrchr(at, ':');
	return arena_strn(e->cx->arena, at, (size_t)(colon - at));
}

bool model_statement(Elab *e, const Node *s, bool last, int *n_results, Value *results)
{
	ModelElab *m = e->model;
	const Elab saved = *e;
	const char *loc = e->cx->loc;
	const Place at = m->at;
	Shared *replay = m->replay;
	const Node *whole = m->whole;
	int n_wanted = m->n_wanted, n_contexts = m->n_contexts;
	Running r = {s, last, false, n_results, results};
	e->cx->loc = place(e, s);
	const char *message = elab_attempt(e, run, &r);
	e->cx->loc = loc;
	if (message) {
		e->cx->loc = NULL;
		report(e, message);
		e->cx->loc = loc;
		e->frame = saved.frame;
		e->at = saved.at;
		e->depth = saved.depth;
		e->calls = saved.calls;
		m->n_contexts = n_contexts;
		m->replay = replay;
		Value error = {.kind = V_ERROR};
		for (int i = 0; s->kind == N_ASSIGN && i < s->n_names; i++) elab_bind(e, s->names[i], error);
		if (s->kind == N_PARAM) elab_bind(e, s->kids[0]->text, error);
		if (last && s->kind != N_ASSIGN) {
			*n_results = s->kind == N_YIELD && s->n <= MAX_RESULTS ? s->n : 1;
			for (int i = 0; i < *n_results; i++) results[i] = error;
			r.done = true;
		}
	}
	m->at = at;
	m->whole = whole;
	m->n_wanted = n_wanted;
	return r.done;
}

/* ------------------------------------------------------------------------------------------------ inputs */

typedef struct {
	int n, cap;
	const Val **vals;
	const char **names;
} List;

static void list_add(Elab *e, List *l, const Val *v, const char *name)
{
	if (l->n == l->cap) {
		int cap = l->cap ? 2 * l->cap : 16;
		const Val **vals = NEWN(e->cx->arena, const Val *, cap);
		const char **names = NEWN(e->cx->arena, const char *, cap);
		for (int i = 0; i < l->n; i++) vals[i] = l->vals[i], names[i] = l->names[i];
		l->vals = vals, l->names = names, l->cap = cap;
	}
	l->vals[l->n] = v;
	l->names[l->n++] = name;
}

/* T, met for the first time as the axis of an input, behind the ragged axes `outer` of it. */
static const Axis *new_axis(Elab *e, const Node *size, int n_outer, const Axis *const *outer)
{
	Ctx *cx = e->cx;
	Axis *a = NEW(cx->arena, Axis);
	sym_bound(cx, size->text, 1, INT64_MAX);
	*a = (Axis){.name = size->text, .size = dim_sym(cx, size->text), .born = {e->at.src, size->start, size->end}};
	a->root = a;
	if (e->model->lengths) {
		const Dim **dims = NEWN(cx->arena, const Dim *, n_outer + 1);
		dims[0] = context_size(e, 0);
		for (int i = 0; i < n_outer; i++) dims[i + 1] = outer[i]->size;
		Value *lengths = NEW(cx->arena, Value);
		*lengths = model_tensor(e, model_hole(e, type_new(cx, I64, n_outer + 1, dims)), 1, n_outer, outer);
		a->lengths = lengths;
		Value all = value_dim(cx, a->size);
		range_add(e, lengths, &all, true, arena_printf(cx->arena, "0 <= %s_len <= %s", a->name, a->name));
	}
	elab_bind(e, a->name, (Value){.kind = V_AXIS, .axis = a});
	return a;
}

/* Inputs become holes first, whose numbers as parameters are given when all are known. */
static Value declare_input(Elab *e, const Node *var, List *inputs, List *lengths)
{
	Ctx *cx = e->cx;
	const Axis **axes = NEWN(cx->arena, const Axis *, var->n_sizes + 1),
		   **ragged = NEWN(cx->arena, const Axis *, var->n_sizes + 1);
	const Dim **dims = NEWN(cx->arena, const Dim *, var->n_sizes + 1);
	int n_ragged = 0;
	dims[0] = context_size(e, 0);
	if (var->kids[1]) fail(cx, "an input has no default");
	for (int i = 0; i < var->n_sizes; i++) {
		const Node *size = var->kids[2 + i];
		e->at = (Span){e->at.src, size->start, size->end};
		if (size->kind == N_NAME && !elab_lookup(e->frame, size->text, false)) {
			if (!strcmp(size->text, "B"))
				fail(cx, "B is the batch, which the compiler adds: a model is written for one example");
			if (size->text[0] < 'A' || size->text[0] > 'Z')
				fail(cx,
					"%s is not known here; an axis whose length differs has a capital name, such as T",
					size->text);
			axes[i] = new_axis(e, size, n_ragged, ragged);
			if (axes[i]->lengths)
				list_add(e, lengths, axes[i]->lengths->val,
					arena_printf(cx->arena, "%s_len", size->text));
		} else {
			Value v = elab_expr(e, size);
			axes[i] = model_axis_of(e, &v, "the size of an input");
			if (axes[i]->lengths)
				for (int k = 0; k < axes[i]->lengths->lay->n; k++)
					if (k >= n_ragged || ragged[k]->root != axes[i]->lengths->lay->axes[k]->root)
						fail(cx,
							"axis %s differs along %s, which does not stand before it here",
							axis_str(e, axes[i]),
							axis_str(e, axes[i]->lengths->lay->axes[k]));
		}
		if (axes[i]->name) ragged[n_ragged++] = axes[i];
		dims[i + 1] = axes[i]->size;
	}
	bool classes = var->kids[0] != NULL;
	const Val *hole = model_hole(e, type_new(cx, classes ? I64 : F32, var->n_sizes + 1, dims));
	list_add(e, inputs, hole, var->text);
	Value v = model_tensor(e, hole, 1, var->n_sizes, axes);
	if (classes) {
		e->at = (Span){e->at.src, var->kids[0]->start, var->kids[0]->end};
		Value k = elab_expr(e, var->kids[0]);
		const Axis *a = model_axis_of(e, &k, "the number of classes");
		v.classes = a->name ? NULL : a->size;
		Value n = a->lengths ? (Value){.kind = V_AXIS, .axis = a} : value_dim(cx, a->size);
		const char *limit =
			a->lengths ? arena_printf(cx->arena, "%s_len", a->name) : axis_str(e, axis_plain(e, a->size));
		range_add(e, &v, &n, false, arena_printf(cx->arena, "0 <= %s < %s", var->text, limit));
	}
	return v;
}

/* ------------------------------------------------------------------------------------------------ outputs */

static void check_output(Elab *e, const Node *var, const Value *v)
{
	Ctx *cx = e->cx;
	if (v->lay->n != var->n_sizes)
		fail(cx, "output %s is declared with %d ax%s, its value is %s", var->text, var->n_sizes,
			var->n_sizes == 1 ? "is" : "es", layout_str(e, v));
	for (int i = 0; i < var->n_sizes; i++) {
		const Node *size = var->kids[2 + i];
		const Axis *a = v->lay->axes[i];
		bool new = size->kind == N_NAME && !elab_lookup(e->frame, size->text, false);
		if (new && (a->generated || (a->name && !strcmp(a->name, size->text)))) continue;
		if (new)
			fail(cx, "%s is the name of no axis here; the value of %s is %s", size->text, var->text,
				layout_str(e, v));
		Value want = elab_expr(e, size);
		const Axis *wanted = model_axis_of(e, &want, "the size of an output");
		if (wanted->name ? wanted->root != a->root : !axis_same(wanted, a))
			fail(cx, "output %s is declared with axis %s, its value is %s", var->text, axis_str(e, wanted),
				layout_str(e, v));
	}
	if (var->kids[0] && v->val->type->elem != I64)
		fail(cx, "output %s is declared `in K`, its value is no class", var->text);
	if (!var->kids[0] && v->val->type->elem == I64)
		fail(cx, "output %s is a class: declare it as %s[..] in K", var->text, var->text);
}

typedef struct {
	const Node *var;
	List *list, *lengths;
} One;

static void output(Elab *e, const One *o)
{
	const Node *var = o->var;
	const Value *found = elab_lookup(e->frame, var->text, false);
	e->at = (Span){e->at.src, var->start, var->end};
	if (!found) fail(e->cx, "output %s is not assigned%s", var->text, did_you_mean(e, var->text, false));
	Value v = model_value(e, found, var->text);
	if (v.val->type->elem == BOOL) v = model_float(e, &v, var->text);
	check_output(e, var, &v);
	Value full = model_tensor(e, model_expand(e, &v, 1, v.lay->n, v.lay->axes), 1, v.lay->n, v.lay->axes);
	list_add(e, o->list, model_zero_padding(e, &full).val, var->text);
	for (int i = 0; i < v.lay->n; i++)
		if (v.lay->axes[i]->generated && v.lay->axes[i]->lengths)
			list_add(e, o->lengths, v.lay->axes[i]->lengths->val,
				arena_printf(e->cx->arena, "%s_len", var->text));
}

/* ------------------------------------------------------------------------------------------------ the model */

static void run_input(Elab *e, void *user)
{
	const One *o = user;
	e->at = (Span){e->at.src, o->var->start, o->var->end};
	elab_bind(e, o->var->text, declare_input(e, o->var, o->list, o->lengths));
}

static void run_output(Elab *e, void *user) { output(e, user); }

static void attempt(Elab *e, void (*fn)(Elab *, void *), One *one)
{
	Span at = e->at;
	const char *message = elab_attempt(e, fn, one);
	if (message) {
		report(e, message);
		if (fn == run_input) elab_bind(e, one->var->text, (Value){.kind = V_ERROR});
	}
	e->at = at;
	e->depth = 0;
}

static void enter(Elab *e, const FnDecl *d, List *inputs, List *lengths)
{
	Frame *f = NEW(e->cx->arena, Frame);
	*f = (Frame){.outer = e->frame};
	e->frame = f;
	e->at = (Span){d->src, d->start, d->end};
	for (int i = 0; i < d->n_inputs; i++) attempt(e, run_input, &(One){d->inputs[i], inputs, lengths});
}

void model_enter(Elab *e, const FnDecl *d)
{
	List inputs = {0}, lengths = {0};
	enter(e, d, &inputs, &lengths);
}

const Graph *model_graph(Elab *e, const FnDecl *d)
{
	Ctx *cx = e->cx;
	List inputs = {0}, lengths = {0}, outputs = {0}, chosen = {0};
	enter(e, d, &inputs, &lengths);
	int n_results = 0;
	Value results[MAX_RESULTS];
	if (elab_block(e, d->body, false, &n_results, results))
		fail_at(cx, e->at, "a model has no yield: its outputs are named behind ->");
	for (int i = 0; i < d->n_outputs; i++) attempt(e, run_output, &(One){d->outputs[i], &outputs, &chosen});
	for (int i = 0; i < chosen.n; i++) list_add(e, &outputs, chosen.vals[i], chosen.names[i]);
	report_fail(cx, &e->model->report);

	for (int i = 0; i < lengths.n; i++) list_add(e, &inputs, lengths.vals[i], lengths.names[i]);
	const Val **params = NEWN(cx->arena, const Val *, inputs.n + 1),
		  **read = NEWN(cx->arena, const Val *, inputs.n + 1);
	for (int i = 0; i < inputs.n; i++) params[i] = val_param(cx, i, inputs.vals[i]->type);
	ranges_guard(e, inputs.n, inputs.vals, params, read);
	const Val **new = NEWN(cx->arena, const Val *, outputs.n + 1);
	vals_replace(cx, inputs.n, inputs.vals, read, outputs.n, outputs.vals, new);
	return graph_new(cx, d->name, inputs.n, params, inputs.names, outputs.n, new, outputs.names);
}
