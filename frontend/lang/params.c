/* params.c: which parameters a model has: paths, shapes, initialisers (params.h).
 *
 * What owns parameters claims its path before its operands are elaborated, so that lin[8](relu(lin[12](u))) is counted from
 * the outside in, as one reads it.  A cell that is shared makes its parameters at its first use; later uses take the same ones
 * in the same order.
 */
#include "frontend/lang/model.h"

#include <string.h>

static const char *join(Elab *e, const char *a, const char *b)
{
	return !*a ? b : !*b ? a : arena_printf(e->cx->arena, "%s.%s", a, b);
}

const char *owner_path(Elab *e, OwnerKind kind, const char *alias)
{
	ModelElab *m = e->model;
	if (kind == N_OWNERS) return join(e, m->at.cell, m->at.round);
	if (alias) return join(e, m->at.cell, join(e, alias, m->at.round));
	int n = ++m->at.counts[kind];
	const char *path = join(e, m->at.cell, m->at.statement);
	if (n > 1) path = arena_printf(e->cx->arena, "%s_%d", path, n);
	return *m->at.statement ? join(e, path, m->at.round) : path;
}

void statement_begin(Elab *e, const char *name, const char *assigned)
{
	e->model->at.statement = name;
	e->model->at.assigned = assigned;
	memset(e->model->at.counts, 0, sizeof e->model->at.counts);
}

void round_begin(Elab *e, const char *outer, int i)
{
	e->model->at.round = join(e, outer, arena_printf(e->cx->arena, "%d", i));
}

Place place_enter(Elab *e, const char *path)
{
	Place old = e->model->at;
	e->model->at = (Place){.cell = path, .statement = "", .round = "", .assigned = "", .reversed = old.reversed};
	return old;
}

/* ------------------------------------------------------------------------------------------------ shared uses */

void shared_enter(Elab *e, Shared *s)
{
	ModelElab *m = e->model;
	s->outer = m->replay;
	s->first = s->made ? s->first : m->n_params;
	s->next = s->first;
	if (s->made) m->replay = s;
}

void shared_leave(Elab *e, Shared *s)
{
	ModelElab *m = e->model;
	if (!s->made) s->end = m->n_params;
	s->made = true;
	m->replay = s->outer;
}

/* ------------------------------------------------------------------------------------------------ initialisers */

static void read_init(Elab *e, const Node *node, InitStep *init)
{
	Span at = e->at;
	e->at = (Span){at.src, node->start, node->end};
	init->name = node->text;
	init->n_args = node->n;
	for (int i = 0; i < node->n; i++) {
		Value v = elab_expr(e, node->kids[i]);
		if (v.kind != V_NUM) fail(e->cx, "%s takes numbers, this is %s", node->text, value_str_of(e, &v));
		if (i < INIT_MAX_ARGS) init->args[i] = v.num;
	}
	init_check(e->cx, init);
	e->at = at;
}

static void read_inits(Elab *e, const Node *spec, const char *otherwise, Param *p)
{
	p->inits[0] = (InitStep){.name = otherwise};
	p->n_inits = 1;
	for (int i = 1; spec && i < spec->n; i++) {
		if (i > MAX_INITS) fail(e->cx, "more than %d initialisers", MAX_INITS);
		read_init(e, spec->kids[i], &p->inits[i - 1]);
		p->n_inits = i;
	}
}

/* ------------------------------------------------------------------------------------------------ the table */

static bool is_taken(const Elab *e, const char *name)
{
	for (int i = 0; i < e->model->n_params; i++)
		if (!strcmp(e->model->params[i].name, name)) return true;
	return false;
}

/* Two owners of one path, such as a lin around a cell that yields a lin: the later one counts on. */
static const char *free_name(Elab *e, const char *path, const char *base)
{
	const char *name = join(e, path, base);
	for (int n = 2; is_taken(e, name); n++) name = join(e, arena_printf(e->cx->arena, "%s_%d", path, n), base);
	return name;
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
	if (!p->value)
		p->value = init_tensor(
			e->cx, p->name, F32, p->rank, p->dims, p->fan_in, p->fan_out, p->n_inits, p->inits, m->seed);
	bool fits = p->value->elem == F32 && p->value->rank == p->rank;
	for (int i = 0; fits && i < p->rank; i++) fits = p->value->dims[i] == p->dims[i];
	if (!fits) fail(e->cx, "the values of parameter %s are of another shape", p->name);
}

static int64_t *static_sizes(Elab *e, const char *name, int rank, const Dim *const *dims)
{
	int64_t *sizes = NEWN(e->cx->arena, int64_t, rank + 1), count = 1;
	for (int i = 0; i < rank; i++) {
		if (!dim_is_int(dims[i], &sizes[i]) || sizes[i] < 1)
			fail(e->cx, "the sizes of parameter %s must be numbers, 1 or more; size %d is %s", name, i,
				axis_str(e, axis_plain(e, dims[i])));
		if (sizes[i] > INT64_C(1) << 31 || (count *= sizes[i]) > INT64_C(1) << 31)
			fail(e->cx, "parameter %s has more than 2^31 elements", name);
	}
	if (count > e->model->elements_left) fail(e->cx, "parameter %s: the model has too many elements", name);
	return sizes;
}

Value model_param(Elab *e, const char *path, const char *base, int rank, const Dim *const *dims, double fan_in,
	const char *init, const Node *spec, bool fixed)
{
	ModelElab *m = e->model;
	int64_t *sizes = static_sizes(e, base, rank, dims);
	Param *p;
	if (m->replay) {
		Shared *s = m->replay;
		p = s->next < s->end ? &m->params[s->next++] : NULL;
		bool same = p && p->rank == rank;
		for (int i = 0; same && i < rank; i++) same = p->dims[i] == sizes[i];
		if (!same) fail(e->cx, "a shared cell is used with other sizes: parameter %s", p ? p->name : base);
	} else {
		const char *name = free_name(e, path, base);
		p = add_param(e);
		*p = (Param){.name = name, .rank = rank, .dims = sizes, .fixed = fixed, .at = span_str(e->cx, e->at)};
		p->reversed = m->at.reversed;
		p->assigned = m->at.assigned;
		init_fans(rank, sizes, &p->fan_in, &p->fan_out);
		if (fan_in > 0) p->fan_in = fan_in;
		read_inits(e, spec, init, p);
		get_value(e, p);
		m->elements_left -= p->value->count;
	}
	const Axis **axes = NEWN(e->cx->arena, const Axis *, rank + 1);
	for (int i = 0; i < rank; i++) axes[i] = axis_plain(e, dims[i]);
	return model_tensor(e, val_const(e->cx, p->value), 0, rank, axes);
}
