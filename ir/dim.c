/* dim.c: sizes as polynomials over symbols, in normal form and interned.
 *
 * A polynomial is a sum of terms (coefficient times symbols), in graded lexicographic order, largest first; so equal
 * polynomials are one Dim and exact division is long division by leading terms.  What no polynomial can say (a floor, a
 * minimum) is a derived symbol with its operands and bounds by interval arithmetic.
 */
#include "ir/intern.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 Wide; /* for products of 64-bit numbers */

enum { MAX_TERMS = 64, MAX_DEPTH = 40 };

/* ---- interning ---- */

static const Sym *sym_intern(Ctx *cx, const Sym *want, uint64_t hash)
{
	Intern *in = cx->intern;
	size_t at = 0;
	for (const Sym *s; (s = table_next(&in->syms, hash, &at));)
		if (s->kind == want->kind && s->name == want->name && s->a == want->a && s->b == want->b) return s;
	Sym *s = NEW(in->arena, Sym);
	*s = *want;
	s->id = in->n_syms++;
	table_put(in->arena, &in->syms, hash, s);
	return s;
}

static uint64_t name_hash(const char *name) { return hash_bytes(1, &name, sizeof name); }

Sym *sym_find(Ctx *cx, const char *name)
{
	name = intern(cx, name);
	size_t at = 0;
	for (const Sym *s; (s = table_next(&cx->intern->syms, name_hash(name), &at));)
		if (s->kind == SYM_NAMED && s->name == name) return (Sym *)(uintptr_t)s;
	return NULL;
}

static int dim_compare(const Dim *a, const Dim *b);

/* Named ones by name, then derived ones: not by what was made first, so that a graph prints the same from any history. */
static int sym_compare(const Sym *x, const Sym *y)
{
	if (x == y) return 0;
	if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
	if (x->kind == SYM_NAMED) return strcmp(x->name, y->name);
	int order = dim_compare(x->a, y->a);
	return order ? order : dim_compare(x->b, y->b);
}

/* Graded lexicographic: higher degree first, then smaller symbols first. */
static int term_compare(const Term *x, const Term *y)
{
	if (x->n_syms != y->n_syms) return x->n_syms > y->n_syms ? -1 : 1;
	for (int i = 0; i < x->n_syms; i++)
		if (x->syms[i] != y->syms[i]) return sym_compare(x->syms[i], y->syms[i]);
	return 0;
}

static int dim_compare(const Dim *a, const Dim *b)
{
	if (a == b) return 0;
	for (int i = 0; i < a->n_terms && i < b->n_terms; i++) {
		int order = term_compare(&a->terms[i], &b->terms[i]);
		if (order) return order;
		if (a->terms[i].coef != b->terms[i].coef) return a->terms[i].coef < b->terms[i].coef ? -1 : 1;
	}
	return a->n_terms < b->n_terms ? -1 : 1;
}

static const Dim *dim_intern(Ctx *cx, int n, const Term *terms)
{
	Intern *in = cx->intern;
	if (n > MAX_TERMS) fail(cx, "a size has more than %d terms", MAX_TERMS);
	uint64_t hash = 7;
	for (int i = 0; i < n; i++) {
		hash = hash_bytes(hash, &terms[i].coef, sizeof terms[i].coef);
		hash = hash_bytes(hash, terms[i].syms, sizeof *terms[i].syms * (size_t)terms[i].n_syms);
	}
	size_t at = 0;
	for (const Dim *d; (d = table_next(&in->dims, hash, &at));) {
		bool same = d->n_terms == n;
		for (int i = 0; same && i < n; i++)
			same = d->terms[i].coef == terms[i].coef && term_compare(&d->terms[i], &terms[i]) == 0;
		if (same) return d;
	}
	Dim *d = NEW(in->arena, Dim);
	d->n_terms = n;
	Term *copy = arena_copy(in->arena, terms, sizeof *terms * (size_t)n);
	for (int i = 0; i < n; i++)
		copy[i].syms = arena_copy(in->arena, terms[i].syms, sizeof *terms[i].syms * (size_t)terms[i].n_syms);
	d->terms = copy;
	d->id = in->n_dims++;
	table_put(in->arena, &in->dims, hash, d);
	return d;
}

const Dim *dim_int(Ctx *cx, int64_t value) { return dim_intern(cx, value != 0, &(Term){.coef = value}); }

static const Dim *dim_of_sym(Ctx *cx, const Sym *s) { return dim_intern(cx, 1, &(Term){1, 1, &s}); }

const Dim *dim_sym(Ctx *cx, const char *name)
{
	Sym want = {.kind = SYM_NAMED, .name = intern(cx, name), .lo = 0, .hi = INT64_MAX, .step = 1};
	const Sym *s = sym_intern(cx, &want, name_hash(want.name));
	const Dim *plain = dim_of_sym(cx, s), *step = dim_int(cx, s->step);
	return s->step == 1 ? plain : dim_mul(cx, step, dim_floordiv(cx, plain, step));
}

void sym_bound(Ctx *cx, const char *name, int64_t lo, int64_t hi)
{
	dim_sym(cx, name);
	Sym *s = sym_find(cx, name);
	s->lo = lo;
	s->hi = hi;
}

/* ---- arithmetic ---- */

static int64_t checked(Ctx *cx, Wide v)
{
	if (v > INT64_MAX || v < -INT64_MAX) fail(cx, "a size overflows 64 bits");
	return (int64_t)v;
}

const Dim *dim_add(Ctx *cx, const Dim *a, const Dim *b)
{
	Term terms[2 * MAX_TERMS];
	int n = 0;
	for (int i = 0, j = 0; i < a->n_terms || j < b->n_terms;) {
		int order = i == a->n_terms ? 1 : j == b->n_terms ? -1 : term_compare(&a->terms[i], &b->terms[j]);
		Term t = order <= 0 ? a->terms[i++] : b->terms[j++];
		if (order == 0) t.coef = checked(cx, (Wide)t.coef + b->terms[j++].coef);
		if (t.coef) terms[n++] = t;
	}
	return dim_intern(cx, n, terms);
}

static const Dim *dim_mul_term(Ctx *cx, const Dim *a, const Term *by)
{
	Term terms[MAX_TERMS];
	const Sym *syms[MAX_TERMS][DIM_DEGREE];
	for (int i = 0; i < a->n_terms; i++) {
		const Term *t = &a->terms[i];
		if (t->n_syms + by->n_syms > DIM_DEGREE)
			fail(cx, "a size is a product of more than %d symbols", DIM_DEGREE);
		int n = 0;
		for (int p = 0, q = 0; p < t->n_syms || q < by->n_syms;)
			syms[i][n++] = q == by->n_syms || (p < t->n_syms && sym_compare(t->syms[p], by->syms[q]) <= 0)
				? t->syms[p++]
				: by->syms[q++];
		terms[i] = (Term){checked(cx, (Wide)t->coef * by->coef), n, syms[i]};
	}
	return dim_intern(cx, a->n_terms, terms); /* a monomial order: still sorted */
}

const Dim *dim_mul(Ctx *cx, const Dim *a, const Dim *b)
{
	const Dim *sum = dim_int(cx, 0);
	for (int i = 0; i < b->n_terms; i++) sum = dim_add(cx, sum, dim_mul_term(cx, a, &b->terms[i]));
	return sum;
}

const Dim *dim_sub(Ctx *cx, const Dim *a, const Dim *b)
{
	return dim_add(cx, a, dim_mul_term(cx, b, &(Term){.coef = -1}));
}

/* x / y as terms; false when it does not divide. */
static bool term_divide(const Term *x, const Term *y, Term *quotient, const Sym **syms)
{
	if (x->coef % y->coef) return false;
	int n = 0, q = 0;
	for (int p = 0; p < x->n_syms; p++) {
		if (q < y->n_syms && x->syms[p] == y->syms[q]) q++;
		else syms[n++] = x->syms[p];
	}
	*quotient = (Term){x->coef / y->coef, n, syms};
	return q == y->n_syms;
}

const Dim *dim_div_exact(Ctx *cx, const Dim *a, const Dim *b)
{
	const Dim *quotient = dim_int(cx, 0);
	if (b->n_terms == 0) return NULL;
	for (int steps = 0; a->n_terms; steps++) {
		Term t;
		const Sym *syms[DIM_DEGREE];
		if (steps == MAX_TERMS || !term_divide(&a->terms[0], &b->terms[0], &t, syms)) return NULL;
		const Dim *part = dim_intern(cx, 1, &t);
		quotient = dim_add(cx, quotient, part);
		a = dim_sub(cx, a, dim_mul(cx, part, b));
	}
	return quotient;
}

bool dim_is_int(const Dim *d, int64_t *value)
{
	if (d->n_terms > 1 || (d->n_terms == 1 && d->terms[0].n_syms)) return false;
	if (value) *value = d->n_terms ? d->terms[0].coef : 0;
	return true;
}

bool dim_is(const Dim *d, int64_t value)
{
	int64_t v;
	return dim_is_int(d, &v) && v == value;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	int64_t q = a / b;
	return q - (a % b != 0 && (a < 0) != (b < 0));
}

/* ---- derived symbols ---- */

static const Dim *dim_derived(Ctx *cx, SymKind kind, const Dim *a, const Dim *b, DimRange range)
{
	Sym want = {.kind = kind, .a = a, .b = b, .lo = range.lo, .hi = range.hi};
	const void *key[3] = {a, b, NULL};
	return dim_of_sym(cx, sym_intern(cx, &want, hash_bytes((uint64_t)kind + 11, key, sizeof key)));
}

const Dim *dim_floordiv(Ctx *cx, const Dim *a, const Dim *b)
{
	int64_t m, n;
	if (dim_is(b, 0)) fail(cx, "a size is divided by zero");
	const Dim *exact = dim_div_exact(cx, a, b);
	if (exact) return exact;
	if (dim_is_int(a, &m) && dim_is_int(b, &n)) return dim_int(cx, floor_div(m, n));
	DimRange range = {INT64_MIN, INT64_MAX}, r = dim_range(a);
	if (dim_is_int(b, &n) && n > 0) {
		/* floor((n*q + r) / n) = q + floor(r / n) */
		const Dim *q = dim_int(cx, 0), *rest = dim_int(cx, 0);
		for (int i = 0; i < a->n_terms; i++) {
			Term t = a->terms[i];
			bool divides = t.coef % n == 0;
			t.coef = divides ? t.coef / n : t.coef;
			const Dim **to = divides ? &q : &rest;
			*to = dim_add(cx, *to, dim_intern(cx, 1, &t));
		}
		if (!dim_is(q, 0)) return dim_add(cx, q, dim_floordiv(cx, rest, b));
		range.lo = r.lo == INT64_MIN ? INT64_MIN : floor_div(r.lo, n);
		range.hi = r.hi == INT64_MAX ? INT64_MAX : floor_div(r.hi, n);
	} else if (r.lo >= 0 && dim_lo(b) >= 0) {
		range = (DimRange){0, r.hi};
	}
	return dim_derived(cx, SYM_FLOORDIV, a, b, range);
}

const Dim *dim_ceildiv(Ctx *cx, const Dim *a, const Dim *b)
{
	return dim_floordiv(cx, dim_add(cx, a, dim_sub(cx, b, dim_int(cx, 1))), b);
}

/* 8-T: what T lacks of 8. */
static bool lacking(const Dim *d)
{
	bool is = d->n_terms > 1 && d->terms[d->n_terms - 1].n_syms == 0 && d->terms[d->n_terms - 1].coef > 0;
	for (int i = 0; i < d->n_terms - 1; i++) is &= d->terms[i].coef < 0;
	return is;
}

/* max(0, 8-T), which is what T is padded by to have 8, is max(T, 8)-T: so T and its padding add up to max(T, 8). */
static const Dim *dim_extreme(Ctx *cx, const Dim *a, const Dim *b, bool larger)
{
	DimRange gap = dim_range(dim_sub(cx, a, b)), x = dim_range(a), y = dim_range(b);
	if (gap.hi <= 0) return larger ? b : a;
	if (gap.lo >= 0) return larger ? a : b;
	if (larger && (lacking(a) || lacking(b)) && (dim_is(a, 0) || dim_is(b, 0))) {
		const Dim *lack = dim_is(a, 0) ? b : a, *wanted = dim_int(cx, lack->terms[lack->n_terms - 1].coef);
		const Dim *have = dim_sub(cx, wanted, lack);
		return dim_sub(cx, dim_extreme(cx, have, wanted, true), have);
	}
	if (dim_compare(a, b) > 0) {
		const Dim *t = a;
		a = b;
		b = t;
	}
	if (larger)
		return dim_derived(cx, SYM_MAX, a, b, (DimRange){x.lo > y.lo ? x.lo : y.lo, x.hi > y.hi ? x.hi : y.hi});
	return dim_derived(cx, SYM_MIN, a, b, (DimRange){x.lo < y.lo ? x.lo : y.lo, x.hi < y.hi ? x.hi : y.hi});
}

const Dim *dim_min(Ctx *cx, const Dim *a, const Dim *b) { return dim_extreme(cx, a, b, false); }

const Dim *dim_max(Ctx *cx, const Dim *a, const Dim *b) { return dim_extreme(cx, a, b, true); }

const Dim *dim_product(Ctx *cx, int n, Dims dims)
{
	const Dim *p = dim_int(cx, 1);
	for (int i = 0; i < n; i++) p = dim_mul(cx, p, dims[i]);
	return p;
}

static const Dim *derive(Ctx *cx, SymKind kind, const Dim *a, const Dim *b)
{
	return kind == SYM_FLOORDIV ? dim_floordiv(cx, a, b) : kind == SYM_MIN ? dim_min(cx, a, b) : dim_max(cx, a, b);
}

const Dim *dim_subst(Ctx *cx, const Dim *d, const Map *map)
{
	const Dim *sum = dim_int(cx, 0);
	for (int i = 0; i < d->n_terms; i++) {
		const Dim *t = dim_int(cx, d->terms[i].coef);
		for (int k = 0; k < d->terms[i].n_syms; k++) {
			const Sym *s = d->terms[i].syms[k];
			const Dim *by = s->kind == SYM_NAMED
				? map_get(map, s)
				: derive(cx, s->kind, dim_subst(cx, s->a, map), dim_subst(cx, s->b, map));
			t = dim_mul(cx, t, by ? by : dim_of_sym(cx, s));
		}
		sum = dim_add(cx, sum, t);
	}
	return sum;
}

static const Dim *dim_limit(Ctx *cx, const Dim *d, bool upper);

static void see_unbounded(void *any, const Sym *s) { *(bool *)any |= s->computed && s->hi == INT64_MAX; }

static void see_computed(void *any, const Sym *s) { *(bool *)any |= s->computed; }

static bool has_unbounded(const Dim *d)
{
	bool any = false;
	dim_each_sym(d, see_unbounded, &any);
	return any;
}

static const Dim *bound_of(Ctx *cx, const Sym *s)
{
	bool computed = false;
	if (s->most) dim_each_sym(s->most, see_computed, &computed);
	if (computed) fail(cx, "the size %s is bounded by one that is computed, too", s->name);
	if (s->most) return s->most;
	const char *name = arena_printf(cx->arena, "%s_max", s->name);
	while (sym_find(cx, name)) name = arena_printf(cx->arena, "%s_", name);
	dim_sym(cx, name);
	Sym *most = sym_find(cx, name);
	most->most_of = s;
	return sym_find(cx, s->name)->most = dim_of_sym(cx, most);
}

/* The limit of one symbol that may be, or be made of, computed ones. */
static const Dim *sym_limit(Ctx *cx, const Sym *s, bool upper)
{
	if (s->kind == SYM_NAMED && !s->computed) return dim_of_sym(cx, s);
	if (s->kind == SYM_NAMED && upper && s->hi == INT64_MAX) return bound_of(cx, s);
	if (s->kind == SYM_NAMED) return dim_int(cx, upper ? s->hi : s->lo);
	if (s->kind == SYM_MIN && upper && has_unbounded(s->a) != has_unbounded(s->b))
		return dim_limit(cx, has_unbounded(s->a) ? s->b : s->a, upper);
	const Dim *a = dim_limit(cx, s->a, upper), *b = dim_limit(cx, s->b, s->kind == SYM_FLOORDIV ? !upper : upper);
	if (a == s->a && b == s->b) return dim_of_sym(cx, s);
	return derive(cx, s->kind, a, s->kind == SYM_FLOORDIV && dim_is(b, 0) ? dim_int(cx, 1) : b);
}

static const Dim *dim_limit(Ctx *cx, const Dim *d, bool upper)
{
	const Dim *sum = dim_int(cx, 0);
	for (int i = 0; i < d->n_terms; i++) {
		const Dim *t = dim_int(cx, d->terms[i].coef);
		for (int k = 0; k < d->terms[i].n_syms; k++)
			t = dim_mul(cx, t, sym_limit(cx, d->terms[i].syms[k], upper == (d->terms[i].coef > 0)));
		sum = dim_add(cx, sum, t);
	}
	return sum;
}

const Dim *dim_most(Ctx *cx, const Dim *d) { return dim_limit(cx, d, true); }

const Dim *sym_within(const Sym *s)
{
	bool has = s->hi == INT64_MAX && s->most && !s->most->terms[0].syms[0]->most_of;
	return has ? s->most : NULL;
}

int64_t dim_least(Ctx *cx, const Dim *d)
{
	const Dim *sum = dim_int(cx, 0);
	for (int i = 0; i < d->n_terms; i++) {
		const Dim *t = dim_int(cx, d->terms[i].coef);
		for (int k = 0; k < d->terms[i].n_syms; k++) {
			const Sym *s = d->terms[i].syms[k];
			const Dim *within = d->terms[i].coef < 0 ? sym_within(s) : NULL;
			t = dim_mul(cx, t, within ? within : dim_of_sym(cx, s));
		}
		sum = dim_add(cx, sum, t);
	}
	return dim_lo(sum);
}

const Dim *dim_computed(Ctx *cx, const char *wish, const Dim *most)
{
	int64_t hi = INT64_MAX;
	most = dim_most(cx, most);
	const char *name = wish;
	for (int n = 2; sym_find(cx, name); n++) name = arena_printf(cx->arena, "%s_%d", wish, n);
	const Dim *d = dim_sym(cx, name);
	Sym *s = sym_find(cx, name);
	s->computed = true;
	if (!dim_is_int(most, &hi)) s->most = most;
	sym_bound(cx, name, 0, hi);
	return d;
}

typedef struct {
	const Sym *sym;
	bool seen;
} Wanted;

static void see_sym(void *wanted, const Sym *s)
{
	Wanted *w = wanted;
	w->seen |= s == w->sym;
}

bool dim_mentions(const Dim *d, const Sym *s)
{
	Wanted wanted = {s, false};
	dim_each_sym(d, see_sym, &wanted);
	return wanted.seen;
}

void dim_each_sym(const Dim *d, void (*each)(void *user, const Sym *), void *user)
{
	for (int i = 0; i < d->n_terms; i++)
		for (int k = 0; k < d->terms[i].n_syms; k++) {
			const Sym *s = d->terms[i].syms[k];
			if (s->kind == SYM_NAMED) {
				each(user, s);
			} else {
				dim_each_sym(s->a, each, user);
				dim_each_sym(s->b, each, user);
			}
		}
}

/* ---- evaluation ---- */

void dimenv_init(DimEnv *env, Arena *arena) { map_init(&env->values, arena); }

void dimenv_set(DimEnv *env, const Sym *s, int64_t value)
{
	int64_t *box = NEW(env->values.arena, int64_t);
	*box = value;
	map_put(&env->values, s, box);
}

bool dimenv_get(const DimEnv *env, const Sym *s, int64_t *value)
{
	const int64_t *box = map_get(&env->values, s);
	if (box) *value = *box;
	return box;
}

int64_t dim_eval(Ctx *cx, const Dim *d, const DimEnv *env)
{
	Wide sum = 0;
	for (int i = 0; i < d->n_terms; i++) {
		Wide t = d->terms[i].coef;
		for (int k = 0; k < d->terms[i].n_syms; k++) {
			const Sym *s = d->terms[i].syms[k];
			int64_t v;
			if (s->kind == SYM_NAMED) {
				if (!dimenv_get(env, s, &v)) fail(cx, "the size '%s' has no value", s->name);
			} else {
				int64_t a = dim_eval(cx, s->a, env), b = dim_eval(cx, s->b, env);
				if (s->kind == SYM_FLOORDIV && b == 0) fail(cx, "a size is divided by zero");
				v = s->kind == SYM_FLOORDIV  ? floor_div(a, b)
					: s->kind == SYM_MIN ? (a < b ? a : b)
							     : (a > b ? a : b);
			}
			t = checked(cx, t * v);
		}
		sum = checked(cx, sum + t);
	}
	return (int64_t)sum;
}

/* ---- text ---- */

static bool is_plain_name(const char *name)
{
	static const char *const reserved[] = {"floor", "min", "max"};
	if (!isalpha((unsigned char)name[0]) && name[0] != '_') return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '.') return false;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (strcmp(name, reserved[i]) == 0) return false;
	return true;
}

static void sym_print(Buf *b, const Sym *s)
{
	if (s->kind == SYM_NAMED && is_plain_name(s->name)) {
		buf_puts(b, s->name);
	} else if (s->kind == SYM_NAMED) { /* any other name, quoted */
		buf_puts(b, "'");
		for (const char *p = s->name; *p; p++) buf_printf(b, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
		buf_puts(b, "'");
	} else {
		buf_puts(b, s->kind == SYM_FLOORDIV ? "floor((" : s->kind == SYM_MIN ? "min(" : "max(");
		dim_print(b, s->a);
		buf_puts(b, s->kind == SYM_FLOORDIV ? ")/(" : ", ");
		dim_print(b, s->b);
		buf_puts(b, s->kind == SYM_FLOORDIV ? "))" : ")");
	}
}

void dim_print(Buf *b, const Dim *d)
{
	if (d->n_terms == 0) buf_puts(b, "0");
	for (int i = 0; i < d->n_terms; i++) {
		const Term *t = &d->terms[i];
		Factor factors[DIM_DEGREE];
		const int64_t coef = term_factors(t, factors);
		if (i && coef > 0) buf_puts(b, "+");
		if (t->n_syms == 0 || (coef != 1 && coef != -1))
			buf_printf(b, t->n_syms ? "%lld*" : "%lld", (long long)coef);
		else if (coef == -1) buf_puts(b, "-");
		for (int k = 0; k < t->n_syms; k++) {
			buf_puts(b, k ? "*" : "");
			buf_puts(b, factors[k].by > 1 ? "floor((" : "");
			sym_print(b, factors[k].sym);
			if (factors[k].by > 1) buf_printf(b, ")/(%lld))", (long long)factors[k].by);
		}
	}
}

typedef struct {
	Ctx *cx;
	const char *s;
	int depth;
} Parser;

static const Dim *parse_sum(Parser *p);

static void parse_space(Parser *p)
{
	while (*p->s == ' ' || *p->s == '\t') p->s++;
}

static void parse_want(Parser *p, char c)
{
	parse_space(p);
	if (*p->s != c) fail(p->cx, "size: '%c' wanted at '%.12s'", c, p->s);
	p->s++;
}

static const Dim *parse_factor(Parser *p)
{
	Ctx *cx = p->cx;
	parse_space(p);
	if (isdigit((unsigned char)*p->s)) {
		char *end;
		unsigned long long v = strtoull(p->s, &end, 10);
		if (v > INT64_MAX) fail(cx, "size: number too large at '%.24s'", p->s);
		p->s = end;
		return dim_int(cx, (int64_t)v);
	}
	if (*p->s == '(') {
		p->s++;
		const Dim *d = parse_sum(p);
		parse_want(p, ')');
		return d;
	}
	if (*p->s == '\'') {
		Buf name;
		buf_init(&name, cx->arena);
		for (p->s++; *p->s && *p->s != '\''; p->s++) {
			p->s += *p->s == '\\' && p->s[1];
			buf_write(&name, p->s, 1);
		}
		parse_want(p, '\'');
		return dim_sym(cx, name.size ? name.text : "");
	}
	size_t n = 0;
	while (isalnum((unsigned char)p->s[n]) || p->s[n] == '_' || p->s[n] == '.') n++;
	const char *name = arena_strn(cx->arena, p->s, n);
	p->s += n;
	if (strcmp(name, "floor") == 0) { /* floor((a)/(b)) */
		parse_want(p, '(');
		const Dim *a = parse_factor(p);
		parse_want(p, '/');
		const Dim *b = parse_factor(p);
		parse_want(p, ')');
		return dim_floordiv(cx, a, b);
	}
	if (strcmp(name, "min") == 0 || strcmp(name, "max") == 0) {
		parse_want(p, '(');
		const Dim *a = parse_sum(p);
		parse_want(p, ',');
		const Dim *b = parse_sum(p);
		parse_want(p, ')');
		return dim_extreme(cx, a, b, name[1] == 'a');
	}
	if (!is_plain_name(name)) fail(cx, "size: a number or a name wanted at '%.12s'", p->s - n);
	return dim_sym(cx, name);
}

static const Dim *parse_product(Parser *p)
{
	const Dim *d = parse_factor(p);
	for (parse_space(p); *p->s == '*'; parse_space(p)) {
		p->s++;
		d = dim_mul(p->cx, d, parse_factor(p));
	}
	return d;
}

static const Dim *parse_sum(Parser *p)
{
	if (++p->depth > MAX_DEPTH) fail(p->cx, "size: nested more than %d deep", MAX_DEPTH);
	parse_space(p);
	const Dim *d = dim_int(p->cx, 0);
	bool minus = *p->s == '-';
	if (minus) p->s++;
	for (;;) {
		const Dim *t = parse_product(p);
		d = minus ? dim_sub(p->cx, d, t) : dim_add(p->cx, d, t);
		parse_space(p);
		if (*p->s != '+' && *p->s != '-') break;
		minus = *p->s++ == '-';
	}
	p->depth--;
	return d;
}

const Dim *dim_parse(Ctx *cx, const char *text, const char **end)
{
	Parser p = {.cx = cx, .s = text};
	const Dim *d = parse_sum(&p);
	*end = p.s;
	return d;
}
