/* compare.c: whether a tensor is what it should be. */
#include "cli/cli.h"

#include <math.h>

static const char *index_text(Ctx *cx, const Tensor *t, int64_t i)
{
	int64_t *at = NEWN(cx->arena, int64_t, t->rank);
	for (int d = t->rank - 1; d >= 0; i /= t->dims[d--]) at[d] = i % t->dims[d];
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "[");
	for (int d = 0; d < t->rank; d++) buf_printf(&b, "%s%lld", d ? ", " : "", (long long)at[d]);
	buf_puts(&b, "]");
	return b.text;
}

static const char *value_text(Ctx *cx, const Tensor *t, int64_t i)
{
	if (elem_is_float(t->elem)) return arena_printf(cx->arena, "%.9g", tensor_get(t, i));
	return t->elem == U64 ? arena_printf(cx->arena, "%llu", (unsigned long long)tensor_get_int(t, i))
			      : arena_printf(cx->arena, "%lld", (long long)tensor_get_int(t, i));
}

/* NaN equals NaN, infinities equal themselves; integers and truth values must be equal. */
static void compare_elements(const Tensor *a, const Tensor *b, int64_t i, Tolerance tol, double *error, double *ratio)
{
	*error = *ratio = 0;
	if (!elem_is_float(b->elem)) {
		if (tensor_get_int(a, i) == tensor_get_int(b, i)) return;
		*error = fabs(tensor_get(a, i) - tensor_get(b, i));
		*ratio = INFINITY;
		return;
	}
	const double x = tensor_get(a, i), y = tensor_get(b, i);
	if (x == y || (isnan(x) && isnan(y))) return;
	*error = isfinite(x) && isfinite(y) ? fabs(x - y) : INFINITY;
	*ratio = isinf(*error) ? INFINITY : *error / (tol.atol + tol.rtol * fabs(y));
}

Comparison compare_tensors(Ctx *cx, const Tensor *a, const Tensor *b, Tolerance tol)
{
	Comparison c = {0};
	const bool widened = cx->f64 && a->elem == F64 && b->elem == F32;
	bool same = (a->elem == b->elem || widened) && a->rank == b->rank;
	for (int d = 0; same && d < a->rank; d++) same = a->dims[d] == b->dims[d];
	if (!same) {
		c.worst_ratio = INFINITY;
		c.reason = arena_printf(
			cx->arena, "%s seen, %s wanted", tensor_shape(cx->arena, a), tensor_shape(cx->arena, b));
		return c;
	}
	int64_t worst = 0;
	for (int64_t i = 0; i < a->count; i++) {
		double error, ratio;
		compare_elements(a, b, i, tol, &error, &ratio);
		if (error > c.worst_error) c.worst_error = error;
		if (ratio > c.worst_ratio) {
			c.worst_ratio = ratio;
			worst = i;
		}
	}
	if (c.worst_ratio > 1)
		c.reason = arena_printf(cx->arena, "at %s: %s seen, %s wanted", index_text(cx, a, worst),
			value_text(cx, a, worst), value_text(cx, b, worst));
	return c;
}
