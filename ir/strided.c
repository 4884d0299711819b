/* strided.c: one loop for every view and movement: slice, permute, pad, expand, window and concat are copies between two
 * strided views of memory.  Neighbouring dims that both views walk evenly are merged first, so that the inner loop is long.
 */
#include "ir/prim.h"

#include <string.h>

/* The strides of a tensor without elements may overflow, and are not used. */
int64_t product_of(int n, const int64_t *dims)
{
	int64_t product = 1;
	for (int i = 0; i < n; i++)
		if (dims[i] == 0) return 0;
	for (int i = 0; i < n; i++) product = (int64_t)((uint64_t)product * (uint64_t)dims[i]);
	return product;
}

int64_t *strides_of(Eval *e, int rank, const int64_t *dims)
{
	int64_t *strides = eval_memory(e, rank, sizeof *strides);
	for (int i = 0; i < rank; i++) strides[i] = product_of(rank - i - 1, dims + i + 1);
	return strides;
}

static void copy_row(int elem_bytes, int64_t n, char *to, int64_t to_stride, const char *from, int64_t from_stride)
{
	if (to_stride == 1 && from_stride == 1) {
		memcpy(to, from, (size_t)n * (size_t)elem_bytes);
		return;
	}
	switch (elem_bytes) {
#define X(bytes, type)                                                                                             \
	case bytes:                                                                                                \
		for (int64_t i = 0; i < n; i++)                                                                    \
			((type *)(void *)to)[i * to_stride] = ((const type *)(const void *)from)[i * from_stride]; \
		break;
		X(1, uint8_t)
		X(2, uint16_t)
		X(4, uint32_t)
		X(8, uint64_t)
#undef X
	default: assert(0 && "a size of an element");
	}
}

typedef struct {
	int64_t n, to, from; /* of a dim: its size and strides */
	int64_t i;           /* where the walk stands */
} Axis;

void copy_strided(Eval *e, int elem_bytes, int rank, const int64_t *dims, void *to, const int64_t *to_strides,
	const void *from, const int64_t *from_strides)
{
	Axis *axes = eval_memory(e, rank + 1, sizeof *axes);
	int n = 0;
	for (int i = 0; i < rank; i++) {
		if (dims[i] == 0) return;
		if (dims[i] == 1) continue;
		const Axis x = {dims[i], to_strides[i], from_strides[i], 0};
		Axis *last = &axes[n - 1];
		if (n && last->to == x.to * x.n && last->from == x.from * x.n)
			*last = (Axis){last->n * x.n, x.to, x.from, 0};
		else axes[n++] = x;
	}
	if (n == 0) axes[n++] = (Axis){1, 1, 1, 0};
	const Axis inner = axes[--n];
	char *write = to;
	const char *read = from;
	for (;;) {
		copy_row(elem_bytes, inner.n, write, inner.to, read, inner.from);
		int k = n - 1;
		for (; k >= 0; k--) {
			write += axes[k].to * elem_bytes;
			read += axes[k].from * elem_bytes;
			if (++axes[k].i < axes[k].n) break;
			write -= axes[k].to * axes[k].n * elem_bytes;
			read -= axes[k].from * axes[k].n * elem_bytes;
			axes[k].i = 0;
		}
		if (k < 0) return;
	}
}
