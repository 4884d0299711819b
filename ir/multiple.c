/* multiple.c: sizes that are multiples of a number, as those of images that are halved five times and doubled again.
 *
 * A symbol T with a step of 32 keeps its name, and callers give T; but dim_sym() makes it 32*floor(T/32), which is T.  The
 * quotient is a symbol like any other, so half of T is 16 of it by ordinary arithmetic of polynomials: what remains of T after
 * five halvings, doubled, is again what remains after four, and nobody needs to prove it.  Texts say T and T/4 again.
 */
#include "ir/ir.h"

#include <string.h>

enum { MOST_HINTED = 64 };

/* ---- what a symbol can be ---- */

static int64_t greatest_common(int64_t a, int64_t b)
{
	while (b) {
		const int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

bool range_round(SizeRange *r)
{
	if (r->step < 1 || r->step > INT32_MAX) return false;
	const int64_t over = r->lo % r->step;
	if (over && __builtin_add_overflow(r->lo, r->step - over, &r->lo)) return false;
	if (r->hi != INT64_MAX) r->hi -= r->hi % r->step;
	return r->lo <= r->hi;
}

void sym_narrow(Ctx *cx, const SizeRange *by)
{
	dim_sym(cx, by->name);
	Sym *s = sym_find(cx, by->name);
	SizeRange r = {by->name, by->lo > s->lo ? by->lo : s->lo, by->hi < s->hi ? by->hi : s->hi, s->step};
	const bool holds = !__builtin_mul_overflow(s->step / greatest_common(s->step, by->step), by->step, &r.step);
	if (!holds || !range_round(&r)) {
		const Sym want = {.lo = by->lo, .hi = by->hi, .step = by->step};
		fail(cx, "the size %s cannot be %s: it is %s", by->name, sym_values(cx, &want, ".."),
			sym_values(cx, s, ".."));
	}
	s->lo = r.lo;
	s->hi = r.hi;
	s->step = r.step;
}

bool sym_takes(const Sym *s, int64_t value) { return value >= s->lo && value <= s->hi && value % s->step == 0; }

int64_t sym_near(const Sym *s, int64_t wish)
{
	const int64_t value = wish < s->lo ? s->lo : wish > s->hi ? s->hi : wish, over = value % s->step;
	return over ? value + s->step - over : value;
}

const char *sym_values(Ctx *cx, const Sym *s, const char *dots)
{
	Buf b;
	buf_init(&b, cx->arena);
	if (s->lo == s->hi) buf_printf(&b, "%lld", (long long)s->lo);
	else if (s->hi == INT64_MAX) buf_printf(&b, "%lld or more", (long long)s->lo);
	else buf_printf(&b, "%lld%s%lld", (long long)s->lo, dots, (long long)s->hi);
	if (s->step > 1 && s->lo < s->hi) buf_printf(&b, ", a multiple of %lld", (long long)s->step);
	return b.text;
}

/* ---- symbols in dims ---- */

static const Sym *only_symbol(const Dim *d, int64_t *coef)
{
	if (d->n_terms != 1 || d->terms[0].n_syms != 1) return NULL;
	*coef = d->terms[0].coef;
	return d->terms[0].syms[0];
}

const Sym *sym_divided(const Sym *s)
{
	int64_t coef = 0;
	const Sym *whole = s->kind == SYM_FLOORDIV ? only_symbol(s->a, &coef) : NULL;
	const bool is = whole && whole->kind == SYM_NAMED && coef == 1 && dim_is(s->b, whole->step);
	return is ? whole : NULL;
}

const Sym *dim_symbol(const Dim *d)
{
	int64_t coef = 0;
	const Sym *s = only_symbol(d, &coef), *whole = s ? sym_divided(s) : NULL;
	if (whole) return coef == whole->step ? whole : NULL;
	return s && s->kind == SYM_NAMED && coef == 1 ? s : NULL;
}

int64_t term_factors(const Term *t, Factor *factors)
{
	int64_t left = t->coef;
	for (int i = 0; i < t->n_syms; i++) {
		const Sym *whole = sym_divided(t->syms[i]);
		factors[i] = (Factor){t->syms[i], 1};
		if (!whole) continue;
		const int64_t taken = greatest_common(whole->step, left < 0 ? -left : left);
		factors[i] = (Factor){whole, whole->step / taken};
		left /= taken;
	}
	return left;
}

/* ---- a hint ---- */

typedef struct {
	Ctx *cx;
	const Dim *step;
	Map to;   /* each symbol as a multiple of step */
	Buf *out; /* the options; NULL: only `to` is wanted */
} Hint;

static void see_open(void *user, const Sym *s)
{
	Hint *h = user;
	if (s->computed || map_get(&h->to, s)) return;
	const Dim *quotient = dim_floordiv(h->cx, dim_sym(h->cx, s->name), h->step);
	map_put(&h->to, s, dim_mul(h->cx, h->step, quotient));
	if (!h->out) return;
	buf_puts(h->out, " --dim \"");
	buf_printf(h->out, "%s=/", s->name);
	dim_print(h->out, h->step);
	buf_puts(h->out, "\"");
}

static void each_open(Hint *h, const Dim *a, const Dim *b)
{
	map_init(&h->to, h->cx->arena);
	dim_each_sym(a, see_open, h);
	dim_each_sym(b, see_open, h);
}

void dim_hint(Ctx *cx, Buf *out, const Dim *a, const Dim *b)
{
	for (int64_t step = 2; step <= MOST_HINTED; step *= 2) {
		Hint h = {.cx = cx, .step = dim_int(cx, step)};
		each_open(&h, a, b);
		if (dim_subst(cx, a, &h.to) != dim_subst(cx, b, &h.to)) continue;
		if (!out->size) buf_puts(out, "; multiples would be equal:");
		h.out = out;
		each_open(&h, a, b);
		return;
	}
}
