/* ops_shape.c: operators that change the shape only: Shape, Size, Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Concat,
 * Split, Expand, Tile.  All of them are views, and Shape is the dims as values. */
#include "frontend/onnx/operands.h"

#include <string.h>

static int clamp_int(int64_t v, int64_t lo, int64_t hi) { return (int)(v < lo ? lo : v > hi ? hi : v); }

static void import_shape(Node *n, const Val **out)
{
	const Type *t = node_in(n, 0, "data")->type;
	int64_t start = node_int(n, "start", 0), end = node_int(n, "end", t->rank);
	int from = clamp_int(start < 0 ? start + t->rank : start, 0, t->rank);
	int to = clamp_int(end < 0 ? end + t->rank : end, from, t->rank);
	out[0] = shape_value(n->cx, to - from, t->dims + from);
}

static void import_size(Node *n, const Val **out)
{
	out[0] = b_dim(n->cx, type_count(n->cx, node_in(n, 0, "data")->type));
}

/* ---------------------------------------------------------------------------------------------------- Reshape */

/* Factors on both sides of a reshape, without those that are on both. */
typedef struct {
	int n_from, n_to;
	const Dim **from, **to;
} Factors;

static Factors factors(Ctx *cx, const Type *t, int rank, const Dim *const *wanted, int inferred)
{
	Factors f = {t->rank, 0, dims_with_room(cx, t, 0), NEWN(cx->arena, const Dim *, rank)};
	for (int i = 0; i < rank; i++) {
		int k = 0;
		if (i == inferred) continue;
		while (k < f.n_from && f.from[k] != wanted[i]) k++;
		if (k < f.n_from) f.from[k] = f.from[--f.n_from];
		else f.to[f.n_to++] = wanted[i];
	}
	return f;
}

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

/* The number among the factors, and the product of the others. */
static int64_t split_number(Ctx *cx, int n, const Dim *const *dims, const Dim **rest)
{
	const Dim *number = dim_int(cx, 1);
	int64_t value = 1;
	*rest = number;
	for (int i = 0; i < n; i++) {
		const Dim **to = dim_is_int(dims[i], NULL) ? &number : rest;
		*to = dim_mul(cx, *to, dims[i]);
	}
	dim_is_int(number, &value);
	return value;
}

/* Both counts must be equal: that may say what a symbol is. */
static void want_same_count(const Node *n, const Factors *f, const Type *t, const Type *wanted)
{
	Ctx *cx = n->cx;
	const Dim *from, *to;
	int64_t a = split_number(cx, f->n_from, f->from, &from), b = split_number(cx, f->n_to, f->to, &to),
		g = gcd(a, b);
	if (g < 1) node_fail(n, "%s cannot be reshaped to %s", type_str(cx, t), type_str(cx, wanted));
	from = dim_mul(cx, from, dim_int(cx, a / g));
	to = dim_mul(cx, to, dim_int(cx, b / g));
	node_same_dim(
		n, from, to, arena_printf(cx->arena, "reshape of %s to %s", type_str(cx, t), type_str(cx, wanted)));
}

/* wanted: -1 stands for what the others leave, and 0, where it copies, for the dim at that place of x. */
static const Val *reshape_to(const Node *n, const Val *x, int rank, const Dim *const *wanted, bool zero_copies)
{
	Ctx *cx = n->cx;
	const Dim **dims = NEWN(cx->arena, const Dim *, rank);
	int inferred = -1;
	for (int i = 0; i < rank; i++) {
		int64_t size;
		dims[i] = wanted[i];
		if (!dim_is_int(dims[i], &size)) continue;
		if (size < -1) node_fail(n, "input shape: dim %d is %lld", i, (long long)size);
		if (size == -1 && inferred >= 0) node_fail(n, "input shape: -1 is there twice");
		if (size == -1) inferred = i;
		if (size != 0 || !zero_copies) continue;
		if (i >= x->type->rank)
			node_fail(n, "input shape: dim %d is 0, but the data is %s", i, type_str(cx, x->type));
		dims[i] = x->type->dims[i];
	}
	Factors f = factors(cx, x->type, rank, dims, inferred);
	if (inferred < 0) {
		const Type *t = type_new(cx, x->type->elem, rank, dims);
		if (type_count(cx, x->type) != type_count(cx, t)) want_same_count(n, &f, x->type, t);
		return b_reshape(cx, x, rank, dims);
	}
	const Dim *from = dim_product(cx, f.n_from, f.from), *to = dim_product(cx, f.n_to, f.to);
	dims[inferred] = dim_div_exact(cx, from, to);
	if (!dims[inferred])
		node_fail(n, "input shape: what stands for -1? %s has %s elements for each %s wanted",
			type_str(cx, x->type), dim_text(cx, from), dim_text(cx, to));
	return b_reshape(cx, x, rank, dims);
}

/* The same where run time says what is wanted: each dim is computed. */
static const Val *reshape_by_values(const Node *n, const Val *x, int rank, const Val *const *wanted, bool zero_copies)
{
	Ctx *cx = n->cx;
	const Val *one = b_scalar_int(cx, I64, 1), *minus = b_scalar_int(cx, I64, -1),
		  *wrong = b_scalar_int(cx, I64, -2);
	const Val **sizes = NEWN(cx->arena, const Val *, rank), *product = one, *n_minus = b_scalar_int(cx, I64, 0);
	for (int i = 0; i < rank; i++) {
		const Val *copied = i < x->type->rank ? b_dim(cx, x->type->dims[i]) : wrong;
		const Val *is_zero = binary(cx, OP_EW_eq, wanted[i], b_scalar_int(cx, I64, 0));
		sizes[i] = zero_copies ? b_select(cx, is_zero, copied, wanted[i]) : wanted[i];
		const Val *is_minus = binary(cx, OP_EW_eq, sizes[i], minus);
		product = binary(cx, OP_EW_mul, product, b_select(cx, is_minus, one, sizes[i]));
		n_minus = binary(cx, OP_EW_add, n_minus, b_cast(cx, is_minus, I64));
	}
	const Val *rest = binary(cx, OP_EW_div, b_dim(cx, type_count(cx, x->type)), product);
	rest = b_select(cx, binary(cx, OP_EW_gt, n_minus, one), wrong, rest);
	const Dim **dims = NEWN(cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) {
		const Val *size = b_select(cx, binary(cx, OP_EW_eq, sizes[i], minus), rest, sizes[i]);
		dims[i] = node_size(n, size, result_dim_name(n, 0, i), 0, NULL);
	}
	return b_reshape(cx, x, rank, dims);
}

static void import_reshape(Node *n, const Val **out)
{
	const Val *const *elements, *x = node_in(n, 0, "data"), *shape = node_in(n, 1, "shape");
	bool zero_copies = node_int(n, "allowzero", 0) == 0;
	int rank = node_rank(n, node_elements(n, 1, "shape", &elements));
	const Dim **dims = NEWN(n->cx->arena, const Dim *, rank);
	if (val_as_dims(n->cx, shape, rank, dims)) out[0] = reshape_to(n, x, rank, dims, zero_copies);
	else out[0] = reshape_by_values(n, x, rank, elements, zero_copies);
}

static void import_reshape_1(Node *n, const Val **out)
{
	const int64_t *ints;
	int rank = node_rank(n, node_ints(n, "shape", &ints));
	if (rank < 0) node_fail(n, "attribute shape is missing");
	const Dim **dims = NEWN(n->cx->arena, const Dim *, rank);
	for (int i = 0; i < rank; i++) dims[i] = dim_int(n->cx, ints[i]);
	out[0] = reshape_to(n, node_in(n, 0, "data"), rank, dims, true);
}

static void import_flatten(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input");
	int rank = x->type->rank;
	int64_t axis = node_int(n, "axis", 1);
	if (axis < -rank || axis > rank) node_fail(n, "axis %lld is outside of [%d, %d]", (long long)axis, -rank, rank);
	if (axis < 0) axis += rank;
	const Dim *dims[] = {
		dim_product(cx, (int)axis, x->type->dims), dim_product(cx, rank - (int)axis, x->type->dims + axis)};
	out[0] = b_reshape(cx, x, 2, dims);
}

/* -------------------------------------------------------------------------------------------- Squeeze, Unsqueeze */

static void squeeze(const Node *n, int count, const int64_t *axes, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data");
	const Type *t = x->type;
	int k = 0;
	bool *gone = NEWN(cx->arena, bool, t->rank);
	for (int i = 0; i < t->rank && count < 0; i++) {
		gone[i] = dim_is(t->dims[i], 1);
		if (gone[i] || dim_lo(t->dims[i]) > 1 || dim_hi(t->dims[i]) < 1) continue;
		if (!node_reads(n, t->dims[i]))
			node_fail(n,
				"without axes: whether a dim of %s is 1 decides what remains; give it a size or a bound",
				type_str(cx, t));
		/* the rank is decided now: what an operand says at run time stays, and must not be 1 */
		const Val *is_one = binary(cx, OP_EW_eq, b_dim(cx, t->dims[i]), b_scalar_int(cx, I64, 1));
		node_check_size(n, b_cast(cx, is_one, I64), dim_int(cx, 0));
		note(cx, "%s: without axes: %s is taken not to be 1; a call where it is ends with an error", cx->loc,
			dim_text(cx, t->dims[i]));
	}
	int *places = count < 0 ? NULL : node_axes(n, count, axes, t->rank);
	for (int i = 0; i < count; i++) {
		const Dim *d = t->dims[places[i]];
		if (dim_is_int(d, NULL) || dim_symbol(d)) /* a formula may be 1: the reshape checks it at run time */
			node_same_dim(n, d, dim_int(cx, 1), arena_printf(cx->arena, "the dim of axis %d", places[i]));
		gone[places[i]] = true;
	}
	const Dim **dims = NEWN(cx->arena, const Dim *, t->rank);
	for (int i = 0; i < t->rank; i++)
		if (!gone[i]) dims[k++] = t->dims[i];
	out[0] = b_reshape(cx, x, k, dims);
}

static void import_squeeze(Node *n, const Val **out)
{
	int count;
	const int64_t *axes;
	const Val *const *elements, *x = node_in(n, 0, "data");
	if (node_ints_if_known(n, 1, "axes", &count, &axes)) {
		squeeze(n, count, axes, out);
		return;
	}
	if (count > x->type->rank) node_fail(n, "%d axes of %s", count, type_str(n->cx, x->type));
	node_elements(n, 1, "axes", &elements);
	const Val **places = axis_places(n, 1, count, elements, x->type->rank);
	out[0] = without_axes(n, x, count, places); /* dims that are not 1 make the counts differ */
}

static void import_squeeze_1(Node *n, const Val **out)
{
	const int64_t *axes;
	int count = node_ints(n, "axes", &axes);
	squeeze(n, count, axes, out);
}

static void unsqueeze(const Node *n, int count, const int64_t *axes, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "data");
	int rank = x->type->rank;
	if (count < 0) node_fail(n, "axes are missing");
	int *places = node_axes(n, count, axes, node_rank(n, rank + count));
	const Dim **dims = NEWN(cx->arena, const Dim *, rank + count);
	for (int i = 0; i < count; i++) dims[places[i]] = dim_int(cx, 1);
	for (int i = 0, k = 0; i < rank + count; i++)
		if (!dims[i]) dims[i] = x->type->dims[k++];
	out[0] = b_reshape(cx, x, rank + count, dims);
}

/* Each dim of the result is 1, or that dim of x which so many other places are left of. */
static const Val *unsqueeze_by_values(const Node *n, const Val *x, int count, const Val *const *axes)
{
	Ctx *cx = n->cx;
	int rank = node_rank(n, x->type->rank + count);
	const Val **places = axis_places(n, 1, count, axes, rank), *from = b_scalar_int(cx, I64, 0);
	const Dim **dims = NEWN(cx->arena, const Dim *, rank), *most = dim_int(cx, 1);
	for (int i = 0; i < x->type->rank; i++) most = dim_max(cx, most, x->type->dims[i]);
	for (int i = 0; i < rank; i++) {
		const Val *is_new = is_axis(cx, count, places, i), *size = b_scalar_int(cx, I64, 0);
		for (int k = 0; k < x->type->rank; k++)
			size = b_select(cx, binary(cx, OP_EW_eq, from, b_scalar_int(cx, I64, k)),
				b_dim(cx, x->type->dims[k]), size);
		size = b_select(cx, is_new, b_scalar_int(cx, I64, 1), size);
		dims[i] = node_size(n, size, result_dim_name(n, 0, i), 0, most);
		from = binary(cx, OP_EW_add, from, b_cast(cx, b_ew1(cx, OP_EW_not, is_new), I64));
	}
	return b_reshape(cx, x, rank, dims);
}

static void import_unsqueeze(Node *n, const Val **out)
{
	int count;
	const int64_t *axes;
	const Val *const *elements;
	if (node_ints_if_known(n, 1, "axes", &count, &axes)) {
		unsqueeze(n, count, axes, out);
		return;
	}
	node_elements(n, 1, "axes", &elements);
	out[0] = unsqueeze_by_values(n, node_in(n, 0, "data"), count, elements);
}

static void import_unsqueeze_1(Node *n, const Val **out)
{
	const int64_t *axes;
	int count = node_ints(n, "axes", &axes);
	unsqueeze(n, count, axes, out);
}

static void import_transpose(Node *n, const Val **out)
{
	const Val *x = node_in(n, 0, "data");
	int rank = x->type->rank;
	const int64_t *given;
	int count = node_ints(n, "perm", &given);
	if (count >= 0 && count != rank) node_fail(n, "attribute perm: %d axes wanted, %d seen", rank, count);
	int *perm = count < 0 ? NEWN(n->cx->arena, int, rank) : node_axes(n, rank, given, rank);
	for (int i = 0; i < rank && count < 0; i++) perm[i] = rank - 1 - i;
	out[0] = b_permute(n->cx, x, perm);
}

/* ---------------------------------------------------------------------------------------------------- Concat, Split */

static void concat(const Node *n, int64_t given_axis, const Val **out)
{
	Ctx *cx = n->cx;
	const Type *t = node_in(n, 0, "inputs")->type;
	int axis = node_axis(n, given_axis, t->rank);
	for (int i = 1; i < n->n_in; i++) {
		const Type *u = node_in(n, i, "inputs")->type;
		if (u->elem != t->elem || u->rank != t->rank)
			node_fail(n, "inputs of one type and rank wanted, %s and %s seen", type_str(cx, t),
				type_str(cx, u));
		for (int k = 0; k < t->rank; k++)
			if (k != axis)
				node_same_dim(
					n, t->dims[k], u->dims[k], arena_printf(cx->arena, "dim %d of the inputs", k));
	}
	out[0] = b_concat(cx, n->n_in, n->in, axis);
}

static void import_concat(Node *n, const Val **out) { concat(n, node_required_int(n, "axis"), out); }
static void import_concat_1(Node *n, const Val **out) { concat(n, node_int(n, "axis", 1), out); }

/* count < 0: equal parts; where the last may be smaller, opset 18 says so. */
static void split(const Node *n, int count, const Dim *const *given, bool are_known, bool last_smaller, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input");
	int axis = node_axis(n, node_int(n, "axis", 0), x->type->rank), parts = n->n_out;
	const Dim *length = x->type->dims[axis], *at = dim_int(cx, 0), *sum = at;
	const Dim **sizes = NEWN(cx->arena, const Dim *, parts);
	if (count >= 0 && count != parts) node_fail(n, "%d outputs, but %d sizes in split", parts, count);
	const Dim *equal = dim_div_exact(cx, length, dim_int(cx, parts));
	if (count < 0 && !equal && last_smaller) equal = dim_ceildiv(cx, length, dim_int(cx, parts));
	if (count < 0 && !equal) node_fail(n, "%s is no multiple of the %d outputs", dim_text(cx, length), parts);
	for (int i = 0; i < parts; i++) {
		sizes[i] = count >= 0 ? given[i] : i < parts - 1 ? equal : dim_sub(cx, length, sum);
		if (dim_hi(sizes[i]) < 0) node_fail(n, "output %d would have %s elements", i, dim_text(cx, sizes[i]));
		sum = dim_add(cx, sum, sizes[i]);
	}
	if (count >= 0 && !are_known) node_check_size(n, b_dim(cx, sum), length);
	else node_same_dim(n, length, sum, "the split axis and the sum of the sizes");
	for (int i = 0; i < parts; i++) {
		out[i] = b_slice(cx, x, axis, at, sizes[i], 1);
		at = dim_add(cx, at, sizes[i]);
	}
}

static void split_by_attr(const Node *n, const Val **out)
{
	const int64_t *ints;
	int count = node_ints(n, "split", &ints);
	const Dim **sizes = count < 0 ? NULL : NEWN(n->cx->arena, const Dim *, count);
	for (int i = 0; i < count; i++) sizes[i] = dim_int(n->cx, ints[i]);
	split(n, count, sizes, true, false, out);
}

static void import_split_2(Node *n, const Val **out) { split_by_attr(n, out); }

/* The sizes that an input gives; -1 where it is not there. */
static int split_sizes(const Node *n, const Dim *const **sizes, bool *are_known)
{
	const Val *x = node_in(n, 0, "input"), *const * elements;
	int axis = node_axis(n, node_int(n, "axis", 0), x->type->rank), count = node_elements(n, 1, "split", &elements);
	if (count < 0) return -1;
	const Dim **dims = NEWN(n->cx->arena, const Dim *, count);
	*are_known = val_as_dims(n->cx, n->in[1], count, dims);
	for (int i = 0; i < count && !*are_known; i++)
		dims[i] = node_size(n, elements[i], operand_name(n, 1, i), 0, x->type->dims[axis]);
	*sizes = dims;
	return count;
}

/* Opset 1 has both. */
static void import_split_1(Node *n, const Val **out)
{
	const Dim *const *sizes;
	bool are_known;
	int count = split_sizes(n, &sizes, &are_known);
	if (count < 0) split_by_attr(n, out);
	else split(n, count, sizes, are_known, false, out);
}

static void import_split(Node *n, const Val **out)
{
	const Dim *const *sizes = NULL;
	bool are_known = true;
	int count = split_sizes(n, &sizes, &are_known);
	bool has_number = node_has(n, "num_outputs");
	if (has_number && count >= 0) node_fail(n, "both split and num_outputs are given");
	if (has_number && node_int(n, "num_outputs", 0) != n->n_out)
		node_fail(n, "attribute num_outputs is %lld, but there are %d outputs",
			(long long)node_int(n, "num_outputs", 0), n->n_out);
	split(n, count, sizes, are_known, has_number, out);
}

/* ---------------------------------------------------------------------------------------------------- Expand, Tile */

/* Dim i of x, of size a, repeated to the size that run time wants, where one of both is 1 or they are equal. */
static const Val *expand_to_value(const Node *n, const Val *x, int i, const Val *wanted, int in, int k)
{
	Ctx *cx = n->cx;
	const Dim *a = x->type->dims[i], *size;
	const Val *one = b_scalar_int(cx, I64, 1), *own = b_dim(cx, a);
	const Val *all = b_select(cx, binary(cx, OP_EW_eq, own, one), wanted, own);
	size = node_size(n, all, operand_name(n, in, k), 0, NULL);
	node_check_size(n, b_select(cx, binary(cx, OP_EW_eq, wanted, one), b_dim(cx, size), wanted), size);
	const Dim **dims = dims_with_room(cx, x->type, 0);
	dims[i] = size;
	if (a == size) return x;
	if (dim_is(a, 1)) return b_expand(cx, x, x->type->rank, dims);
	/* all in range, or all the one element */
	return b_gather(cx, x, b_iota(cx, I64, 1, &size, 0), i);
}

static void import_expand(Node *n, const Val **out)
{
	Ctx *cx = n->cx;
	const Val *x = node_in(n, 0, "input"), *const * wanted;
	node_in(n, 1, "shape");
	int count = node_rank(n, node_elements(n, 1, "shape", &wanted));
	int rank = count > x->type->rank ? count : x->type->rank, added = rank - x->type->rank;
	const Dim **dims = NEWN(cx->arena, const Dim *, rank), **ones = NEWN(cx->arena, const Dim *, rank);
	const Val **late = NEWN(cx->arena, const Val *, rank);
	for (int i = 0; i < rank; i++) {
		int is = i - (rank - count);
		const Dim *a = i < added ? dim_int(cx, 1) : x->type->dims[i - added], *b = dim_int(cx, 1);
		if (is >= 0 && !val_as_dims(cx, wanted[is], 1, &b)) late[i] = wanted[is];
		if (!late[i] && !dim_is(a, 1) && !dim_is(b, 1))
			node_same_dim(n, a, b, arena_printf(cx->arena, "dim %d of the data and of the shape", i));
		dims[i] = late[i] || !dim_is(a, 1) ? a : b;
		ones[i] = a;
	}
	x = b_expand(cx, b_reshape(cx, x, rank, ones), rank, dims);
	for (int i = 0; i < rank; i++)
		if (late[i]) x = expand_to_value(n, x, i, late[i], 1, i - (rank - count));
	out[0] = x;
}

/* [.., d, ..] -> [.., 1, d, ..] -> [.., r, d, ..] -> [.., r*d, ..] */
static const Val *tile(Ctx *cx, const Val *x, int axis, const Dim *repeats)
{
	const Dim *d = x->type->dims[axis], *all = dim_mul(cx, repeats, d);
	if (dim_is(repeats, 1)) return x;
	x = b_unsqueeze(cx, x, axis);
	const Dim **dims = dims_with_room(cx, x->type, 0);
	dims[axis] = repeats;
	return replace_dims(cx, b_expand(cx, x, x->type->rank, dims), axis, 2, 1, &all);
}

static void import_tile(Node *n, const Val **out)
{
	const Val *x = node_in(n, 0, "input");
	const Dim *const *repeats;
	node_in(n, 1, "repeats");
	int count = node_dims(n, 1, "repeats", &repeats);
	if (count != x->type->rank) node_fail(n, "input repeats: %d numbers wanted, %d seen", x->type->rank, count);
	for (int i = 0; i < count; i++) x = tile(n->cx, x, i, repeats[i]);
	out[0] = x;
}

static void import_tile_1(Node *n, const Val **out)
{
	const Val *x = node_in(n, 0, "input");
	node_in(n, 1, "tiles");
	node_in(n, 2, "axis");
	int axis = node_axis(n, node_known_int(n, 2, "axis", 0), x->type->rank);
	out[0] = tile(n->cx, x, axis, node_dim(n, 1, "tiles"));
}

const Importer onnx_ops_shape[] = {
	{"", "Shape", 1, 14, "", 1, 1, 1, import_shape},
	{"", "Shape", 15, 0, "start end", 1, 1, 1, import_shape},
	{"", "Size", 1, 0, "", 1, 1, 1, import_size},
	{"", "Reshape", 1, 4, "shape consumed_inputs", 1, 1, 1, import_reshape_1},
	{"", "Reshape", 5, 13, "", 2, 2, 1, import_reshape},
	{"", "Reshape", 14, 0, "allowzero", 2, 2, 1, import_reshape},
	{"", "Flatten", 1, 0, "axis", 1, 1, 1, import_flatten},
	{"", "Squeeze", 1, 12, "axes", 1, 1, 1, import_squeeze_1},
	{"", "Squeeze", 13, 0, "", 1, 2, 1, import_squeeze},
	{"", "Unsqueeze", 1, 12, "axes", 1, 1, 1, import_unsqueeze_1},
	{"", "Unsqueeze", 13, 0, "", 2, 2, 1, import_unsqueeze},
	{"", "Transpose", 1, 0, "perm", 1, 1, 1, import_transpose},
	{"", "Concat", 1, 3, "axis", 1, -1, 1, import_concat_1},
	{"", "Concat", 4, 0, "axis", 1, -1, 1, import_concat},
	{"", "Split", 1, 1, "axis split", 1, 2, -1, import_split_1},
	{"", "Split", 2, 12, "axis split", 1, 1, -1, import_split_2},
	{"", "Split", 13, 17, "axis", 1, 2, -1, import_split},
	{"", "Split", 18, 0, "axis num_outputs", 1, 2, -1, import_split},
	{"", "Expand", 8, 0, "", 2, 2, 1, import_expand},
	{"", "Tile", 1, 5, "", 3, 3, 1, import_tile_1},
	{"", "Tile", 6, 0, "", 2, 2, 1, import_tile},
	{.op = NULL},
};
