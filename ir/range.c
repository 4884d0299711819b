/* range.c: between which numbers a size lies, by interval arithmetic, which saturates.
 *
 * The terms of a size are not independent of each other: max(T, 8)-T is what T is padded by, and not below 0, while the intervals of
 * its terms alone leave that open.  So what a derived symbol stands for is put in its place, where it may cancel others:
 * n*floor(a/n) is a-r for an r of 0 to n-1, and max(a, b) is one of both.  Each of these intervals holds, and so does
 * what they have in common.
 */
#include "ir/ir.h"

#include <string.h>

__extension__ typedef __int128 Wide; /* for products of 64-bit numbers */

enum { MAX_TERMS = 64, MAX_SUMS = 64 };

typedef struct { /* in any order */
	int n;
	Term terms[MAX_TERMS];
} Sum;

static const DimRange unbounded = {INT64_MIN, INT64_MAX};

static int64_t saturate(Wide v) { return v >= INT64_MAX ? INT64_MAX : v <= INT64_MIN ? INT64_MIN : (int64_t)v; }

static bool is_infinite(int64_t v) { return v == INT64_MAX || v == INT64_MIN; }

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- each term by itself ---- */

static int64_t bound_mul(int64_t a, int64_t b)
{
	if (a == 0 || b == 0) return 0;
	if (is_infinite(a) || is_infinite(b)) return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
	return saturate((Wide)a * b);
}

static DimRange range_mul(DimRange x, DimRange y)
{
	int64_t v[4] = {bound_mul(x.lo, y.lo), bound_mul(x.lo, y.hi), bound_mul(x.hi, y.lo), bound_mul(x.hi, y.hi)};
	DimRange r = {v[0], v[0]};
	for (int i = 1; i < 4; i++) r = (DimRange){smaller(r.lo, v[i]), larger(r.hi, v[i])};
	return r;
}

static DimRange range_add(DimRange x, DimRange y)
{
	return (DimRange){is_infinite(x.lo) || is_infinite(y.lo) ? INT64_MIN : saturate((Wide)x.lo + y.lo),
		is_infinite(x.hi) || is_infinite(y.hi) ? INT64_MAX : saturate((Wide)x.hi + y.hi)};
}

static DimRange terms_range(int n, const Term *terms)
{
	DimRange sum = {0, 0};
	for (int i = 0; i < n; i++) {
		DimRange t = {terms[i].coef, terms[i].coef};
		for (int k = 0; k < terms[i].n_syms; k++)
			t = range_mul(t, (DimRange){terms[i].syms[k]->lo, terms[i].syms[k]->hi});
		sum = range_add(sum, t);
	}
	return sum;
}

/* ---- one in another's place ---- */

static bool same_symbols(const Term *x, const Term *y)
{
	return x->n_syms == y->n_syms &&
		(x->n_syms == 0 || memcmp(x->syms, y->syms, sizeof *x->syms * (size_t)x->n_syms) == 0);
}

/* sum + times * d; false: it is too large. */
static bool add_times(Sum *sum, const Dim *d, int64_t times)
{
	for (int i = 0; i < d->n_terms; i++) {
		Term t = d->terms[i];
		int at = 0;
		while (at < sum->n && !same_symbols(&sum->terms[at], &t)) at++;
		if (__builtin_mul_overflow(t.coef, times, &t.coef) || at == MAX_TERMS ||
			(at < sum->n && __builtin_add_overflow(t.coef, sum->terms[at].coef, &t.coef)))
			return false;
		sum->terms[at] = t;
		if (at == sum->n) sum->n++;
		else if (t.coef == 0) sum->terms[at] = sum->terms[--sum->n];
	}
	return true;
}

/* How much of it may still be tried: the ways to replace several symbols are many. */
typedef struct {
	int sums;
} Budget;

static DimRange sum_range(const Sum *, Budget *);

/* The sum of rest * scale and d * times. */
static DimRange range_with(const Sum *rest, int64_t scale, const Dim *d, int64_t times, Budget *budget)
{
	Sum sum = *rest;
	for (int i = 0; i < sum.n; i++)
		if (__builtin_mul_overflow(sum.terms[i].coef, scale, &sum.terms[i].coef)) return unbounded;
	return add_times(&sum, d, times) ? sum_range(&sum, budget) : unbounded;
}

/* Of a whole number that is in r when it is n times as large. */
static DimRange range_divided(DimRange r, int64_t n)
{
	if (!is_infinite(r.lo)) r.lo = r.lo / n + (r.lo > 0 && r.lo % n);
	if (!is_infinite(r.hi)) r.hi = r.hi / n - (r.hi < 0 && r.hi % n);
	return r;
}

/* The sum of rest and coef * s. */
static DimRange range_replaced(const Sum *rest, const Sym *s, int64_t coef, Budget *budget)
{
	if (s->kind == SYM_FLOORDIV) {
		int64_t n;
		if (!dim_is_int(s->b, &n) || n < 1 || coef == INT64_MIN) return unbounded;
		const int64_t scale = coef % n ? n : 1, times = coef % n ? coef : coef / n;
		const DimRange left = range_mul((DimRange){-times, -times}, (DimRange){0, n - 1});
		return range_divided(range_add(range_with(rest, scale, s->a, times, budget), left), scale);
	}
	const DimRange a = range_with(rest, 1, s->a, coef, budget), b = range_with(rest, 1, s->b, coef, budget);
	return (s->kind == SYM_MAX) == (coef > 0) ? (DimRange){larger(a.lo, b.lo), larger(a.hi, b.hi)}
						  : (DimRange){smaller(a.lo, b.lo), smaller(a.hi, b.hi)};
}

static DimRange sum_range(const Sum *sum, Budget *budget)
{
	DimRange r = terms_range(sum->n, sum->terms);
	for (int i = 0; i < sum->n && sum->n > 1 && budget->sums > 0; i++) {
		const Term *t = &sum->terms[i];
		if (t->n_syms != 1 || t->syms[0]->kind == SYM_NAMED) continue;
		Sum rest = *sum;
		rest.terms[i] = rest.terms[--rest.n];
		budget->sums--;
		const DimRange other = range_replaced(&rest, t->syms[0], t->coef, budget);
		r = (DimRange){larger(r.lo, other.lo), smaller(r.hi, other.hi)};
	}
	return r;
}

/* ---- dims ---- */

DimRange dim_range(const Dim *d)
{
	bool derived = false;
	for (int i = 0; i < d->n_terms; i++)
		derived |= d->terms[i].n_syms == 1 && d->terms[i].syms[0]->kind != SYM_NAMED;
	if (!derived || d->n_terms < 2) return terms_range(d->n_terms, d->terms);
	Sum sum = {.n = d->n_terms};
	memcpy(sum.terms, d->terms, sizeof *d->terms * (size_t)d->n_terms);
	return sum_range(&sum, &(Budget){MAX_SUMS});
}

int64_t dim_lo(const Dim *d) { return dim_range(d).lo; }

int64_t dim_hi(const Dim *d) { return dim_range(d).hi; }
