/* params.c: which parameters a model has: paths, shapes, initialisers (params.h).
 *
 * A scope is a place that owns parameters: the model, a statement in it, a cell used there.  Its path is made when its first
 * parameter is, so that statements without parameters leave the numbering alone.
 */
#include "frontend/lang/model.h"

#include <string.h>

typedef struct Count {
	const char *name;
	int n;
	struct Count *next;
} Count;
struct Scope {
	Scope *up;
	const char *name; /* as wished for; "" adds nothing to the path */
	const char *path; /* NULL: not made yet */
	Count *counts;    /* names given below it */
};

Scope *scope_new(Elab *e, Scope *up, const char *name)
{
	Scope *s = NEW(e->cx->arena, Scope);
	*s = (Scope){.up = up, .name = name};
	return s;
}

void scope_restart(Scope *s) { s->counts = NULL; }

static int count_up(Elab *e, Scope *s, const char *name)
{
	for (Count *c = s->counts; c; c = c->next)
		if (!strcmp(c->name, name)) return ++c->n;
	Count *c = NEW(e->cx->arena, Count);
	*c = (Count){name, 1, s->counts};
	s->counts = c;
	return 1;
}

static const char *scope_path(Elab *e, Scope *s)
{
	if (s->path) return s->path;
	if (!s->up) return s->path = "";
	const char *up = scope_path(e, s->up);
	if (!*s->name) return s->path = up;
	int n = count_up(e, s->up, s->name);
	const char *name = n == 1 ? s->name : arena_printf(e->cx->arena, "%s_%d", s->name, n);
	return s->path = *up ? arena_printf(e->cx->arena, "%s.%s", up, name) : name;
}

/* ------------------------------------------------------------------------------------------------ initialisers */

static void read_init(Elab *e, const Node *node, Init *init)
{
	Span at = e->at;
	e->at = (Span){at.src, node->start, node->end};
	init->kind = node->text;
	init->n = node->n;
	for (int i = 0; i < node->n && i < MAX_INIT_ARGS; i++) {
		Value v = elab_expr(e, node->kids[i]);
		if (v.kind != V_NUM) fail(e->cx, "%s takes numbers, this is %s", node->text, value_str_of(e, &v));
		init->args[i] = v.num;
	}
	if (!init_known(init->kind, node->n))
		fail(e->cx, "no initialiser is called %s with %d number%s (%s)", node->text, node->n, node->n == 1 ? "" : "s",
			init_list());
	e->at = at;
}

/* ------------------------------------------------------------------------------------------------ the table */

static Param *find_param(Elab *e, const char *name)
{
	for (int i = 0; i < e->model->n_params; i++)
		if (!strcmp(e->model->params[i].name, name)) return &e->model->params[i];
	return NULL;
}

static Param *add_param(Elab *e)
{
	ModelElab *m = e->model;
	if (m->n_params == m->cap_params) {
		int cap = m->cap_params ? 2 * m->cap_params : 32;
		Param *more = NEWN(e->cx->arena, Param, cap);
		for (int i = 0; i < m->n_params; i++) more[i] = m->params[i];
		m->params = more;
		m->cap_params = cap;
	}
	return &m->params[m->n_params++];
}

static void get_value(Elab *e, Param *p)
{
	const ModelElab *m = e->model;
	p->value = m->source ? m->source(m->user, e->cx, p) : NULL;
	if (!p->value) p->value = param_random(e->cx, p, m->seed);
	bool fits = p->value->elem == F32 && p->value->rank == p->rank;
	for (int i = 0; fits && i < p->rank; i++) fits = p->value->dims[i] == p->dims[i];
	if (!fits) fail(e->cx, "the values of parameter %s are of another shape", p->name);
}

Value model_param(Elab *e, const char *base, bool counted, int rank, const Dim *const *dims, int64_t fan_in,
	const char *init, const Node *spec, bool fixed)
{
	Ctx *cx = e->cx;
	Scope *scope = e->model->scope;
	const char *path = scope_path(e, scope);
	int n = count_up(e, scope, base);
	const char *name = counted ? arena_printf(cx->arena, "%s%d", base, n - 1)
		: n > 1            ? arena_printf(cx->arena, "%s_%d", base, n)
				   : base;
	name = *path ? arena_printf(cx->arena, "%s.%s", path, name) : name;

	int64_t *sizes = NEWN(cx->arena, int64_t, rank + 1), count = 1;
	const Axis **axes = NEWN(cx->arena, const Axis *, rank + 1);
	for (int i = 0; i < rank; i++) {
		axes[i] = axis_plain(e, dims[i]);
		if (!dim_is_int(dims[i], &sizes[i]) || sizes[i] < 1)
			fail(cx, "the sizes of parameter %s must be numbers, 1 or more; size %d is %s", name, i,
				axis_str(e, axes[i]));
		if (sizes[i] > INT64_C(1) << 31 || (count *= sizes[i]) > INT64_C(1) << 31)
			fail(cx, "parameter %s has more than 2^31 elements", name);
	}
	Param *p = find_param(e, name);
	bool same = p && p->rank == rank;
	for (int i = 0; same && i < rank; i++) same = p->dims[i] == sizes[i];
	if (p && !same) fail(cx, "parameter %s is shared, but wanted here in another shape", name);
	if (!p) {
		p = add_param(e);
		*p = (Param){.name = name, .rank = rank, .dims = sizes, .fixed = fixed, .at = span_str(cx, e->at)};
		p->fan_in = fan_in ? fan_in : rank ? sizes[rank - 1] : 1;
		p->inits[0] = (Init){.kind = init};
		p->n_inits = 1;
		for (int i = 1; spec && i < spec->n; i++) {
			if (i > MAX_INITS) fail(cx, "more than %d initialisers", MAX_INITS);
			read_init(e, spec->kids[i], &p->inits[i - 1]);
			p->n_inits = i;
		}
		get_value(e, p);
	}
	return model_tensor(e, val_const(cx, p->value), 0, rank, axes);
}
