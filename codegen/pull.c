/* pull.c: a value at an index, as a scalar expression.
 *
 * Walks from what is wanted to what is stored: views change the index, element-wise ops recurse, contract and reduce become
 * accumulators over reduction variables, stored values become loads.  Counts how often each value is computed, for fuse.c.
 */
#include "codegen/lower.h"
#include "ir/intern.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

typedef struct Table_ {
	Table table;
} Memo;

typedef struct { /* equal values of two graphs are one Val: the scope tells them apart */
	const Scope *scope;
	const Val *val;
	const Index *const *index;
	const Expr *expr;
} Instance;

static double type_estimate(const Type *t)
{
	double n = 1;
	for (int i = 0; i < t->rank; i++) n *= dim_estimate(t->dims[i]);
	return n;
}

static uint64_t instance_hash(const Val *v, const Index *const *index)
{
	return hash_bytes(v->id, index, sizeof *index * (size_t)v->type->rank);
}

/* ---- reductions ---- */

/* The reduction variables of a kernel are shared by all its loops: the k-th one of that extent. */
static const Var *reduction_var(Scope *s, const Dim *extent, const Var *const *taken, int n_taken)
{
	static const char *const names[] = {"k", "l", "m", "p", "q", "r", "s", "u"};
	Group *g = s->now;
	for (int a = 0; a < g->n_accs; a++)
		for (int i = 0; i < g->accs[a]->n_vars; i++) {
			const Var *v = g->accs[a]->vars[i];
			bool free = v->extent == extent;
			for (int k = 0; k < n_taken; k++) free &= taken[k] != v;
			if (free) return v;
		}
	int n = n_taken;
	for (int a = 0; a < g->n_accs; a++) n += g->accs[a]->n_vars;
	return var_new(s->lw->p, n < 8 ? names[n] : arena_printf(s->lw->cx->arena, "k%d", n), extent);
}

static AccKind acc_kind(const char *kind)
{
	return strcmp(kind, "sum") == 0     ? ACC_SUM
		: strcmp(kind, "prod") == 0 ? ACC_PROD
		: strcmp(kind, "max") == 0  ? ACC_MAX
					    : ACC_MIN;
}

/* Narrow floats accumulate in f32. */
static Elem acc_elem(Elem e) { return elem_is_narrow(e) ? F32 : e; }

static void level_visit(void *user, const Expr *e)
{
	int *level = user;
	if (e->kind == EX_ACC && e->acc->level >= *level) *level = e->acc->level + 1;
}

static const Expr *finish_acc(Scope *s, const Val *v, AccKind kind, int n_vars, const Var **vars, const Expr *value)
{
	Program *p = s->lw->p;
	Group *g = s->now;
	Acc *acc = NEW(p->arena, Acc);
	*acc = (Acc){.kind = kind,
		.elem = acc_elem(v->type->elem),
		.n_vars = n_vars,
		.vars = vars,
		.value = value,
		.id = p->n_ids++};
	Map seen;
	map_init(&seen, p->arena);
	expr_each(value, &seen, level_visit, &acc->level);
	Acc **accs = NEWN(p->arena, Acc *, g->n_accs + 1);
	if (g->n_accs) memcpy(accs, g->accs, sizeof *accs * (size_t)g->n_accs);
	accs[g->n_accs++] = acc;
	g->accs = accs;
	const Expr *e = expr_acc(p, acc);
	return acc->elem == v->type->elem ? e : expr_round(p, v->type->elem, e);
}

static const Expr *pull_contract(Scope *s, const Val *v, const Index *const *index)
{
	Program *p = s->lw->p;
	const char *spec = val_str(v, A_SPEC), *ab = strchr(spec, ','), *arrow = strchr(spec, '>');
	const char *parts[2] = {spec, ab + 1};
	int ranks[2] = {(int)(ab - spec), (int)(arrow - 1 - (ab + 1))};
	const Index *of[128] = {NULL};
	const Var **vars = NEWN(p->arena, const Var *, ranks[0] + ranks[1]);
	int n_vars = 0;
	double times = 1;
	for (int i = 0; i < v->type->rank; i++) of[(unsigned char)arrow[1 + i]] = index[i];
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < ranks[k]; i++) {
			unsigned char c = (unsigned char)parts[k][i];
			const Dim *extent = v->args[k]->type->dims[i];
			if (of[c]) continue;
			if (dim_is(extent, 1)) {
				of[c] = index_dim(p, dim_int(p->cx, 0));
				continue;
			}
			vars[n_vars] = reduction_var(s, extent, vars, n_vars);
			of[c] = index_var(p, vars[n_vars++]);
			times *= dim_estimate(extent);
		}
	const Expr *x[2];
	double repeats = s->repeats;
	s->repeats *= times;
	s->n_depth++;
	for (int k = 0; k < 2; k++) {
		const Index **at = NEWN(p->arena, const Index *, ranks[k]);
		for (int i = 0; i < ranks[k]; i++) at[i] = of[(unsigned char)parts[k][i]];
		x[k] = pull(s, v->args[k], at);
	}
	s->n_depth--;
	s->repeats = repeats;
	Elem elem = acc_elem(v->type->elem);
	const Expr *product = expr_op(p, OP_EW_mul, elem, 2, x);
	if (n_vars == 0) return elem == v->type->elem ? product : expr_round(p, v->type->elem, product);
	return finish_acc(s, v, ACC_SUM, n_vars, vars, product);
}

static const Expr *pull_reduce(Scope *s, const Val *v, const Index *const *index)
{
	Program *p = s->lw->p;
	const Val *x = v->args[0];
	const Attr *axes = val_attr(v, A_AXES);
	const Index **at = NEWN(p->arena, const Index *, x->type->rank);
	const Var **vars = NEWN(p->arena, const Var *, axes->n);
	int n_vars = 0;
	double times = 1;
	for (int i = 0, a = 0, o = 0; i < x->type->rank; i++) {
		if (a == axes->n || axes->ints[a] != i) {
			at[i] = index[o++];
			continue;
		}
		a++;
		if (dim_is(x->type->dims[i], 1)) {
			at[i] = index_dim(p, dim_int(p->cx, 0));
			continue;
		}
		vars[n_vars] = reduction_var(s, x->type->dims[i], vars, n_vars);
		at[i] = index_var(p, vars[n_vars++]);
		times *= dim_estimate(x->type->dims[i]);
	}
	double repeats = s->repeats;
	s->repeats *= times;
	s->n_depth++;
	const Expr *e = pull(s, x, at);
	s->n_depth--;
	s->repeats = repeats;
	return n_vars ? finish_acc(s, v, acc_kind(val_str(v, A_KIND)), n_vars, vars, e) : e;
}

/* ---- views ---- */

static const Index **view_index(Scope *s, const Val *v, const Index *const *index)
{
	Program *p = s->lw->p;
	Ctx *cx = s->lw->cx;
	const Type *from = v->args[0]->type, *to = v->type;
	const Index **at = NEWN(p->arena, const Index *, from->rank);
	const Index *zero = index_dim(p, dim_int(cx, 0));
	if (v->op == OP_size || v->op == OP_after || v->op == OP_guard) {
		memcpy(at, index, sizeof *at * (size_t)to->rank);
	} else if (v->op == OP_permute) {
		for (int i = 0; i < to->rank; i++) at[val_ints(v, A_PERM)[i]] = index[i];
	} else if (v->op == OP_slice) {
		for (int i = 0; i < to->rank; i++)
			at[i] = index_add(p, index_dim(p, val_dims(v, A_START)[i]),
				index_scale(p, index[i], dim_int(cx, val_ints(v, A_STEP)[i])));
	} else if (v->op == OP_expand) {
		for (int i = 0; i < from->rank; i++)
			at[i] = dim_is(from->dims[i], 1) ? zero : index[i + to->rank - from->rank];
	} else if (v->op == OP_window) {
		const int64_t *w = val_ints(v, A_WINDOW), axis = val_int(v, A_AXIS);
		for (int i = 0; i < from->rank; i++) at[i] = index[i];
		at[axis] = index_add(p, index_scale(p, index[axis], dim_int(cx, w[1])),
			index_scale(p, index[from->rank], dim_int(cx, w[2])));
	} else { /* reshape: dims that both have in front stay, the rest goes through the linear index */
		int same = 0;
		while (same < from->rank && same < to->rank && from->dims[same] == to->dims[same]) {
			at[same] = index[same];
			same++;
		}
		const Index *linear = zero;
		for (int i = same; i < to->rank; i++)
			linear = index_add(p, index_scale(p, linear, to->dims[i]), index[i]);
		for (int i = from->rank - 1; i >= same; i--) {
			if (i == same) {
				at[i] = dim_is(from->dims[i], 1) ? zero : linear;
			} else {
				at[i] = index_mod(p, linear, from->dims[i]);
				linear = index_div(p, linear, from->dims[i]);
			}
		}
	}
	return at;
}

/* ---- the walk ---- */

static const Expr *load_place(Scope *s, const Place *at, const Val *v, const Index *const *index)
{
	Program *p = s->lw->p;
	if (at->buffer) return expr_load(p, at->buffer, place_index(s, at, index));
	if (!at->val) /* the number of a loop's step */
		return expr_index(p, at->step);
	const Index **all = NEWN(p->arena, const Index *, v->type->rank + 1);
	int n = 0;
	if (at->step) all[n++] = at->step;
	for (int i = 0; i < v->type->rank; i++) all[n++] = index[i];
	/* A value of an enclosing scope, read by this scope's kernel. */
	Scope view = *at->scope;
	map_init(&view.evals, p->arena);
	map_init(&view.nested, p->arena);
	view.now_scope = s->now_scope;
	view.now = s->now;
	view.memo = s->memo;
	view.n_depth = s->n_depth;
	view.repeats = s->repeats;
	return pull(&view, at->val, all);
}

static const Expr *load_const(Scope *s, const Val *v, const Index *const *index)
{
	Lower *lw = s->lw;
	const Tensor *t = val_attr(v, A_DATA)->tensor;
	Buffer *b = (Buffer *)(uintptr_t)map_get(&lw->consts, t);
	if (!b) {
		b = const_new(lw->p, "data", v->loc ? v->loc : "constant", t);
		map_put(&lw->consts, t, b);
	}
	return expr_load(lw->p, b, index);
}

static const Expr *pull_ew(Scope *s, const Val *v, const Index *const *index)
{
	Program *p = s->lw->p;
	const Expr *args[3];
	for (int i = 0; i < v->n_args; i++) args[i] = pull(s, v->args[i], index);
	const Expr *e = expr_op(p, v->op, v->type->elem, v->n_args, args);
	const bool exact = elem_is_storage(v->type->elem) || v->op == OP_EW_bitcast; /* what made it has rounded it */
	return elem_is_narrow(v->type->elem) && !exact ? expr_round(p, v->type->elem, e) : e;
}

static bool is_root_here(const Scope *s, const Val *v)
{
	if (s->now_scope != s->self || s->reading) return false;
	for (int i = 0; i < s->now->n_roots; i++)
		if (s->now->roots[i] == v) return true;
	return false;
}

static const Expr *pull_new(Scope *s, const Val *v, const Index *const *index)
{
	Program *p = s->lw->p;
	Ctx *cx = s->lw->cx;
	const Place *at = map_get(&s->places, v);
	if (at && !is_root_here(s, v)) return load_place(s, at, v, index);
	if (at) { /* computed by this very kernel */
		const Index **here = domain_index(s, s->now, v);
		if (v->type->rank && memcmp(here, index, sizeof *here * (size_t)v->type->rank) != 0) s->clash = true;
	}
	if (is_view(v)) return pull(s, v->args[0], view_index(s, v, index));
	double *evals = (double *)(uintptr_t)map_get(&s->evals, v);
	if (!evals) map_put(&s->evals, v, evals = NEW(cx->arena, double));
	*evals += s->repeats;
	if ((v->op == OP_contract || v->op == OP_reduce) && s->n_depth) map_put(&s->nested, v, v);
	switch (v->op) {
	case OP_const: return load_const(s, v, index);
	case OP_dim: return expr_dim(p, val_dims(v, A_VALUE)[0]);
	case OP_iota: {
		const Expr *i = expr_index(p, index[val_int(v, A_AXIS)]);
		return v->type->elem == I64 ? i : expr_op(p, OP_EW_cast, v->type->elem, 1, &i);
	}
	case OP_contract: return pull_contract(s, v, index);
	case OP_reduce: return pull_reduce(s, v, index);
	case OP_gather: {
		const Val *x = v->args[0], *idx = v->args[1];
		int axis = (int)val_int(v, A_AXIS), n = idx->type->rank;
		const Index **to = NEWN(cx->arena, const Index *, x->type->rank);
		for (int i = 0; i < x->type->rank; i++)
			to[i] = i < axis   ? index[i]
				: i > axis ? index[i + n - 1]
					   : index_expr(p, pull(s, idx, index + axis), x->type->dims[i]);
		return pull(s, x, to);
	}
	case OP_gather_nd: {
		const Val *x = v->args[0], *idx = v->args[1];
		int batch = (int)val_int(v, A_BATCH), lead = idx->type->rank - 1;
		int64_t depth = 0;
		dim_is_int(idx->type->dims[lead], &depth);
		const Index **to = NEWN(cx->arena, const Index *, x->type->rank),
			    **where = NEWN(cx->arena, const Index *, lead + 1);
		for (int i = 0; i < lead; i++) where[i] = index[i];
		for (int i = 0; i < x->type->rank; i++) {
			if (i < batch) {
				to[i] = index[i];
			} else if (i < batch + depth) {
				where[lead] = index_dim(p, dim_int(cx, i - batch));
				const Index **copy = arena_copy(cx->arena, where, sizeof *where * (size_t)(lead + 1));
				to[i] = index_expr(p, pull(s, idx, copy), x->type->dims[i]);
			} else {
				to[i] = index[lead + i - batch - (int)depth];
			}
		}
		return pull(s, x, to);
	}
	default: assert(op_info[v->op].is_ew); return pull_ew(s, v, index);
	}
}

const Expr *pull(Scope *s, const Val *v, const Index *const *index)
{
	uint64_t hash = instance_hash(v, index);
	size_t at = 0;
	for (const Instance *have; (have = table_next(&s->memo->table, hash, &at));)
		if (have->scope == s->self && have->val == v &&
			(v->type->rank == 0 || memcmp(have->index, index, sizeof *index * (size_t)v->type->rank) == 0))
			return have->expr;
	Instance *made = NEW(s->lw->cx->arena, Instance);
	*made = (Instance){s->self, v, index, pull_new(s, v, index)};
	table_put(s->lw->cx->arena, &s->memo->table, hash, made);
	return made->expr;
}

const Index **domain_index(Scope *s, const Group *g, const Val *root)
{
	Program *p = s->lw->p;
	const Type *t = root->type;
	const Index **index = NEWN(p->arena, const Index *, t->rank);
	for (int i = 0, v = 0; i < t->rank; i++)
		index[i] = dim_is(t->dims[i], 1) ? index_dim(p, dim_int(p->cx, 0)) : index_var(p, g->vars[v++]);
	return index;
}

void pull_group(Scope *s, Group *g)
{
	Ctx *cx = s->lw->cx;
	Memo memo = {0};
	s->now = g;
	s->now_scope = s;
	s->memo = &memo;
	s->n_depth = 0;
	s->clash = false;
	g->n_accs = 0;
	g->accs = NULL;
	g->exprs = NEWN(cx->arena, const Expr *, g->n_roots);
	for (int i = 0; i < g->n_roots; i++) {
		s->repeats = type_estimate(g->roots[i]->type);
		g->exprs[i] = pull(s, g->roots[i], domain_index(s, g, g->roots[i]));
	}
	s->now = NULL;
	s->memo = NULL;
}
