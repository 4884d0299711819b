/* expr.c: indices and scalar expressions of kernels, hash-consed and simplified as they are built.
 *
 * An index is a sum of loop variables and of what is not affine (quotients, remainders, run-time integers).  The rules for
 * quotients and remainders undo the arithmetic of reshapes: with r in [0, d), (d*q + r) / d = q and (d*q + r) % d = r.
 */
#include "codegen/consing.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void names_init(Names *names, Ctx *cx)
{
	map_init(&names->taken, cx->arena);
	map_init(&names->locals, cx->arena);
	map_init(&names->constants, cx->arena);
	map_init(&names->numbers, cx->arena);
	map_init(&names->chunks, cx->arena);
}

void program_init(Program *p, Ctx *cx, const char *name, Names *names)
{
	*p = (Program){.cx = cx, .arena = cx->arena, .name = name, .names = names, .n_ids = 1};
	p->consing = NEW(p->arena, struct Consing);
	map_init(&p->sizes, p->arena);
	map_init(&p->locals, p->arena);
	map_init(&p->numbers, p->arena);
}

/* The wish as an identifier that is not reserved. */
static const char *identifier(Program *p, const char *wish)
{
	char base[48];
	size_t n = 0;
	for (const char *s = wish; *s && n + 1 < sizeof base; s++)
		if (isalnum((unsigned char)*s) || (n && base[n - 1] != '_'))
			base[n++] = isalnum((unsigned char)*s) ? (char)*s : '_';
	while (n && base[n - 1] == '_') n--;
	base[n] = 0;
	if (n == 0 || isdigit((unsigned char)base[0])) {
		memmove(base + 1, base, n < sizeof base - 1 ? n + 1 : n);
		base[0] = 'v';
		base[sizeof base - 1] = 0;
	}
	return name_is_reserved(base) ? arena_printf(p->arena, "%s_v", base) : arena_strn(p->arena, base, strlen(base));
}

/* The wish, numbered where a map has it already.  `numbers` has the last number given to each wish. */
static const char *numbered(Program *p, const char *wish, const Map *a, const Map *b, Map *numbers)
{
	const char *base = intern(p->cx, identifier(p, wish)), *name = base;
	intptr_t number = (intptr_t)map_get(numbers, base);
	for (number = number ? number : 1; map_get(a, name) || map_get(b, name);)
		name = intern(p->cx, arena_printf(p->arena, "%s_%d", base, (int)++number));
	map_put(numbers, base, (void *)(number - 1));
	return name;
}

const char *unique_name(Program *p, const char *wish)
{
	const char *name = numbered(p, wish, &p->names->taken, &p->names->locals, &p->names->numbers);
	map_put(&p->names->taken, name, name);
	return name;
}

const char *unique_member(Program *p, Map *taken, const char *wish)
{
	Map numbers;
	map_init(&numbers, p->arena);
	const char *name = numbered(p, wish, taken, taken, &numbers);
	map_put(taken, name, name);
	return name;
}

const char *unique_local(Program *p, const char *wish)
{
	const char *name = numbered(p, wish, &p->names->taken, &p->locals, &p->numbers);
	map_put(&p->locals, name, name);
	map_put(&p->names->locals, name, name);
	return name;
}

Var *var_new(Program *p, const char *name, const Dim *extent)
{
	Var *v = NEW(p->arena, Var);
	*v = (Var){.name = name, .extent = extent, .id = p->n_ids++};
	return v;
}

/* ---- indices ---- */

const Atom *atom_unique(Program *p, const Atom *want)
{
	Table *t = &p->consing->atoms;
	const void *key[] = {want->var, want->a, want->n, want->expr};
	uint64_t hash = hash_bytes((uint64_t)want->kind, key, sizeof key);
	size_t at = 0;
	for (const Atom *a; (a = table_next(t, hash, &at));)
		if (a->kind == want->kind && a->var == want->var && a->a == want->a && a->n == want->n &&
			a->expr == want->expr)
			return a;
	Atom *a = NEW(p->arena, Atom);
	*a = *want;
	a->id = want->id ? want->id : p->n_ids++;
	table_put(p->arena, t, hash, a);
	return a;
}

const Index *index_unique(Program *p, const Index *want)
{
	Table *t = &p->consing->indices;
	int n = want->n_terms;
	uint64_t hash = hash_bytes((uint64_t)want->base->id, want->terms, sizeof *want->terms * (size_t)n);
	size_t at = 0;
	for (const Index *x; (x = table_next(t, hash, &at));)
		if (x->base == want->base && x->n_terms == n &&
			(n == 0 || memcmp(x->terms, want->terms, sizeof *x->terms * (size_t)n) == 0))
			return x;
	Index *x = NEW(p->arena, Index);
	*x = *want;
	x->terms = arena_copy(p->arena, want->terms, sizeof *want->terms * (size_t)n);
	x->id = want->id ? want->id : p->n_ids++;
	table_put(p->arena, t, hash, x);
	return x;
}

static const Index *index_intern(Program *p, const Dim *base, int n, const IndexTerm *terms)
{
	return index_unique(p, &(Index){.base = base, .n_terms = n, .terms = terms});
}

const Index *index_dim(Program *p, const Dim *d) { return index_intern(p, d, 0, NULL); }

static const Index *index_atom(Program *p, const Atom *a)
{
	return index_intern(p, dim_int(p->cx, 0), 1, &(IndexTerm){dim_int(p->cx, 1), a});
}

const Index *index_var(Program *p, const Var *v)
{
	if (dim_is(v->extent, 1)) return index_dim(p, dim_int(p->cx, 0));
	return index_atom(p, atom_unique(p, &(Atom){.kind = ATOM_VAR, .var = v}));
}

const Index *index_add(Program *p, const Index *x, const Index *y)
{
	IndexTerm *terms = NEWN(p->arena, IndexTerm, x->n_terms + y->n_terms);
	int n = 0;
	for (int i = 0, j = 0; i < x->n_terms || j < y->n_terms;) {
		if (j == y->n_terms || (i < x->n_terms && x->terms[i].atom->id < y->terms[j].atom->id)) {
			terms[n++] = x->terms[i++];
		} else if (i == x->n_terms || y->terms[j].atom->id < x->terms[i].atom->id) {
			terms[n++] = y->terms[j++];
		} else {
			const Dim *c = dim_add(p->cx, x->terms[i].coef, y->terms[j].coef);
			if (!dim_is(c, 0)) terms[n++] = (IndexTerm){c, x->terms[i].atom};
			i++, j++;
		}
	}
	return index_intern(p, dim_add(p->cx, x->base, y->base), n, terms);
}

const Index *index_scale(Program *p, const Index *x, const Dim *by)
{
	if (dim_is(by, 0)) return index_dim(p, by);
	IndexTerm *terms = NEWN(p->arena, IndexTerm, x->n_terms);
	for (int i = 0; i < x->n_terms; i++)
		terms[i] = (IndexTerm){dim_mul(p->cx, x->terms[i].coef, by), x->terms[i].atom};
	return index_intern(p, dim_mul(p->cx, x->base, by), x->n_terms, terms);
}

/* The largest value of an atom; the smallest is 0. */
static const Dim *atom_max(Program *p, const Atom *a);

/* Bounds of an index as dims; false when a coefficient's sign is not known. */
static bool index_range(Program *p, const Index *x, const Dim **lo, const Dim **hi)
{
	*lo = *hi = x->base;
	for (int i = 0; i < x->n_terms; i++) {
		const Dim *c = x->terms[i].coef, *most = dim_mul(p->cx, c, atom_max(p, x->terms[i].atom));
		if (dim_lo(c) >= 0) *hi = dim_add(p->cx, *hi, most);
		else if (dim_hi(c) <= 0) *lo = dim_add(p->cx, *lo, most);
		else return false;
	}
	return true;
}

static const Dim *atom_max(Program *p, const Atom *a)
{
	Ctx *cx = p->cx;
	const Dim *one = dim_int(cx, 1), *lo, *hi;
	switch (a->kind) {
	case ATOM_VAR: return dim_sub(cx, a->var->extent, one);
	case ATOM_DIV:
		if (index_range(p, a->a, &lo, &hi)) return dim_floordiv(cx, hi, a->n);
		return dim_sym(cx, "unbounded");
	default: return dim_sub(cx, a->n, one);
	}
}

/* x = d * quotient + rest, with as much as possible in quotient, but no more than leaves rest at least 0: C's division rounds to
 * zero.  x is an index, and so at least 0 as a whole.  True when rest is known to be in [0, d). */
static bool index_split(Program *p, const Index *x, const Dim *d, const Index **quotient, const Index **rest)
{
	Ctx *cx = p->cx;
	IndexTerm *q = NEWN(p->arena, IndexTerm, x->n_terms), *r = NEWN(p->arena, IndexTerm, x->n_terms);
	int nq = 0, nr = 0;
	for (int i = 0; i < x->n_terms; i++) {
		const Dim *c = dim_div_exact(cx, x->terms[i].coef, d);
		if (c) q[nq++] = (IndexTerm){c, x->terms[i].atom};
		else r[nr++] = x->terms[i];
	}
	const Dim *bq = dim_floordiv(cx, x->base, d);
	if (!dim_is_int(bq, NULL) && !dim_is_int(dim_sub(cx, x->base, dim_mul(cx, bq, d)), NULL)) bq = dim_int(cx, 0);
	*quotient = index_intern(p, bq, nq, q);
	*rest = index_intern(p, dim_sub(cx, x->base, dim_mul(cx, bq, d)), nr, r);
	const Dim *lo, *hi;
	const bool bounded = index_range(p, *rest, &lo, &hi);
	if (bounded && dim_lo(lo) >= 0) return dim_lo(dim_sub(cx, d, hi)) >= 1;
	if (bounded && dim_is_int(lo, NULL) && dim_is_int(d, NULL)) {
		const Dim *below = dim_floordiv(cx, lo, d);
		*quotient = index_add(p, *quotient, index_dim(p, below));
		*rest = index_add(p, *rest, index_dim(p, dim_sub(cx, dim_int(cx, 0), dim_mul(cx, below, d))));
		return dim_lo(dim_sub(cx, d, dim_sub(cx, hi, dim_mul(cx, below, d)))) >= 1;
	}
	*quotient = index_dim(p, dim_int(cx, 0));
	*rest = x;
	return false;
}

/* x = g * quotient + rest with 0 <= rest < g, for the largest g > 1 of those that divide d and a coefficient of x:
 * x / d = quotient / (d / g), x % d = g * (quotient % (d / g)) + rest.  Gives d / g; NULL: there is no such g. */
static const Dim *index_split_by_part(
	Program *p, const Index *x, const Dim *d, const Dim **g, const Index **quotient, const Index **rest)
{
	const Dim *left = NULL;
	for (int i = 0; i < x->n_terms; i++) {
		int64_t a, b;
		const Dim *part = x->terms[i].coef;
		if (dim_is_int(part, &a) && dim_is_int(d, &b)) {
			for (a = a < 0 ? -a : a; b;) {
				const int64_t r = a % b;
				a = b, b = r;
			}
			part = dim_int(p->cx, a);
		}
		const Dim *times = dim_div_exact(p->cx, d, part);
		const Index *q, *r;
		if (dim_lo(part) < 1 || dim_is(part, 1) || !times ||
			(left && dim_lo(dim_sub(p->cx, left, times)) < 1) || !index_split(p, x, part, &q, &r))
			continue;
		left = times, *g = part, *quotient = q, *rest = r;
	}
	return left;
}

const Index *index_div(Program *p, const Index *x, const Dim *d)
{
	const Index *q, *r, *part, *rest;
	if (dim_is(d, 1)) return x;
	if (dim_is(d, 0)) /* of an array without elements: never evaluated */
		return index_dim(p, d);
	if (index_split(p, x, d, &q, &r)) return q;
	const Dim *g, *left = index_split_by_part(p, r, d, &g, &part, &rest);
	if (left) return index_add(p, q, index_div(p, part, left));
	return index_add(p, q, index_atom(p, atom_unique(p, &(Atom){.kind = ATOM_DIV, .a = r, .n = d})));
}

const Index *index_mod(Program *p, const Index *x, const Dim *d)
{
	const Index *q, *r, *part, *rest;
	if (dim_is(d, 1) || dim_is(d, 0)) return index_dim(p, dim_int(p->cx, 0));
	if (index_split(p, x, d, &q, &r)) return r;
	const Dim *g, *left = index_split_by_part(p, r, d, &g, &part, &rest);
	if (left) return index_add(p, index_scale(p, index_mod(p, part, left), g), rest);
	return index_atom(p, atom_unique(p, &(Atom){.kind = ATOM_MOD, .a = r, .n = d}));
}

const Index *index_expr(Program *p, const Expr *e, const Dim *n)
{
	int64_t size;
	if (e->kind == EX_CONST && dim_is_int(n, &size)) {
		int64_t v = e->integer < 0 ? 0 : e->integer >= size ? size - 1 : e->integer;
		return index_dim(p, dim_int(p->cx, v < 0 ? 0 : v));
	}
	const Dim *lo, *hi;
	if (e->kind == EX_INDEX && index_range(p, e->value, &lo, &hi) && dim_lo(lo) >= 0 &&
		dim_lo(dim_sub(p->cx, n, hi)) >= 1)
		return e->value;
	return index_atom(p, atom_unique(p, &(Atom){.kind = ATOM_EXPR, .expr = e, .n = n}));
}

bool index_is_const(const Index *x, int64_t *value) { return x->n_terms == 0 && dim_is_int(x->base, value); }

static bool atom_uses(const Atom *a, const Var *v)
{
	return a->kind == ATOM_VAR ? a->var == v : a->kind == ATOM_EXPR ? expr_uses(a->expr, v) : index_uses(a->a, v);
}

bool index_uses(const Index *x, const Var *v)
{
	for (int i = 0; i < x->n_terms; i++)
		if (atom_uses(x->terms[i].atom, v)) return true;
	return false;
}

const Dim *index_stride(Program *p, const Index *x, const Var *v)
{
	const Dim *stride = dim_int(p->cx, 0);
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *a = x->terms[i].atom;
		if (a->kind == ATOM_VAR && a->var == v) stride = x->terms[i].coef;
		else if (atom_uses(a, v)) return NULL;
	}
	return stride;
}

/* ---- expressions ---- */

const Expr *expr_unique(Program *p, const Expr *want)
{
	Table *t = &p->consing->exprs;
	struct {
		uint64_t kind, elem, op, number;
		const void *p[7];
	} key = {(uint64_t)want->kind, (uint64_t)want->elem, (uint64_t)want->op, (uint64_t)want->integer, {NULL}};
	uint64_t bits;
	memcpy(&bits, &want->number, sizeof bits);
	key.number ^= bits;
	for (int i = 0; i < want->n_args; i++) key.p[i] = want->args[i];
	key.p[3] = want->dim;
	key.p[4] = want->value;
	key.p[5] = want->buffer;
	key.p[6] = want->acc;
	uint64_t hash = hash_bytes(5, &key, sizeof key);
	size_t rank = want->kind == EX_LOAD ? (size_t)want->buffer->rank : 0, at = 0;
	hash = hash_bytes(hash, want->index, sizeof *want->index * rank);
	for (const Expr *e; (e = table_next(t, hash, &at));)
		if (e->kind == want->kind && e->elem == want->elem && e->op == want->op && e->n_args == want->n_args &&
			memcmp(e->args, want->args, sizeof e->args) == 0 &&
			memcmp(&e->number, &want->number, sizeof bits) == 0 && e->integer == want->integer &&
			e->dim == want->dim && e->value == want->value && e->buffer == want->buffer &&
			e->acc == want->acc &&
			(rank == 0 || memcmp(e->index, want->index, sizeof *e->index * rank) == 0))
			return e;
	Expr *e = NEW(p->arena, Expr);
	*e = *want;
	e->index = arena_copy(p->arena, want->index, sizeof *want->index * rank);
	e->id = want->id ? want->id : p->n_ids++;
	table_put(p->arena, t, hash, e);
	return e;
}

const Expr *expr_const(Program *p, Elem elem, double v)
{
	return expr_unique(p, &(Expr){.kind = EX_CONST, .elem = elem, .number = v});
}

const Expr *expr_int(Program *p, Elem elem, int64_t v)
{
	return expr_unique(p, &(Expr){.kind = EX_CONST, .elem = elem, .integer = v});
}

const Expr *expr_dim(Program *p, const Dim *d)
{
	int64_t v;
	return dim_is_int(d, &v) ? expr_int(p, I64, v) : expr_unique(p, &(Expr){.kind = EX_DIM, .elem = I64, .dim = d});
}

const Expr *expr_index(Program *p, const Index *x)
{
	return x->n_terms ? expr_unique(p, &(Expr){.kind = EX_INDEX, .elem = I64, .value = x}) : expr_dim(p, x->base);
}

const Expr *expr_op(Program *p, Op op, Elem elem, int n, const Expr *const *args)
{
	Expr e = {.kind = EX_OP, .elem = elem, .op = op, .n_args = n};
	for (int i = 0; i < n; i++) e.args[i] = args[i];
	return expr_unique(p, &e);
}

const Expr *expr_load(Program *p, const Buffer *b, const Index *const *index)
{
	int64_t at = 0, i;
	bool known = b->kind == BUF_CONST;
	for (int k = 0; known && k < b->rank; k++) {
		known = index_is_const(index[k], &i) && i >= 0 && i < b->data->dims[k];
		at = at * b->data->dims[k] + i;
	}
	if (known && elem_is_float(b->elem)) return expr_const(p, b->elem, tensor_get(b->data, at));
	if (known) return expr_int(p, b->elem, tensor_get_int(b->data, at));
	return expr_unique(p, &(Expr){.kind = EX_LOAD, .elem = b->elem, .buffer = b, .index = index});
}

const Expr *expr_acc(Program *p, Acc *acc)
{
	return expr_unique(p, &(Expr){.kind = EX_ACC, .elem = acc->elem, .acc = acc});
}

const Expr *load_under(const Expr *e)
{
	if (e->kind == EX_OP && e->op == OP_EW_cast) e = e->args[0];
	return e->kind == EX_LOAD ? e : NULL;
}

const Expr *store_rounds(const Store *s)
{
	const Expr *e = s->value;
	while (e->elem == BF16 && (e->kind == EX_ROUND || (e->kind == EX_OP && e->op == OP_EW_cast))) e = e->args[0];
	return s->buffer->elem == BF16 && e->elem == F32 ? e : NULL;
}

bool elem_is_half(Elem e) { return e == F16 || e == BF16; }

bool elem_widens(Elem e) { return elem_is_half(e) || e == I8; }

const Expr *expr_round(Program *p, Elem elem, const Expr *e)
{
	return expr_unique(p, &(Expr){.kind = EX_ROUND, .elem = elem, .n_args = 1, .args = {e}});
}

typedef struct {
	const Var *var;
	bool found;
} Uses;

static void uses_visit(void *user, const Expr *e)
{
	Uses *u = user;
	if (e->kind == EX_INDEX) u->found |= index_uses(e->value, u->var);
	if (e->kind == EX_LOAD)
		for (int i = 0; i < e->buffer->rank && !u->found; i++) u->found = index_uses(e->index[i], u->var);
	if (e->kind == EX_ACC && e->acc->value) {
		bool bound = false;
		for (int i = 0; i < e->acc->n_vars; i++) bound |= e->acc->vars[i] == u->var;
		u->found |= !bound && expr_uses(e->acc->value, u->var);
		if (e->acc->init) u->found |= expr_uses(e->acc->init, u->var);
	}
}

bool expr_uses(const Expr *e, const Var *v)
{
	Uses u = {.var = v};
	expr_walk(e, uses_visit, &u);
	return u.found;
}

void expr_each(const Expr *e, Map *seen, void (*visit)(void *, const Expr *), void *user)
{
	if (map_get(seen, e)) return;
	map_put(seen, e, e);
	for (int i = 0; i < e->n_args; i++) expr_each(e->args[i], seen, visit, user);
	visit(user, e);
}

void expr_walk(const Expr *e, void (*visit)(void *, const Expr *), void *user)
{
	Arena *scratch = arena_new();
	Map seen;
	map_init(&seen, scratch);
	expr_each(e, &seen, visit, user);
	arena_free(scratch);
}

/* ---- buffers and blocks ---- */

Buffer *buffer_new(Program *p, BufferKind kind, const char *name, const char *role, const Type *type)
{
	Buffer *b = NEW(p->arena, Buffer);
	*b = (Buffer){.kind = kind,
		.role = role,
		.elem = type->elem,
		.rank = type->rank,
		.dims = type->dims,
		.slot = -1,
		.first = -1,
		.id = p->n_buffers};
	b->name = kind == BUF_CONST ? unique_name(p, name) : unique_local(p, name);
	b->order = NEWN(p->arena, int, type->rank);
	for (int i = 0; i < type->rank; i++) b->order[i] = i;
	if ((p->n_buffers & (p->n_buffers - 1)) == 0) {
		Buffer **more = NEWN(p->arena, Buffer *, p->n_buffers ? 2 * p->n_buffers : 1);
		if (p->n_buffers) memcpy(more, p->buffers, sizeof *more * (size_t)p->n_buffers);
		p->buffers = more;
	}
	p->buffers[p->n_buffers++] = b;
	return b;
}

Buffer *const_new(Program *p, const char *name, const char *role, const Tensor *t)
{
	Ctx *cx = p->cx;
	const Tensor *data = tensor_intern(cx, t);
	const Dim **dims = NEWN(p->arena, const Dim *, data->rank);
	for (int i = 0; i < data->rank; i++) dims[i] = dim_int(cx, data->dims[i]);
	const char *have = map_get(&p->names->constants, data);
	Buffer *b = buffer_new(p, BUF_CONST, name, role, type_new(cx, data->elem, data->rank, dims));
	if (have) b->name = have;
	else map_put(&p->names->constants, data, b->name);
	b->data = data;
	return b;
}

const Dim *buffer_stride(Ctx *cx, const Buffer *b, int dim)
{
	const Dim *stride = dim_int(cx, b->row && b->row[dim] ? 0 : 1);
	for (int i = b->rank - 1; i >= 0 && b->order[i] != dim; i--)
		if (!b->row || !b->row[b->order[i]]) stride = dim_mul(cx, stride, b->dims[b->order[i]]);
	return stride;
}

Buffer *buffer_root(const Buffer *b)
{
	while (b->alias) b = b->alias;
	return (Buffer *)(uintptr_t)b;
}

const Type *buffer_stored(Ctx *cx, const Buffer *b)
{
	const Dim **dims = NEWN(cx->arena, const Dim *, b->rank);
	int n = 0;
	for (int i = 0; i < b->rank; i++)
		if (!b->row || !b->row[i]) dims[n++] = b->dims[i];
	return type_new(cx, b->elem, n, dims);
}

bool buffer_is_scalar(const Buffer *b)
{
	bool scalar = b->row != NULL;
	for (int i = 0; scalar && i < b->rank; i++) scalar = b->row[i] || dim_is(b->dims[i], 1);
	return scalar;
}

/* c*n * (a / n) + c * (a % n) = c * a */
static const Index *index_fold(Program *p, const Index *x)
{
	for (int i = 0; i < x->n_terms; i++) {
		const Atom *mod = x->terms[i].atom;
		if (mod->kind != ATOM_MOD) continue;
		for (int k = 0; k < x->n_terms; k++) {
			const Atom *div = x->terms[k].atom;
			if (div->kind != ATOM_DIV || div->a != mod->a || div->n != mod->n ||
				x->terms[k].coef != dim_mul(p->cx, x->terms[i].coef, mod->n))
				continue;
			IndexTerm *rest = NEWN(p->arena, IndexTerm, x->n_terms);
			int n = 0;
			for (int j = 0; j < x->n_terms; j++)
				if (j != i && j != k) rest[n++] = x->terms[j];
			return index_fold(p,
				index_add(p, index_intern(p, x->base, n, rest),
					index_scale(p, mod->a, x->terms[i].coef)));
		}
	}
	return x;
}

const Index *buffer_offset(Program *p, const Buffer *b, const Index *const *index)
{
	const Index *sum = index_dim(p, dim_int(p->cx, 0));
	for (int i = 0; i < b->rank; i++) sum = index_add(p, sum, index_scale(p, index[i], buffer_stride(p->cx, b, i)));
	return index_fold(p, sum);
}

void block_add(Program *p, Block *b, Stmt *s)
{
	if ((b->n & (b->n - 1)) == 0) {
		Stmt **more = NEWN(p->arena, Stmt *, b->n ? 2 * b->n : 1);
		if (b->n) memcpy(more, b->stmts, sizeof *more * (size_t)b->n);
		b->stmts = more;
	}
	b->stmts[b->n++] = s;
}

void block_each(const Block *b, void (*visit)(void *, Stmt *), void *user)
{
	for (int i = 0; i < b->n; i++) {
		visit(user, b->stmts[i]);
		block_each(&b->stmts[i]->body, visit, user);
		block_each(&b->stmts[i]->other, visit, user);
	}
}
