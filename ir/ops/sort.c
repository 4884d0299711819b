/* sort x [axis flags]: the i64 indices that sort x along the axis; flags = descending.
 *
 * Stable both ways: equals keep the lower index first.  NaN counts as larger than every number: last when ascending, first
 * when descending.  -0 equals 0.  Merge sort, bottom up.
 */
#include "ir/prim.h"

INFER(sort)
{
	want_computable(cx, op, args[0]->type->elem);
	want_axis(cx, op, &attrs[0], args[0]->type);
	want_n(cx, op, &attrs[1], 1);
	want_int(cx, op, &attrs[1], 0, 0, 1);
	return type_with_elem(cx, args[0]->type, I64);
}

typedef struct {
	uint64_t key;
	int64_t index;
} Item;

/* Sorts n items in one of the two arrays, which it returns. */
static Item *merge_sort(int64_t n, Item *from, Item *to)
{
	for (int64_t run = 1; run < n; run *= 2) {
		for (int64_t start = 0; start < n; start += 2 * run) {
			const int64_t middle = start + run < n ? start + run : n;
			const int64_t end = middle + run < n ? middle + run : n;
			int64_t i = start, j = middle;
			for (int64_t k = start; k < end; k++) {
				const bool left = j == end || (i < middle && from[i].key <= from[j].key);
				to[k] = left ? from[i++] : from[j++];
			}
		}
		Item *swap = from;
		from = to;
		to = swap;
	}
	return from;
}

EVAL(sort)
{
	const Tensor *x = args[0];
	Tensor *y = eval_result(e, v->type);
	results[0] = y;
	if (x->count == 0) return;
	const int axis = (int)val_int(v, A_AXIS);
	const bool descending = val_int(v, A_FLAGS);
	const int64_t n = x->dims[axis], n_inner = product_of(x->rank - axis - 1, x->dims + axis + 1);
	Item *items = eval_memory(e, 2 * n, sizeof *items);
	int64_t *indices = y->data;
	for (int64_t line = 0; line < x->count / n; line++) {
		const int64_t first = line / n_inner * n * n_inner + line % n_inner;
		for (int64_t i = 0; i < n; i++) {
			load_keys(x->elem, x->data, first + i * n_inner, 1, &items[i].key);
			if (descending) items[i].key = ~items[i].key;
			items[i].index = i;
		}
		const Item *sorted = merge_sort(n, items, items + n);
		for (int64_t i = 0; i < n; i++) indices[first + i * n_inner] = sorted[i].index;
	}
}
