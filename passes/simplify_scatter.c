/* simplify_scatter.c: x[a:b, c:d] = updates, which exporters write as a scatter with constant indices, becomes concats of slices:
 * those are stored by parts, in place where that may be, and fuse with what they hold. */
#include "passes/rewrite.h"

/* The box that the tuples walk through in row-major order; false when they are no box, or reach outside. */
static bool box_of(const Tensor *index, const Type *x, int64_t depth, int64_t *lo, int64_t *size)
{
	int64_t n = depth ? index->count / depth : 0, volume = 1;
	for (int64_t d = 0; d < depth && n; d++) {
		int64_t most = lo[d] = tensor_get_int(index, d), dim;
		for (int64_t i = 1; i < n; i++) {
			int64_t at = tensor_get_int(index, i * depth + d);
			most = at > most ? at : most;
		}
		if (lo[d] < 0 || !dim_is_int(x->dims[d], &dim) || most >= dim || most < lo[d]) return false;
		size[d] = most - lo[d] + 1;
		volume = size[d] > n ? n + 1 : volume * size[d];
		if (volume > n) return false;
	}
	if (!n || volume != n) return false;
	for (int64_t i = 0; i < n; i++)
		for (int64_t d = depth - 1, rest = i; d >= 0; rest /= size[d], d--)
			if (tensor_get_int(index, i * depth + d) != lo[d] + rest % size[d]) return false;
	return true;
}

/* x where the dims before d are inside the box and dim d is in [start, start + n). */
static const Val *beside(
	Ctx *cx, const Val *x, int64_t d, const int64_t *lo, const int64_t *size, int64_t start, int64_t n)
{
	for (int64_t k = 0; k < d; k++) x = b_slice(cx, x, (int)k, dim_int(cx, lo[k]), dim_int(cx, size[k]), 1);
	return b_slice(cx, x, (int)d, dim_int(cx, start), dim_int(cx, n), 1);
}

const Val *simplify_scatter(Ctx *cx, const Val *v)
{
	enum { MAX_DEPTH = 16 };
	const Val *x = v->args[0];
	const Tensor *index = constant_tensor(cx, v->args[1]);
	const Type *t = v->args[1]->type;
	int64_t depth, lo[MAX_DEPTH], size[MAX_DEPTH];
	if (val_str(v, A_KIND) != intern(cx, "set") || !index || !dim_is_int(t->dims[t->rank - 1], &depth) ||
		depth > MAX_DEPTH || !box_of(index, x->type, depth, lo, size))
		return NULL;
	const Dim **dims = NEWN(cx->arena, const Dim *, x->type->rank);
	for (int d = 0; d < x->type->rank; d++) dims[d] = d < depth ? dim_int(cx, size[d]) : x->type->dims[d];
	const Val *y = b_reshape(cx, v->args[2], x->type->rank, dims);
	for (int64_t d = depth - 1; d >= 0; d--) {
		int64_t n, end = lo[d] + size[d];
		dim_is_int(x->type->dims[d], &n);
		const Val *parts[3];
		int n_parts = 0;
		if (lo[d]) parts[n_parts++] = beside(cx, x, d, lo, size, 0, lo[d]);
		parts[n_parts++] = y;
		if (end < n) parts[n_parts++] = beside(cx, x, d, lo, size, end, n - end);
		y = b_concat(cx, n_parts, parts, (int)d);
	}
	return y;
}
